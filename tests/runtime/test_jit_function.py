import gc
import sys
import threading
import weakref

import numpy as np
import pytest
from native_programs import F32, Jitted, array, compiled, never, program, slow, value

from gradax import native
from gradax.core.aval import Aval

KEY, WIDE = "narrow settings", "wide settings"
WEAK = [Aval((), dtype, True) for dtype in (np.bool_, np.int32, np.float32, np.complex64)]


@pytest.fixture(autouse=True)
def settings():
    native.set_scalar_avals(KEY, *WEAK)
    wide = [Aval((), dtype, True) for dtype in (np.bool_, np.int64, np.float64, np.complex128)]
    native.set_scalar_avals(WIDE, *wide)
    native.set_config_key(KEY)
    hooks = {"to_array": to_array, "on_global_changed": on_global_changed}
    old = {name: native.get_hook(name) for name in hooks}
    for name, function in hooks.items():
        native.set_hook(name, function)
    yield
    for name, function in old.items():
        native.set_hook(name, function)
    native.set_config_key(None)


def to_array(leaf):
    if isinstance(leaf, np.ndarray | np.generic):
        return native.Array.from_numpy(leaf, Aval(leaf.shape, leaf.dtype))
    return NotImplemented


changes = []


def on_global_changed(function, name, old, new):
    changes.append((name, old, new))


def test_hits_and_misses():
    f = Jitted()
    x, y = array(1), array(2)
    assert value(f.call(x)[0][0]) == 1
    assert value(f.call(y)[0][0]) == 2
    assert len(f.misses) == f.call._cache_size() == 1
    f.call(array(1, Aval((3,), np.float32)))
    f.call(array(1, Aval((), np.float64)))
    f.call(array(1, Aval((), np.float32, True)))
    f.call(x, y)
    f.call((x, y))
    f.call([x, y])
    f.call({"a": x, "b": y})
    f.call({"a": x, "c": y})
    f.call()
    assert len(f.misses) == f.call._cache_size() == 10
    for again in ((x, y), ([x, y],), ({"b": y, "a": x},), ()):
        f.call(*again)
    assert len(f.misses) == 10
    f.call._clear_entries()
    assert f.call._cache_size() == 0
    f.call(x)
    assert len(f.misses) == 11


def test_results():
    x, y = array(1), array(2)
    add = native.JitFunction(max, compiled("add", 2), never)
    assert value(add(x, y)) == 3
    swap = program("swap", (F32, F32), (F32, F32))
    for out in ((0, 0), [0, 0], {"p": 0, "q": 0}, (0, [{"r": 0}], None)):
        tree = native.tree_structure(out)
        f = native.JitFunction(max, lambda a, k, t=tree: (swap, t, None, None, None), never)
        for _ in range(2):
            result = f(x, y)
            assert native.tree_structure(result) == tree
            assert [value(leaf) for leaf in native.tree_leaves(result, None)] == [2, 1]


def test_keyword_arguments():
    f = Jitted()
    x, y = array(1), array(2)
    _, kwargs = f.call(b=x, a=y)
    assert value(kwargs["b"]) == 1
    _, kwargs = f.call(a=x, b=y)
    assert [value(kwargs[name]) for name in "ab"] == [1, 2]
    assert len(f.misses) == 1
    f.call(x, b=y)
    f.call(x, c=y)
    f.call(x, **{"".join("c"): y})
    assert len(f.misses) == 3


def test_static_arguments():
    misses = []

    def compile(args, kwargs):
        misses.append(args)
        return compiled("add_one", 1)(args, kwargs)

    g = native.JitFunction(max, compile, never, static_argnums=(1,), static_argnames=("mode",))
    x = array(1)
    assert value(g(x, 3)) == 2
    g(x, 3)
    assert len(misses) == 1
    for other in (4, 3.0, "three", (1, 2), None, True, 1):
        g(x, other)
        g(x, other)
    assert len(misses) == 8
    g(x, 3, mode="fast")
    g(x, 3, mode="".join(["fa", "st"]))
    g(x, 3, mode="slow")
    assert len(misses) == 10
    with pytest.raises(ValueError, match="must be hashable, got a list"):
        g(x, [1])
    with pytest.raises(ValueError, match="must be hashable"):
        g(x, 3, mode={})


