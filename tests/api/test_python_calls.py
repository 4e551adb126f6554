"""Calls of Python from programs, in every place where a program can make one."""

import gc
import threading
import weakref

import numpy as np
import pytest

import gradax as jax
import gradax.numpy as jnp
from gradax import lax
from gradax.experimental import io_callback

F32 = jax.ShapeDtypeStruct((), jnp.float32)


def twice(x):
    return np.float32(2) * np.asarray(x)


class Log:
    """Remembers what it is called with."""

    def __init__(self):
        self.seen = []

    def __call__(self, *xs):
        self.seen.append(tuple(np.asarray(x).tolist() for x in xs))

    def count(self, x):
        self.seen.append(np.asarray(x).tolist())
        return np.asarray(x)


def pure(x):
    return jax.pure_callback(twice, F32, x, vmap_method="sequential")


def io(x):
    return io_callback(twice, F32, x)


def with_rule(f):
    g = jax.custom_jvp(f)
    g.defjvp(lambda p, t: (g(*p), 2 * t[0]))
    return g


PLACES = {
    "eager": lambda f: f,
    "jit": jax.jit,
    "nested jit": lambda f: jax.jit(lambda x: jax.jit(f)(x)),
    "scan": lambda f: lambda x: lax.scan(lambda c, _: (c, f(c)), x, None, length=3)[1][2],
    "scan carry": lambda f: lambda x: lax.scan(
        lambda c, _: (f(c) / 2, f(c)), x, None, length=3)[1][2],
    "while": lambda f: lambda x: lax.while_loop(
        lambda s: s[0] < 2, lambda s: (s[0] + 1, f(x)), (0, x))[1],
    "while condition": lambda f: lambda x: lax.while_loop(
        lambda s: f(s) < 2 * x + 5, lambda s: s + 1, x) * 0 + f(x),
    "cond": lambda f: lambda x: lax.cond(x > 0, f, lambda x: x, x),
    "cond not": lambda f: lambda x: lax.cond(x < 0, lambda x: x, f, x),
    "switch": lambda f: lambda x: lax.switch(1, [jnp.sin, f, jnp.cos], x),
    "checkpoint": lambda f: jax.checkpoint(f),
    "fori": lambda f: lambda x: lax.fori_loop(0, 3, lambda i, c: f(x), x),
    "map": lambda f: lambda x: lax.map(f, jnp.stack([x, x]))[1],
    "custom_jvp": lambda f: with_rule(f),
    "jit of scan of cond": lambda f: jax.jit(
        lambda x: lax.scan(lambda c, t: (c, lax.cond(t > 0, f, jnp.sin, c)), x, jnp.arange(3))[1][2]
    ),
}  # fmt: skip


@pytest.mark.parametrize("jitted", [False, True])
@pytest.mark.parametrize("call", [pure, io], ids=["pure", "io"])
@pytest.mark.parametrize("place", PLACES)
def test_values(place, call, jitted):
    f = PLACES[place](call)
    f = jax.jit(f) if jitted else f
    for x in (1.5, 2.5):
        assert f(jnp.float32(x)) == 2 * x


@pytest.mark.parametrize("jitted", [False, True])
@pytest.mark.parametrize("place", PLACES)
def test_debug_callbacks_everywhere(place, jitted):
    log = Log()

    def f(x):
        jax.debug.callback(log, x)
        return 2 * x

    g = PLACES[place](f)
    g = jax.jit(g) if jitted else g
    assert g(jnp.float32(1.5)) == 3.0
    jax.effects_barrier()
    assert log.seen
    assert all(seen == (1.5,) or place in ("while condition",) for seen in log.seen)
    n = len(log.seen)
    assert g(jnp.float32(1.5)) == 3.0
    jax.effects_barrier()
    assert len(log.seen) == 2 * n


COUNTS = {"eager": 1, "jit": 1, "nested jit": 1, "scan": 3, "while": 2, "cond": 1, "fori": 3,
          "map": 2, "switch": 1, "checkpoint": 1, "jit of scan of cond": 2,
          "while condition": 5}  # fmt: skip


