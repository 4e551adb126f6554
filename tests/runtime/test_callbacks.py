import gc
import weakref

import numpy as np
import pytest
from native_programs import F32, I64, array, program, slow, value

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
