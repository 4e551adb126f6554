import gc
import weakref

import numpy as np
import pytest
from native_programs import F32, I64, V3, array, program, slow, value

from gradax import native
from gradax.core.aval import Aval


@pytest.fixture(params=[0.0, 20e3, 1e9])
def cost_ns(request):
    return request.param


def call(function, cost_ns, x=1):
    callback = native.Callback(function, [F32], [F32])
    run = program("call_python", (F32, I64), cost_ns=cost_ns, keep=callback)
    return run.execute([array(x), array(callback.address, I64)])[0]


def test_results(cost_ns):
    seen = []

    def function(x):
        seen.append(x)
        return [x + 1]

    assert value(call(function, cost_ns)) == 2
    assert seen[0].dtype == np.float32
    assert value(call(lambda x: (2,), cost_ns)) == 2


def test_errors_keep_their_object(cost_ns):
    error = KeyError("mine")

    def function(x):
        raise error

    with pytest.raises(KeyError) as caught:
        call(function, cost_ns).block_until_ready()
    assert caught.value is error


@pytest.mark.parametrize("result", [[], [1, 2], [np.ones(3)], ["text"], [1j], None, 3])
def test_wrong_results(cost_ns, result):
    with pytest.raises((TypeError, ValueError)):
        call(lambda x: result, cost_ns).block_until_ready()


def test_callbacks_call_programs(cost_ns):
    run, rounds = slow(1)

    def function(x):
        (y,) = run.execute([native.Array.from_numpy(x, F32), rounds])
        native.synchronize()
        return [native.array_view(y)]

    assert value(call(function, cost_ns)) == 2


I32 = Aval((), np.int32)
PAIR = Aval((2,), np.int64)
TRIPLE = Aval((3,), np.int64)


def one_of(name, functions, x, numbers, cost_ns, ins, outs):
    callbacks = [native.Callback(function, ins, outs) for function in functions]
    addresses = np.array([callback.address for callback in callbacks])
    run = program(name, (PAIR, *ins, TRIPLE), (PAIR, *outs), cost_ns=cost_ns, keep=callbacks)
    args = [array(addresses, PAIR), array(x, ins[0]), array(numbers, TRIPLE)]
    passed, *results = run.execute(args)
    assert value(passed) == addresses.tolist()
    return results


@pytest.mark.parametrize("index", [0, 1])
def test_one_of_several(cost_ns, index):
    functions = [lambda x: [[x, 1, 2]], lambda x: [[x, 3, 4]]]
    numbers = [index, 2, 0]
    (out,) = one_of("call_one_of", functions, 5, numbers, cost_ns, [F32], [V3])
    assert value(out) == [[5, 1, 2], [5, 3, 4]][index]


def test_checks_call_where_something_is_wrong(cost_ns):
    seen = []
    functions = [seen.append, lambda x: seen.append(-x)]
    for worst in (7, 3):
        one_of("check_one_of", functions, worst, [1, 2, 7], cost_ns, [I32], [])
    assert seen == [-3]

    def raises(x):
        raise KeyError(int(x))

    with pytest.raises(KeyError, match="3"):
        one_of("check_one_of", [raises, raises], 3, [0, 2, 7], cost_ns, [I32], [])


def test_malformed():
    with pytest.raises(TypeError):
        native.Callback(3, [], [])
    with pytest.raises(TypeError):
        native.Callback(print, [3], [])


def test_cycles_are_collected():
    def make():
        box = []

        def function(x):
            return [x, box]

        callback = native.Callback(function, [F32], [Aval((3,), np.float32)])
        box.append(program("call_python", (F32, I64), keep=callback))
        return weakref.ref(function)

    alive = make()
    gc.collect()
    assert alive() is None