@pytest.mark.parametrize("place", COUNTS)
def test_io_calls_are_made_once_each(place):
    log = Log()

    def f(x):
        return io_callback(lambda x: (log(x), np.float32(2) * np.asarray(x))[1], F32, x)

    g = PLACES[place](f)
    for run in (g, jax.jit(g)):
        log.seen.clear()
        run(jnp.float32(1.5)).block_until_ready()
        jax.effects_barrier()
        assert len(log.seen) == COUNTS[place]


@pytest.mark.parametrize("place", ["jit", "scan", "while", "cond", "fori", "map", "checkpoint"])
def test_debug_under_transformations(place):
    log = Log()

    def f(x):
        jax.debug.callback(log, x)
        return jnp.sin(x)

    g = PLACES[place](f)
    slope = jax.jit(jax.grad(g))(jnp.float32(0.5))
    jax.effects_barrier()
    np.testing.assert_allclose(slope, np.cos(0.5), rtol=1e-6)
    assert log.seen and all(s == (0.5,) for s in log.seen)
    n = COUNTS.get(place, 1)
    assert len(log.seen) == n, "the calls are not repeated backwards"
    log.seen.clear()
    out = jax.jit(jax.vmap(g))(jnp.array([0.5, 0.25], jnp.float32))
    jax.effects_barrier()
    np.testing.assert_allclose(out, np.sin([0.5, 0.25]), rtol=1e-6)
    assert set(log.seen) == {(0.5,), (0.25,)}


def test_order_of_calls():
    log = Log()

    @jax.jit
    def f(x):
        io_callback(log, None, 0, ordered=True)

        def body(c, t):
            io_callback(log, None, t, ordered=True)
            lax.cond(t % 2 == 0, lambda: io_callback(log, None, 10 * t, ordered=True), lambda: None)
            return c, None

        lax.scan(body, x, jnp.arange(1, 5))
        jax.jit(lambda: io_callback(log, None, 99, ordered=True))()
        jax.debug.callback(log, 100, ordered=True)
        return x

    want = [(0,), (1,), (2,), (20,), (3,), (4,), (40,), (99,), (100,)]
    for _ in range(3):
        log.seen.clear()
        f(1.0)
        jax.effects_barrier()
        assert log.seen == want


def test_order_between_programs():
    log = Log()
    f = jax.jit(lambda i: io_callback(log, None, i, ordered=True))
    for i in range(200):
        f(i)
    jax.effects_barrier()
    assert log.seen == [(i,) for i in range(200)]


class Mine(Exception):
    """An exception that carries an object."""

    def __init__(self, what):
        super().__init__(what)
        self.what = what


@pytest.mark.parametrize("place", ["eager", "jit", "scan", "while condition", "cond", "nested jit"])
@pytest.mark.parametrize("how", [pure, io], ids=["pure", "io"])
def test_errors_keep_their_object(place, how):
    what = object()

    def broken(x):
        raise Mine(what)

    if how is pure:
        f = lambda x: jax.pure_callback(broken, F32, x)
    else:
        f = lambda x: io_callback(broken, F32, x)
    g = PLACES[place](f)
    with pytest.raises(Exception) as caught:
        g(jnp.float32(1.0)).block_until_ready()
    error, found = caught.value, None
    while error is not None and found is None:
        found = error if isinstance(error, Mine) else None
        error = error.__cause__ or error.__context__
    assert found is not None and found.what is what
    # The runtime works on.
    assert jax.jit(pure)(jnp.float32(2.0)) == 4.0


def test_errors_in_debug_callbacks_are_seen():
    def broken(x):
        raise Mine("seen")

    f = jax.jit(lambda x: (jax.debug.callback(broken, x), x * 2)[1])
    with pytest.raises(Exception, match="seen"):
        f(1.0).block_until_ready()
        jax.effects_barrier()
    assert jax.jit(lambda x: x + 1)(1.0) == 2.0


