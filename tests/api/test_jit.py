"""jit: what is compiled when, static and donated arguments, stages."""

import functools
import gc
import threading
import weakref

import numpy as np
import pytest

import gradax as jax
import gradax.numpy as jnp


def counted(f):
    """Return a function and the list of its traces."""
    traces = []

    @functools.wraps(f)
    def counting(*args, **kwargs):
        traces.append(args)
        return f(*args, **kwargs)

    return counting, traces


def test_one_trace_for_each_signature():
    f, traces = counted(lambda x: x * 2)
    g = jax.jit(f)
    for _ in range(3):
        assert g(np.float32(2)) == 4
    assert len(traces) == 1
    g(jnp.ones(3))
    g(jnp.zeros(3))
    assert len(traces) == 2
    g(jnp.ones(3, jnp.int32))
    g(2.0)  # weakly typed
    assert len(traces) == 4
    assert g._cache_size() == 4


def test_two_jits_of_a_function_share_its_programs():
    f, traces = counted(lambda x: x + 1)
    assert jax.jit(f)(1.0) == 2 and jax.jit(f)(1.0) == 2
    assert len(traces) == 1


def test_an_inner_jit_is_traced_once():
    f, traces = counted(jnp.sin)
    inner = jax.jit(f)
    outer = jax.jit(lambda x: inner(x) + inner(x + 1))
    one = jnp.float32(1)
    outer(one)
    outer(one + 1)
    assert len(traces) == 1
    jax.grad(outer)(one)
    assert len(traces) == 1
    jax.vmap(outer)(jnp.ones(3))
    assert len(traces) == 1


def test_the_key_holds_trees_and_settings():
    f, traces = counted(lambda d: d)
    g = jax.jit(f)
    g({"a": 1.0})
    g({"b": 1.0})
    g([1.0])
    assert len(traces) == 3
    with jax.enable_x64(True):
        assert g({"a": 1.0})["a"].dtype == np.float64
    assert g({"a": 1.0})["a"].dtype == np.float32
    assert len(traces) == 4


def test_static_arguments():
    f, traces = counted(lambda x, n, *, mode="a": x * n if mode == "a" else x + n)
    g = jax.jit(f, static_argnums=1, static_argnames="mode")
    assert g(2.0, 3) == 6 and g(2.0, 3, mode="b") == 5 and g(5.0, 3) == 15
    assert len(traces) == 2
    assert g(2.0, 3.0).dtype == np.float32
    assert len(traces) == 3, "3 and 3.0 are different static values"
    assert all(not isinstance(t[1], jax.Array) for t in traces)


def test_static_names_and_numbers_complete_each_other():
    def f(x, n):
        return jnp.zeros(n) + x

    assert jax.jit(f, static_argnames="n")(1.0, 3).shape == (3,)
    assert jax.jit(f, static_argnums=(1,))(1.0, n=3).shape == (3,)
    assert jax.jit(f, static_argnums=-1)(1.0, 3).shape == (3,)


def test_decorator_forms():
    @jax.jit
    def f(x):
        """Doc."""
        return x + 1

    @jax.jit(static_argnums=1)
    def g(x, n):
        return x + n

    @functools.partial(jax.jit, static_argnames=("n",))
    def h(x, n):
        return x + n

    assert f(1.0) == 2 and g(1.0, 2) == 3 and h(1.0, n=2) == 3
    assert f.__name__ == "f" and f.__doc__ == "Doc." and f.__wrapped__(1) == 2


def test_methods():
    class Model:
        def __init__(self, scale):
            self.scale = scale

        @functools.partial(jax.jit, static_argnums=0)
        def apply(self, x):
            return x * self.scale

    a, b = Model(2.0), Model(3.0)
    assert a.apply(2.0) == 4 and b.apply(2.0) == 6 and a.apply(3.0) == 6
    assert jax.jit(a.apply)(1.0) == 2


def test_keyword_arguments_in_any_order():
    f, traces = counted(lambda *, a, b: a - b)
    g = jax.jit(f)
    assert g(a=3.0, b=1.0) == 2 and g(b=1.0, a=3.0) == 2
    assert len(traces) == 1


def test_partial_and_callables():
    class Scale:
        def __call__(self, x):
            return x * 3

    assert jax.jit(functools.partial(jnp.add, 2.0))(1.0) == 3
    assert jax.jit(Scale())(2.0) == 6


def test_results_keep_their_tree():
    out = jax.jit(lambda x: {"a": (x, None), "b": [1, 2.5, True]})(np.float32(1))
    assert set(out) == {"a", "b"} and out["a"][1] is None
    assert [x.dtype.name for x in out["b"]] == ["int32", "float32", "bool"]


def test_arguments_that_are_results_are_not_copied():
    x = jnp.arange(5.0)
    same, double = jax.jit(lambda x: (x, x * 2))(x)
    assert same is x and double[1] == 2