def test_negative_static_positions():
    misses = []

    def compile(args, kwargs):
        misses.append(args)
        return compiled("add_one", 1)(args, kwargs)

    f = native.JitFunction(max, compile, never, static_argnums=[-1])
    f(array(1), "a")
    f(array(2), "a")
    f(array(2), "b")
    assert len(misses) == 2


def test_static_equality_that_raises():
    class Odd:
        def __hash__(self):
            return 1

        def __eq__(self, other):
            raise KeyError("odd")

    f = native.JitFunction(max, compiled("add_one", 1), never, static_argnums=(1,))
    f(array(1), Odd())
    with pytest.raises(KeyError, match="odd"):
        f(array(1), Odd())


def test_static_equality_that_clears_the_cache():
    class Clears:
        def __hash__(self):
            return 1

        def __eq__(self, other):
            f._clear_entries()
            gc.collect()
            return True

    f = native.JitFunction(max, compiled("add_one", 1), never, static_argnums=(1,))
    f(array(1), Clears())
    assert value(f(array(1), Clears())) == 2


@pytest.mark.parametrize("number", [True, 3, 2.5, 1 + 2j, -(2**31)])
def test_python_scalars(number):
    f = Jitted()
    ((x,), _) = f.call(number)
    assert value(x) == number
    assert x.weak_type
    assert x.aval in WEAK
    f.call(type(number)(0))
    assert len(f.misses) == 1
    native.set_config_key(WIDE)
    ((x,), _) = f.call(number)
    assert value(x) == number
    assert x.itemsize == {bool: 1, int: 8, float: 8, complex: 16}[type(number)]
    assert len(f.misses) == 2


@pytest.mark.parametrize("number", [2**31, -(2**31) - 1, 2**63, 10**30])
def test_large_python_integers(number):
    f = Jitted()
    with pytest.raises(OverflowError, match=f"Python integer {number} out of bounds for int32"):
        f.call(number)
    native.set_config_key(WIDE)
    if number < 2**63:
        assert value(f.call(number)[0][0]) == number
    else:
        with pytest.raises(OverflowError, match="out of bounds for int64"):
            f.call(number)


def test_numpy_leaves():
    f = Jitted()
    ((x, y), _) = f.call(np.arange(3.0), np.float32(2))
    assert x.shape == (3,)
    assert not y.weak_type
    assert value(y) == 2


def test_other_leaves_take_the_slow_path():
    f = Jitted()
    assert f.call("text") == "slow"
    assert f.call(array(1), k=object()) == "slow"
    assert len(f.slow_calls) == 2
    assert not f.misses