WRONG = {
    "shape": lambda x: np.ones((2,), np.float32),
    "dtype": lambda x: np.ones((), np.complex64),
    "string": lambda x: "text",
    "tree": lambda x: (np.float32(1), np.float32(2)),
    "nothing": lambda x: None,
    "dict": lambda x: {"a": np.float32(1)},
}


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("jitted", [False, True])
def test_wrong_results(wrong, jitted):
    f = lambda x: jax.pure_callback(WRONG[wrong], F32, x)
    f = jax.jit(f) if jitted else f
    with pytest.raises(Exception, match=r"pure_callback: .* must return"):
        f(jnp.float32(1.0)).block_until_ready()
    assert jax.jit(pure)(jnp.float32(2.0)) == 4.0


def test_results_are_converted():
    f = jax.jit(lambda x: jax.pure_callback(lambda x: 3, F32, x))
    assert f(1.0) == 3.0 and f(1.0).dtype == np.float32
    f = jax.jit(lambda x: jax.pure_callback(lambda x: np.asarray(x, np.float64), F32, x))
    assert f(1.5) == 1.5
    f = jax.jit(lambda x: jax.pure_callback(lambda x: jnp.sin(x), F32, x))
    np.testing.assert_allclose(f(1.5), np.sin(1.5), rtol=1e-6)


def test_trees_keywords_and_dtypes():
    shapes = {
        "a": jax.ShapeDtypeStruct((2, 3), jnp.float32),
        "b": (jax.ShapeDtypeStruct((), jnp.int32), jax.ShapeDtypeStruct((2,), jnp.bool_)),
        "c": jax.ShapeDtypeStruct((2,), jnp.complex64),
        "d": jax.ShapeDtypeStruct((2,), jnp.bfloat16),
        "e": jax.ShapeDtypeStruct((0, 2), jnp.float32),
    }

    def host(tree, *, scale):
        assert set(tree) == {"x", "y"}
        return {
            "a": np.asarray(tree["x"]) * np.asarray(scale),
            "b": (np.asarray(tree["y"]), np.array([True, False])),
            "c": np.array([1j, 2], np.complex64),
            "d": np.ones(2, jnp.bfloat16),
            "e": np.ones((0, 2), np.float32),
        }

    f = lambda x, y: jax.pure_callback(host, shapes, {"x": x, "y": y}, scale=2.0)
    for run in (f, jax.jit(f)):
        out = run(jnp.arange(6.0).reshape(2, 3), 7)
        np.testing.assert_array_equal(out["a"], 2 * np.arange(6.0).reshape(2, 3))
        assert out["b"][0] == 7 and out["b"][1].tolist() == [True, False]
        assert out["c"].dtype == np.complex64 and out["d"].dtype == jnp.bfloat16
        assert out["e"].shape == (0, 2)


def test_transposed_arguments_are_dense():
    seen = []
    f = jax.jit(lambda x: jax.pure_callback(
        lambda x: (seen.append(np.asarray(x)), np.asarray(x).sum())[1], F32, x.T[::2]))  # fmt: skip
    x = np.arange(12.0, dtype=np.float32).reshape(3, 4)
    assert f(x) == x.T[::2].sum()
    np.testing.assert_array_equal(seen[0], x.T[::2])


def test_arguments_stay_valid_after_the_call():
    kept = []
    shape = jax.ShapeDtypeStruct((1000,), jnp.float32)
    f = jax.jit(lambda x: jax.pure_callback(lambda x: (kept.append(x), x)[1], shape, x + 1) * 2)
    for i in range(20):
        f(jnp.full(1000, float(i))).block_until_ready()
    for i, x in enumerate(kept):
        np.testing.assert_array_equal(np.asarray(x), np.full(1000, i + 1.0))


