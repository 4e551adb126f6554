import multiprocessing
import os
import threading
import time

import numpy as np
import pytest
from native_programs import array, program, slow, value

from gradax import native
from gradax.core.aval import Aval

no_forks = pytest.mark.skipif(
    os.environ.get("GRADAX_SANITIZED") == "thread",
    reason="the thread sanitizer does not follow threads that a forked child starts",
)

LONG = Aval((100_000,), np.int64)


def iota(cost_ns=0.0):
    return native.array_view(program("iota", (), (LONG,), cost_ns).execute([])[0])


@pytest.fixture(params=[1, 2, 4, 13])
def threads(request):
    native.set_num_threads(request.param)
    yield request.param
    native.set_num_threads(0)


@pytest.mark.parametrize("cost_ns", [0.0, 10e3, 1e9])
def test_parallel_loops(threads, cost_ns):
    assert native.num_threads() == threads
    for _ in range(20):
        np.testing.assert_array_equal(iota(cost_ns), np.arange(100_000))


def test_loops_from_many_threads(threads):
    wrong = []

    def work():
        for i in range(20):
            if not np.array_equal(iota(1e9 if i % 3 else 10e3), np.arange(100_000)):
                wrong.append(i)

    all_threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in all_threads:
        thread.start()
    for thread in all_threads:
        thread.join()
    assert not wrong


def test_numbers_of_threads():
    assert 1 <= native.num_threads() <= (os.cpu_count() or 1)
    with pytest.raises(ValueError):
        native.set_num_threads(-1)
    with pytest.raises(TypeError):
        native.set_num_threads("two")


def _in_a_child(connection):
    run, rounds = slow(1)
    good = np.array_equal(iota(10e3), np.arange(100_000))
    good = good and np.array_equal(iota(1e9), np.arange(100_000))
    good = good and value(run.execute([array(1), rounds])[0]) == 2
    connection.send(good)
    connection.close()


@no_forks
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_forks(threads):
    iota(10e3)
    run, rounds = slow(30)
    (pending,) = run.execute([array(1), rounds])
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    child = context.Process(target=_in_a_child, args=(theirs,))
    child.start()
    assert ours.poll(20), "the child hangs"
    assert ours.recv() is True
    child.join(10)
    assert child.exitcode == 0
    assert value(pending) == 2
    np.testing.assert_array_equal(iota(10e3), np.arange(100_000))


@no_forks
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_child_sees_what_was_pending():
    run, rounds = slow(30)
    (pending,) = run.execute([array(1), rounds])
    pid = os.fork()
    if pid == 0:
        os._exit(0 if value(pending) == 2 else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def test_exit_with_calls_pending():
    import subprocess
    import sys

    code = (
        "from native_programs import *\n"
        "run, rounds = slow(200)\n"
        "x, = run.execute([array(1), rounds])\n"
    )
    begin = time.perf_counter()
    here = os.path.dirname(__file__)
    done = subprocess.run([sys.executable, "-c", code], cwd=here, timeout=30)
    assert done.returncode == 0
    assert time.perf_counter() - begin < 20