def test_hooks_that_misbehave():
    f = Jitted()
    native.set_hook("to_array", lambda leaf: 3)
    with pytest.raises(TypeError, match=r"not a gradax\.Array"):
        f.call("text")
    native.set_hook("to_array", lambda leaf: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        f.call("text")
    with pytest.raises(TypeError, match="callable"):
        native.set_hook("to_array", 3)
    with pytest.raises(ValueError, match="expected to_array"):
        native.set_hook("no_such_hook", print)


def test_a_current_interpreter_takes_the_slow_path():
    f = Jitted()
    assert native.set_trace("a trace") is None
    try:
        assert native.get_trace() == "a trace"
        assert f.call(1, k=2) == "slow"
        assert f.slow_calls == [((1,), {"k": 2})]
        seen = []
        thread = threading.Thread(target=lambda: seen.append(native.get_trace()))
        thread.start()
        thread.join()
        assert seen == [None]
    finally:
        assert native.set_trace(None) == "a trace"
    assert native.avoid_fast_path(True) is False
    assert f.call(1) == "slow"
    assert native.avoid_fast_path(False) is True
    native.avoid_fast_path_everywhere(True)
    assert f.call(1) == "slow"
    native.avoid_fast_path_everywhere(False)
    assert f.call(1) != "slow"


def test_unregistered_settings():
    with pytest.raises(KeyError, match="not registered"):
        native.set_config_key("unknown")
    with pytest.raises(ValueError, match="expected a scalar"):
        native.set_scalar_avals("bad", *[Aval((3,), np.float32)] * 4)
    with pytest.raises(TypeError, match="expected an aval"):
        native.set_scalar_avals("bad", 1, 2, 3, 4)


def test_deleted_arguments():
    x = array(1)
    f = Jitted()
    f.call(x)
    x.delete()
    with pytest.raises(RuntimeError, match="Array has been deleted"):
        f.call(x)


def test_kept_leaves_captured_constants_and_routes():
    add, tree = program("add", (F32, F32)), native.tree_structure((0, 0))
    compile = lambda args, kwargs: (add, tree, [1], [array(10)], None, [0, ~0])
    f = native.JitFunction(max, compile, never)
    x = array(1)
    for _ in range(2):
        total, same = f(x, array(2), array(3))
        assert value(total) == 12
        assert same is x


def test_programs_in_python():
    def run(arrays):
        return [arrays[1], arrays[0]]

    compile = lambda args, kwargs: (run, native.tree_structure((0, 0)), None, None, None)
    f = native.JitFunction(max, compile, never)
    assert [value(x) for x in f(array(1), array(2))] == [2, 1]
    compile = lambda args, kwargs: (run, native.tree_structure(0), None, None, None)
    with pytest.raises(ValueError):
        native.JitFunction(max, compile, never)(array(1), array(2))


@pytest.mark.parametrize(
    "compiled",
    [
        (),
        (1, 2, 3),
        (1, native.tree_structure(0), None, None, None),
        (program("add_one"), None, None, None, None),
        (program("add_one"), native.tree_structure((0, 0)), None, None, None),
        (program("add_one"), native.tree_structure(0), [], None, None),
        (program("add_one"), native.tree_structure(0), [1], None, None),
        (program("add_one"), native.tree_structure(0), [-1], None, None),
        (program("add_one"), native.tree_structure(0), ["x"], None, None),
        (program("add_one"), native.tree_structure(0), None, [array(1)], None),
        (program("add_one"), native.tree_structure(0), None, [1], None),
        (program("add_one"), native.tree_structure(0), None, None, [1]),
        (program("add_one"), native.tree_structure(0), None, None, [({}, 1, 2)]),
        (program("add_one"), native.tree_structure(0), None, None, None, [1]),
        (program("add_one"), native.tree_structure(0), None, None, None, [~1]),
    ],
)
def test_malformed_programs(compiled):
    f = native.JitFunction(max, lambda a, k: compiled, never)
    with pytest.raises((TypeError, ValueError, IndexError)):
        f(array(1))
    assert f._cache_size() == 0


def test_programs_that_need_python_each_time():
    f = native.JitFunction(max, lambda a, k: None, lambda a, k: 7)
    assert f(array(1)) == 7 and f(array(1)) == 7
    assert f._cache_size() == 0


def test_errors_while_compiling():
    f = native.JitFunction(max, lambda a, k: 1 / 0, never)
    with pytest.raises(ZeroDivisionError):
        f(array(1))
    assert f._cache_size() == 0


@pytest.mark.parametrize("args", [(), (1, 2, 3), (max, max, 3), (max, max, max, 3), (max,) * 9])
def test_malformed_functions(args):
    with pytest.raises(TypeError):
        native.JitFunction(*args)
    with pytest.raises(TypeError):
        native.JitFunction(max, max, max, static_argnums=["x"])
    with pytest.raises(TypeError):
        native.JitFunction(max, max, max, static_argnames=[1])


def test_donation_by_a_call():
    f = native.JitFunction(max, compiled("add_one", 1, donate=[(0, 0)]), never)
    x = array(1)
    address = x._pointer
    y = f(x)
    assert x.is_deleted()
    assert (value(y), y._pointer) == (2, address)
    with pytest.raises(RuntimeError, match="Array has been deleted"):
        f(x)


def test_asynchronous_errors_name_the_callers_line():
    fails, rounds = slow(2, "slow_failure")
    f = native.JitFunction(
        max, lambda a, k: (fails, native.tree_structure(0), None, None, None), never
    )
    y = f(array(1), rounds)
    line = sys._getframe().f_lineno - 1
    with pytest.raises(ValueError, match=f"test_jit_function.py:{line} "):
        y.block_until_ready()


def test_functions_are_descriptors():
    class Model:
        run = native.JitFunction(max, compiled("add_one", 1), never)

    native_method = Model().run
    assert native_method.__func__ is Model.run
    assert isinstance(Model.run, native.JitFunction)


def test_attributes_and_weak_references():
    def original():
        """Do it."""

    f = native.JitFunction(original, never, never)
    f.__wrapped__, f.__name__, f.__doc__ = original, "original", original.__doc__
    assert (f.__name__, f.__doc__) == ("original", "Do it.")
    assert "original" in repr(f)
    f.itself = f
    ref = weakref.ref(f)
    del f
    gc.collect()
    assert ref() is None


def test_cycles_through_the_cache_are_collected():
    def make():
        class Static:
            pass

        static = Static()
        f = native.JitFunction(max, compiled("add_one", 1), never, static_argnums=(1,))
        static.owner = f
        f(array(1), static)
        return weakref.ref(f)

    ref = make()
    gc.collect()
    assert ref() is None


def test_changed_globals_are_reported_once():
    names = {"scale": 1, "other": 2}
    watches = [(names, "scale", names["scale"]), (names, "other", names["other"])]
    tree, run = native.tree_structure(0), program("add_one")
    f = native.JitFunction(max, lambda a, k: (run, tree, None, None, watches), never)
    changes.clear()
    for _ in range(3):
        f(array(1))
    names["unrelated"] = 1
    f(array(1))
    assert changes == []
    names["scale"] = 5
    f(array(1))
    f(array(1))
    assert changes == [("scale", 1, 5)]
    del names["other"]
    f(array(1))
    f(array(1))
    assert changes == [("scale", 1, 5), ("other", 2, None)]


def test_equal_values_are_watched_on():
    names = {"scale": 1}
    tree, run = native.tree_structure(0), program("add_one")
    f = native.JitFunction(max, lambda a, k: (run, tree, None, None, [(names, "scale", 1)]), never)
    seen = []
    native.set_hook("on_global_changed", lambda f, name, old, new: seen.append(new) or new != 1.0)
    for new in (1.0, 1.0, 2.0, 3.0):
        names["scale"] = new
        f(array(1))
        f(array(1))
    assert seen == [1.0, 2.0]


def test_reports_that_raise_stop_the_call():
    names = {"scale": 1}
    tree, run = native.tree_structure(0), program("add_one")
    f = native.JitFunction(max, lambda a, k: (run, tree, None, None, [(names, "scale", 1)]), never)
    f(array(1))
    names["scale"] = 2
    native.set_hook("on_global_changed", lambda *a: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        f(array(1))
    assert value(f(array(1))) == 2


def test_calls_from_many_threads():
    f = native.JitFunction(max, compiled("add_one", 1, cost_ns=20e3), never)
    native.set_default_config_key(KEY)
    wrong = []

    def work(start):
        y = start
        for i in range(300):
            y = f(y)
            if i % 50 == 0:
                f._clear_entries()
        if value(y) != start + 300:
            wrong.append(start)

    threads = [threading.Thread(target=work, args=(float(i),)) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_memory_stays_flat():
    f = native.JitFunction(max, compiled("add_one", 1), never)
    x = array(0)
    before = native.memory_stats()["live_allocs"]
    blocks = []
    for i in range(100_000):
        x = f(x)
        f(1.0)
        if i in (1000, 99_999):
            blocks.append(sys.getallocatedblocks())
    assert value(x) == 100_000
    assert native.memory_stats()["live_allocs"] <= before + 1
    assert abs(blocks[1] - blocks[0]) < 1000  # other threads keep some