@pytest.mark.parametrize(
    "method", ["sequential", "sequential_unrolled", "expand_dims", "broadcast_all"]
)
def test_methods_of_mapping(method):
    shapes = []

    def host(x, y):
        shapes.append((np.shape(x), np.shape(y)))
        return np.asarray(x) + np.asarray(y)

    f = lambda x, y: jax.pure_callback(host, F32, x, y, vmap_method=method)
    x = jnp.arange(3.0)
    for run in (jax.vmap(f, (0, None)), jax.jit(jax.vmap(f, (0, None)))):
        shapes.clear()
        np.testing.assert_array_equal(run(x, 1.0), [1, 2, 3])
        want = {"expand_dims": [((3,), (1,))], "broadcast_all": [((3,), (3,))]}
        assert shapes == want.get(method, [((), ())] * 3)
    got = jax.jit(jax.vmap(jax.vmap(f, (0, None)), (None, 0)))(x, jnp.arange(2.0))
    np.testing.assert_array_equal(got, np.arange(3.0) + np.arange(2.0)[:, None])


def test_mapped_inside_control_flow():
    f = lambda n, x: lax.while_loop(lambda s: s[0] < n, lambda s: (s[0] + 1, pure(s[1])), (0, x))[1]
    got = jax.jit(jax.vmap(f))(jnp.array([0, 1, 3]), jnp.ones(3))
    np.testing.assert_array_equal(got, [1, 2, 8])
    g = lambda x: lax.cond(x > 0, pure, lambda x: -x, x)
    np.testing.assert_array_equal(jax.vmap(g)(jnp.array([1.0, -1.0])), [2, 1])


def test_refused_transformations():
    with pytest.raises(NotImplementedError, match="vmap_method"):
        jax.vmap(lambda x: jax.pure_callback(twice, F32, x))(jnp.ones(2))
    for call in (pure, io):
        with pytest.raises(NotImplementedError, match="no derivative of its own"):
            jax.grad(call)(1.0)
        with pytest.raises(NotImplementedError, match="no derivative of its own"):
            jax.jit(jax.grad(lambda x, call=call: lax.fori_loop(0, 2, lambda i, c: call(c), x)))(
                1.0
            )
    ordered = lambda x: io_callback(twice, F32, x, ordered=True)
    with pytest.raises(NotImplementedError, match="ordered"):
        jax.vmap(ordered)(jnp.ones(2))
    np.testing.assert_array_equal(jax.vmap(io)(jnp.ones(2)), [2, 2])
    with pytest.raises(ValueError, match="vmap_method is one of"):
        jax.pure_callback(twice, F32, 1.0, vmap_method="wild")
    with pytest.raises(TypeError, match="result_shape_dtypes"):
        jax.pure_callback(twice, 3.0, 1.0)
    with pytest.raises(TypeError):
        jax.pure_callback(3, F32, 1.0)


def test_derivatives_by_custom_rules():
    @jax.custom_jvp
    def sine(x):
        return jax.pure_callback(np.sin, x, x, vmap_method="expand_dims")

    sine.defjvp(lambda p, t: (sine(*p), jnp.cos(p[0]) * t[0]))
    x = jnp.array([0.1, 0.2])
    np.testing.assert_allclose(jax.jit(jax.grad(lambda x: sine(x).sum()))(x), np.cos(x), rtol=1e-6)
    got = jax.jit(jax.vmap(jax.grad(sine)))(x)
    np.testing.assert_allclose(got, np.cos(x), rtol=1e-6)
    got = jax.grad(lambda v: lax.scan(lambda c, _: (sine(c), None), v, None, length=3)[0])(0.3)
    want = jax.grad(lambda v: jnp.sin(jnp.sin(jnp.sin(v))))(0.3)
    np.testing.assert_allclose(got, want, rtol=1e-6)


