"""Children of processes that use gradax: forked at rest, forked in the midst of calls, spawned."""

import multiprocessing
import os
import threading

import numpy as np
import pytest

import gradax as jax
import gradax.numpy as jnp

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning"),
    pytest.mark.skipif(
        os.environ.get("GRADAX_SANITIZED") == "thread",
        reason="the thread sanitizer does not follow threads that a forked child starts",
    ),
]

X = np.linspace(0, 1, 200_000, dtype=np.float32)


@jax.jit
def known(x):
    return jnp.sort(jnp.sin(x) * 2).sum()


def compute(n):
    """Return known and new programs' values: the latter are compiled in the child."""
    new = jax.jit(lambda x: (x.reshape(100, -1) @ x.reshape(-1, 100) + n).mean())
    return float(known(X)), float(new(X))


def in_a_child(function, seconds=60):
    """Run `function` in a forked child, and fail if it does not return within some seconds."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            os.write(writer, b"1" if function() else b"0")
            status = 0
        finally:
            os._exit(status)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        import select

        ready, _, _ = select.select([pipe], [], [], seconds)
        answer = pipe.read(1) if ready else None
    if answer is None:
        os.kill(pid, 9)
    os.waitpid(pid, 0)
    assert answer is not None, "the child hangs"
    assert answer == b"1"


def test_children_compute():
    expected = compute(1)
    in_a_child(lambda: compute(1) == expected)
    in_a_child(lambda: np.isfinite(compute(17)).all())
    assert compute(1) == expected


def test_children_of_children():
    expected = compute(1)

    def child():
        in_a_child(lambda: compute(1) == expected)
        return compute(1) == expected

    in_a_child(child)


def test_forks_in_the_midst_of_calls():
    expected, stop = compute(1), threading.Event()
    failures = []

    def work(n):
        mine = jax.jit(lambda x: jnp.cumsum(x * n).max())
        value = float(mine(X))
        while not stop.is_set():
            jnp.ones(1000 + n).sum().block_until_ready()
            if float(mine(X)) != value or float(known(X)) != expected[0]:
                failures.append(n)

    workers = [threading.Thread(target=work, args=(n,)) for n in (1, 2, 3)]
    for worker in workers:
        worker.start()
    try:
        for _ in range(12):
            in_a_child(lambda: compute(1) == expected)
    finally:
        stop.set()
        for worker in workers:
            worker.join()
    assert not failures


def send(connection):
    connection.send(compute(1))
    connection.close()


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_multiprocessing(method):
    expected = compute(1)
    context = multiprocessing.get_context(method)
    ours, theirs = context.Pipe()
    child = context.Process(target=send, args=(theirs,))
    child.start()
    assert ours.poll(60), "the child hangs"
    assert ours.recv() == expected
    child.join(20)
    assert child.exitcode == 0


def double(x):
    return np.asarray(jax.jit(lambda y: y * 2)(x))


def test_pools_send_arrays():
    with multiprocessing.get_context("fork").Pool(2) as pool:
        found = pool.map(double, [np.ones(3, np.float32), np.full(3, 2, np.float32)])
    np.testing.assert_array_equal(found, [[2, 2, 2], [4, 4, 4]])