def test_captured_arrays():
    big = jnp.arange(1000.0)
    f = jax.jit(lambda x: x + big)
    assert f(1.0)[999] == 1000
    assert jax.jit(lambda: big * 2)()[3] == 6


def test_a_tracer_captured_by_an_inner_jit():
    def f(w):
        return jax.jit(lambda x: x * w)(3.0)

    assert jax.grad(f)(2.0) == 3
    assert jax.jit(jax.grad(f))(2.0) == 3
    np.testing.assert_allclose(jax.vmap(f)(jnp.arange(3.0)), [0, 3, 6])


def test_an_inner_jit_defined_once_that_captures():
    def f(w):
        inner = jax.jit(lambda x: x * w)
        return inner(2.0) + inner(5.0)

    assert jax.grad(f)(2.0) == 7
    assert jax.grad(f)(3.0) == 7


def test_donation_deletes():
    x = jnp.ones(1000)
    f = jax.jit(lambda x, y: x + y, donate_argnums=0)
    y = f(x, 1.0)
    assert x.is_deleted() and y[0] == 2
    z = jax.jit(lambda *, a: a * 2, donate_argnames="a")(a=y)
    assert y.is_deleted() and z[0] == 4


def test_inline_leaves_no_call():
    inner = jax.jit(jnp.sin, inline=True)
    assert "jit" not in str(jax.make_jaxpr(lambda x: inner(x) * 2)(1.0))


def test_disable_jit_runs_python():
    seen = []

    @jax.jit
    def f(x):
        seen.append(type(x))
        return x if x > 0 else -x

    with jax.disable_jit():
        assert f(-2.0) == 2 and f(jnp.float32(3)) == 3
    assert seen[0] is float and issubclass(seen[1], jax.Array)
    with pytest.raises(jax.errors.TracerBoolConversionError):
        f(-2.0)


def test_clear_cache():
    f, traces = counted(lambda x: x)
    g = jax.jit(f)
    g(1.0)
    g.clear_cache()
    g(1.0)
    assert len(traces) == 2
    jax.clear_caches()
    g(1.0)
    assert len(traces) == 3


def test_programs_die_with_their_function():
    def make():
        def f(x):
            return x * 2

        jax.jit(f)(1.0)
        return weakref.ref(f)

    ref = make()
    gc.collect()
    assert ref() is None


def test_threads_each_have_their_trace():
    f = jax.jit(lambda x: jnp.sin(x) * 2)
    results = {}

    def work(k):
        results[k] = [float(jax.grad(f)(float(k + i))) for i in range(20)]

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    for k, values in results.items():
        np.testing.assert_allclose(values, 2 * np.cos(np.arange(k, k + 20)), rtol=1e-5, atol=1e-6)


def test_stages():
    f = jax.jit(lambda x, n: {"out": jnp.sin(x) * n}, static_argnums=1)
    traced = f.trace(jax.ShapeDtypeStruct((3,), np.float32), 2)
    assert str(traced.jaxpr).startswith("{ lambda ; a:f32[3]. let")
    lowered = traced.lower()
    assert lowered.as_text() == str(traced.jaxpr)
    for level in ("jaxpr", "graph", "schedule", "llvm", "asm"):
        assert len(lowered.as_text(level)) > 10
    compiled = lowered.compile()
    np.testing.assert_allclose(compiled(jnp.ones(3))["out"], 2 * np.sin(np.ones(3)), rtol=1e-6)
    assert compiled.out_info["out"].shape == (3,)
    assert compiled.memory_analysis().output_size_in_bytes == 12
    assert compiled.cost_analysis()["bytes accessed"] > 0
    assert f.eval_shape(jnp.ones(3), 2)["out"].dtype == np.float32


def test_the_compiled_stage_takes_its_own_types_only():
    compiled = jax.jit(jnp.sin).lower(jnp.ones(3)).compile()
    with pytest.raises(TypeError, match=r"takes f32\[3\] as input 0; got f32\[4\]"):
        compiled(jnp.ones(4))
    with pytest.raises(ValueError, match="takes arguments of the tree"):
        compiled(jnp.ones(3), 1)
    with pytest.raises(TypeError, match="cannot be transformed"):
        jax.grad(lambda x: compiled(x).sum())(jnp.ones(3))


def test_arguments_of_many_kinds():
    f = jax.jit(lambda x: x)
    for value, dtype in [
        (True, "bool"), (3, "int32"), (2.5, "float32"), (1j, "complex64"),
        (np.float64(2), "float32"), (np.int64(3), "int32"), (np.arange(3), "int32"),
        (np.float16(1), "float16"), (np.array([1.0]), "float32"),
    ]:  # fmt: skip
        out = f(value)
        assert out.dtype.name == dtype
        np.testing.assert_array_equal(np.asarray(out), value)
