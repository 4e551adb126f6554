"""Calls within calls, and calls from many threads: none waits for ever, all run in order."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from native_programs import F32, I64, array, program, slow, value

import gradax as jax
import gradax.numpy as jnp
from gradax import native


def queued_callback(function):
    """Return a program that runs in the stream and calls `function`, and its second argument."""
    callback = native.Callback(function, [F32], [F32])
    run = program("call_python", (F32, I64), cost_ns=1e9, keep=callback)
    return run, array(callback.address, I64)


def queued_add_one(x):
    (y,) = program("add_one", cost_ns=1e9).execute([x])
    return y


def finishes(function, seconds=20):
    """Return what `function` returns; fail if it does not within some seconds."""
    found, done = [], threading.Event()

    def run():
        try:
            found.append(function())
        finally:
            done.set()

    threading.Thread(target=run, daemon=True).start()
    assert done.wait(seconds), "the call waits for ever"
    return found[0]


def test_a_callback_waits_for_calls_that_are_queued_behind_it():
    complete, box = threading.Event(), []

    def function(x):
        assert complete.wait(10)
        return [value(box[-1]) + x]

    def run():
        first, address = queued_callback(function)
        (y,) = first.execute([array(1), address])
        z = queued_add_one(array(5))
        other = queued_add_one(array(100))
        box.extend([z, other, queued_add_one(z)])
        complete.set()
        return value(y), value(other)

    assert finishes(run) == (8, 101)


def test_a_callback_waits_for_calls_that_were_queued_before_it_began():
    box, gate = [], threading.Event()

    def function(x):
        gate.wait(10)
        return [value(box[0]) + x]

    def run():
        busy, rounds = slow(20)
        (pending,) = busy.execute([array(1), rounds])
        first, address = queued_callback(function)
        (y,) = first.execute([pending, address])
        box.append(queued_add_one(queued_add_one(array(10))))
        last = queued_add_one(y)
        gate.set()
        return value(y), value(last)

    assert finishes(run) == (14, 15)


def test_a_callback_that_waits_for_its_own_result():
    box, gate = [], threading.Event()

    def function(x):
        gate.wait(10)
        return [value(box[0])]

    def run(steps):
        busy, rounds = slow(20)
        (pending,) = busy.execute([array(1), rounds])
        first, address = queued_callback(function)
        (y,) = first.execute([pending, address])
        box[:] = [queued_add_one(y) if steps else y]
        gate.set()
        with pytest.raises(RuntimeError, match="a callback waits for a value of the call that"):
            y.block_until_ready()
        return True

    assert finishes(lambda: run(0))
    gate.clear()
    assert finishes(lambda: run(1))


def test_a_callback_whose_threads_make_calls():
    f = jax.jit(lambda x: jnp.sum(jnp.sin(x) ** 2 + jnp.cos(x) ** 2))

    def function(x):
        with ThreadPoolExecutor(3) as threads:
            parts = threads.map(lambda n: float(f(np.full(n, x))), (100_000, 100_000, 100_000))
            return [np.float32(round(sum(parts), -2))]

    def run():
        first, address = queued_callback(function)
        return value(first.execute([array(1), address])[0])

    f(np.zeros(100_000)).block_until_ready()
    assert finishes(run) == 300_000


class Lazy:
    """Computes its value with gradax when a call asks for it."""

    def __array__(self, dtype=None, copy=None):
        inner = jax.jit(lambda x: jnp.cumsum(x) * 2)(np.ones(5, np.float32))
        return np.asarray(inner)


def test_arguments_that_call_gradax():
    outer = jax.jit(lambda x, y: x + y)

    def run():
        return [np.asarray(outer(jnp.asarray(Lazy()), np.asarray(Lazy()))).tolist()] * 2

    assert finishes(run)[0] == [4, 8, 12, 16, 20]


def test_functions_that_call_jitted_functions_while_they_are_traced():
    inner = jax.jit(lambda x: x * 2)

    @jax.jit
    def outer(x):
        with jax.ensure_compile_time_eval():
            constant = float(inner(np.float32(21)))
        return inner(x) + constant

    assert finishes(lambda: float(outer(np.float32(1)))) == 44


def test_calls_run_in_order():
    seen = []

    def function(x):
        seen.append(int(x))
        return [x]

    run, address = queued_callback(function)
    outs = [run.execute([array(i), address])[0] for i in range(50)]
    assert [value(y) for y in outs] == list(range(50))
    assert seen == list(range(50))


def test_threads_with_programs_of_their_own():
    def work(n):
        program = jax.jit(lambda x: jnp.sort(x * n)[::-1].cumsum() @ jnp.ones(x.shape[0]))
        x = np.arange(1000 + n, dtype=np.float32)
        return {float(program(x)) for _ in range(30)}

    with ThreadPoolExecutor(6) as threads:
        results = list(threads.map(work, range(12)))
    assert [len(found) for found in results] == [1] * 12


def test_one_function_from_many_threads():
    f = jax.jit(lambda x: (jnp.exp(-x) * x).sum())
    sizes = [10, 1000, 100_000, 300_000]
    expected = {n: float(f(np.ones(n, np.float32))) for n in sizes}
    wrong = []

    def work(seed):
        for i in range(60):
            n = sizes[(seed + i) % 4]
            if float(f(np.ones(n, np.float32))) != expected[n]:
                wrong.append(n)

    workers = [threading.Thread(target=work, args=(seed,)) for seed in range(6)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not wrong