def test_callbacks_that_run_programs():
    inner = jax.jit(lambda x: jnp.sin(x) * 2)
    calls = jax.jit(lambda x: jax.pure_callback(lambda x: inner(x), F32, x))

    @jax.jit
    def outer(x):
        y = jax.pure_callback(lambda x: np.asarray(calls(x)), F32, x)
        return lax.fori_loop(0, 3, lambda i, c: jax.pure_callback(lambda c: calls(c), F32, c), y)

    want = 0.3
    for _ in range(4):
        want = 2 * np.sin(want)
    np.testing.assert_allclose(outer(jnp.float32(0.3)), want, rtol=1e-5)
    grads = jax.jit(lambda x: jax.pure_callback(lambda x: jax.grad(inner)(x), F32, x))
    np.testing.assert_allclose(grads(jnp.float32(0.3)), 2 * np.cos(0.3), rtol=1e-6)


def test_callbacks_that_compile():
    def host(x):
        k = float(x)
        return jax.jit(lambda y: y * k + jnp.arange(5.0).sum())(x)

    f = jax.jit(lambda x: jax.pure_callback(host, F32, x))
    assert f(jnp.float32(3.0)) == 19.0


def test_threads():
    f = jax.jit(lambda x: lax.fori_loop(0, 20, lambda i, c: pure(c) / 2 + 1, x))
    f(jnp.float32(0.0))
    found, threads = {}, []

    def work(k):
        for _ in range(10):
            found[k] = float(f(jnp.float32(k)))

    for k in range(6):
        threads.append(threading.Thread(target=work, args=(k,)))
        threads[-1].start()
    for t in threads:
        t.join(60)
        assert not t.is_alive()
    assert found == {k: k + 20.0 for k in range(6)}


def test_thousands_of_calls():
    n = 0

    def count(x):
        nonlocal n
        n += 1
        return x

    f = jax.jit(lambda x: lax.fori_loop(
        0, 5000, lambda i, c: io_callback(count, F32, c) + 1, x))  # fmt: skip
    assert f(jnp.float32(0.0)) == 5000
    assert n == 5000


def test_functions_are_freed():
    """With its program gone, nothing keeps what a callback has captured."""

    class Big:
        pass

    def make():
        big = Big()
        f = jax.jit(lambda x: jax.pure_callback(lambda x: (big, np.asarray(x))[1], F32, x))
        assert f(jnp.float32(1.0)) == 1.0
        return weakref.ref(big)

    ref = make()
    gc.collect()
    if ref() is not None:
        jax.clear_caches()
        gc.collect()
    assert ref() is None


def test_many_programs_do_not_pile_up():
    refs = []

    class Big:
        pass

    for k in range(30):
        big = Big()
        refs.append(weakref.ref(big))
        f = jax.jit(lambda x, big=big, k=k: jax.pure_callback(
            lambda x: (big, np.asarray(x) + k)[1].astype(np.float32), F32, x))  # fmt: skip
        assert f(jnp.float32(1.0)) == 1.0 + k
        del f, big
    gc.collect()
    jax.clear_caches()
    gc.collect()
    assert sum(r() is not None for r in refs) == 0


def test_eager_calls_do_not_pile_up():
    class Big:
        pass

    refs = []
    for _ in range(30):
        big = Big()
        refs.append(weakref.ref(big))
        jax.pure_callback(lambda x, big=big: (big, x)[1], F32, 1.0)
        jax.debug.callback(lambda x, big=big: None, 1.0)
        del big
    gc.collect()
    assert sum(r() is not None for r in refs) <= 1


def test_one_compilation_for_equal_calls():
    """Tracing the same call again gives an equal program."""
    f = lambda x: jax.pure_callback(twice, F32, x)
    a, b = jax.make_jaxpr(f)(1.0), jax.make_jaxpr(f)(1.0)
    assert a.eqns[0].op == b.eqns[0].op


def test_dead_pure_calls_are_dropped():
    log = Log()
    f = jax.jit(lambda x: (jax.pure_callback(log.count, F32, x), x + 1)[1])
    assert f(jnp.float32(1.0)) == 2.0
    assert log.seen == []
    g = jax.jit(lambda x: (io_callback(log.count, F32, x), x + 1)[1])
    assert g(jnp.float32(1.0)) == 2.0
    jax.effects_barrier()
    assert log.seen == [1.0]
