"""Reverse mode of while loops: against scans, finite differences and each other."""

from functools import partial

import numpy as np
import pytest

import gradax as jax
import gradax.numpy as jnp
from gradax import lax
from gradax.control import while_reverse
from gradax.experimental import io_callback
from gradax.test_util import check_grads

STEPS = [0, 1, 2, 3, 15, 16, 17, 100, 1023, 1024, 1025, 3000]


@pytest.fixture
def small_tapes(monkeypatch):
    """Make tapes hold four carries, so that few steps reach every level."""
    monkeypatch.setattr(while_reverse, "TAPE_BYTES", 1)
    monkeypatch.setattr(while_reverse, "LEAST_CARRIES", 4)


def step(c, w):
    x, y = c
    return jnp.sin(x) * w + 0.1 * y, y * 0.9 + x * jnp.cos(w)


def looped(n, x, w):
    """Take n steps, a number that is not known to the program."""
    out = lax.while_loop(lambda s: s[0] < n, lambda s: (s[0] + 1, step(s[1], w)), (0, (x, 2.0 * x)))
    return out[1][0] + out[1][1] ** 2


def scanned(n, x, w):
    """Take n steps, a known number."""
    (a, b), _ = lax.scan(lambda c, _: (step(c, w), None), (x, 2.0 * x), None, length=n)
    return a + b**2


@pytest.mark.parametrize("n", STEPS)
def test_as_scan(n):
    want = jax.value_and_grad(scanned, (1, 2))(n, 0.3, 0.8)
    got = jax.value_and_grad(looped, (1, 2))(n, 0.3, 0.8)
    jitted = jax.jit(jax.value_and_grad(looped, (1, 2)))(n, 0.3, 0.8)
    for found in (got, jitted):
        np.testing.assert_allclose(found[0], want[0], rtol=1e-5)
        np.testing.assert_allclose(found[1], want[1], rtol=2e-4, atol=1e-6)


@pytest.mark.parametrize("n", [0, 1, 3, 4, 5, 7, 8, 9, 16, 17, 31, 64, 65, 100, 257, 1000])
def test_as_scan_by_small_tapes(n, small_tapes):
    def f(x, w):
        out = lax.fori_loop(0, n + zero, lambda i, c: step(c, w + 0.01 * i), (x, 2.0 * x))
        return out[0] + out[1] ** 2

    def g(x, w):
        (a, b), _ = lax.scan(
            lambda c, i: (step(c, w + 0.01 * i), None), (x, 2.0 * x), jnp.arange(n)
        )
        return a + b**2

    zero = jnp.zeros((), int)
    want = jax.grad(g, (0, 1))(0.3, 0.8)
    for h in (f, jax.jit(f)):
        np.testing.assert_allclose(jax.grad(h, (0, 1))(0.3, 0.8), want, rtol=3e-4, atol=1e-6)


def test_very_many_steps():
    n = 150_001
    f = lambda n, x, w: lax.fori_loop(0, n, lambda i, c: c * (1 - 1e-5) + w * 1e-5 * c * c, x)
    g = lambda x, w: lax.scan(
        lambda c, _: (c * (1 - 1e-5) + w * 1e-5 * c * c, None), x, None, length=n
    )[0]
    want = jax.jit(jax.grad(g, (0, 1)))(0.5, 0.3)
    got = jax.jit(jax.grad(f, (1, 2)))(n, 0.5, 0.3)
    np.testing.assert_allclose(got, want, rtol=1e-3)


def test_a_mixed_tree():
    """Floats of several widths, complex, integers, booleans and keys in one carry."""

    def f(x, w, n):
        def body(c):
            k = jax.random.fold_in(c["key"], c["i"])
            noise = jax.random.normal(k, (3,))
            x = jnp.sin(c["x"]) + noise * w
            h = (c["h"] * jnp.bfloat16(0.5) + x.astype(jnp.bfloat16)).astype(jnp.bfloat16)
            z = c["z"] * (0.5 + 0.2j) + x[0]
            flag = jnp.logical_not(c["flag"])
            x = jnp.where(flag, x, x * w)
            return {"x": x, "h": h, "z": z, "i": c["i"] + 1, "flag": flag, "key": k}

        start = {
            "x": x, "h": jnp.zeros(3, jnp.bfloat16), "z": jnp.complex64(1j), "i": 0,
            "flag": jnp.array(False), "key": jax.random.key(0),
        }  # fmt: skip
        out = lax.while_loop(lambda c: c["i"] < n, body, start)
        return (out["x"] ** 2).sum() + jnp.abs(out["z"]) + 0 * out["h"].astype(jnp.float32).sum()

    x, w = jnp.array([0.1, 0.2, 0.3]), 0.7
    got = jax.grad(f, (0, 1))(x, w, 5)
    eps = 1e-3
    slope = (f(x, w + eps, 5) - f(x, w - eps, 5)) / (2 * eps)
    np.testing.assert_allclose(got[1], slope, rtol=2e-2)
    slope = (f(x.at[1].add(eps), w, 5) - f(x.at[1].add(-eps), w, 5)) / (2 * eps)
    np.testing.assert_allclose(got[0][1], slope, rtol=2e-2, atol=2e-3)


def test_integers_only_have_no_gradient():
    def f(x):
        n = lax.while_loop(lambda i: i * i < x, lambda i: i + 1, 0)
        return x * n

    assert jax.grad(f)(10.0) == 4.0
    assert jax.jit(jax.grad(f))(10.0) == 4.0


def test_condition_on_the_carry():
    def newton(a):
        return lax.while_loop(lambda x: jnp.abs(x * x - a) > 1e-4, lambda x: 0.5 * (x + a / x), a)

    np.testing.assert_allclose(jax.grad(newton)(2.0), 0.5 / np.sqrt(2.0), rtol=1e-2)
    got = jax.vmap(jax.grad(newton))(jnp.array([2.0, 9.0, 400.0]))
    np.testing.assert_allclose(got, 0.5 / np.sqrt([2.0, 9.0, 400.0]), rtol=3e-2)
    got = jax.grad(lambda v: jax.vmap(newton)(v).sum())(jnp.array([2.0, 9.0, 400.0]))
    np.testing.assert_allclose(got, 0.5 / np.sqrt([2.0, 9.0, 400.0]), rtol=3e-2)


def test_a_carry_that_becomes_linear_late():
    """A carry that starts as a constant, and one that the loop never reads."""

    def f(x, n):
        def body(s):
            i, a, b, c = s
            return i + 1, a, b + a * x, c + b

        _, _, b, c = lax.while_loop(lambda s: s[0] < n, body, (0, 3.0, 0.0, 1.0))
        return c + b * x

    def g(x, n):
        b, c = 0.0, 1.0
        for _ in range(n):
            b, c = b + 3.0 * x, c + b
        return c + b * x

    for n in (0, 1, 2, 6):
        np.testing.assert_allclose(jax.grad(f)(0.7, n), jax.grad(g)(0.7, n), rtol=1e-6)
        np.testing.assert_allclose(jax.jit(jax.grad(f))(0.7, n), jax.grad(g)(0.7, n), rtol=1e-6)


def test_captured_values():
    w = jnp.arange(6.0).reshape(2, 3)

    def f(w, b, n):
        def body(i, x):
            return jnp.tanh(w @ jnp.concatenate([x, b]) + i)

        return lax.fori_loop(0, n, body, jnp.ones(2)).sum()

    def g(w, b, n):
        x = jnp.ones(2)
        for i in range(n):
            x = jnp.tanh(w @ jnp.concatenate([x, b]) + i)
        return x.sum()

    b = jnp.array([0.5])
    for n in (0, 1, 4):
        got, want = jax.grad(f, (0, 1))(w * 0.1, b, n), jax.grad(g, (0, 1))(w * 0.1, b, n)
        for x, y in zip(got, want, strict=True):
            np.testing.assert_allclose(x, y, rtol=1e-5, atol=1e-7)
        jitted = jax.jit(jax.grad(f, (0, 1)))(w * 0.1, b, n)
        for x, y in zip(jitted, want, strict=True):
            np.testing.assert_allclose(x, y, rtol=1e-5, atol=1e-7)


def times(n, x, body):
    """Apply body n times, an unknown number."""
    return lax.fori_loop(0, n, lambda i, c: body(c), x)


NESTS = {
    "scan": lambda x, n: lax.scan(
        lambda c, t: (times(n, c, lambda v: jnp.sin(v) + 0.1 * t), c), x, jnp.arange(3.0)
    )[0],
    "cond": lambda x, n: lax.cond(
        x > 0, lambda x: times(n, x, lambda v: v * jnp.cos(v)), lambda x: -x, x
    ),
    "while": lambda x, n: times(3, x, lambda c: times(n, c, lambda v: jnp.sin(v) + 0.1)),
    "while2": lambda x, n: times(n, x, lambda c: times(n, c, lambda v: jnp.sin(v) + 0.1)),
    "scan inside": lambda x, n: times(
        n, x, lambda c: lax.scan(lambda a, t: (jnp.sin(a) + t, None), c, jnp.arange(3.0))[0]
    ),
    "cond inside": lambda x, n: times(
        n, x, lambda c: lax.cond(c > 0.4, jnp.sin, lambda v: v * 1.5, c)
    ),
    "switch inside": lambda x, n: lax.fori_loop(
        0, n, lambda i, c: lax.switch(i % 3, [jnp.sin, jnp.cos, lambda v: v * v], c), x
    ),
    "jit": lambda x, n: jax.jit(lambda x: times(n, x, jax.jit(lambda v: jnp.sin(v) + 0.1)))(x),
    "checkpoint": lambda x, n: jax.checkpoint(
        lambda x: times(n, x, jax.checkpoint(lambda v: jnp.sin(v) + 0.1))
    )(x),
    "jvp inside": lambda x, n: times(n, x, lambda v: jax.jvp(jnp.sin, (v,), (v,))[1]),
    "grad inside": lambda x, n: times(
        n, x, lambda v: v - 0.3 * jax.grad(lambda u: times(2 + 0 * n, u, jnp.sin) ** 2)(v)
    ),
    "custom": lambda x, n: times(n, x, lambda v: jax.nn.silu(v) + jax.nn.relu(v)),
}


@pytest.mark.parametrize("jitted", [False, True])
@pytest.mark.parametrize("name", NESTS)
def test_nesting(name, jitted):
    f = NESTS[name]

    def value(x, n):
        return jax.jit(f)(x, n) if jitted else f(x, n)

    n = jnp.asarray(4)
    got = jax.grad(value)(0.5, n)
    want = jax.jvp(lambda x: value(x, n), (0.5,), (1.0,))[1]
    np.testing.assert_allclose(got, want, rtol=1e-5)
    eps = 1e-2
    slope = (value(0.5 + eps, n) - value(0.5 - eps, n)) / (2 * eps)
    np.testing.assert_allclose(got, slope, rtol=2e-2)


@pytest.mark.parametrize("name", NESTS)
def test_nesting_mapped(name):
    f = NESTS[name]
    xs, ns = jnp.array([0.5, 0.2, 0.9]), jnp.array([4, 0, 2])
    want = [jax.grad(f)(x, n) for x, n in zip(xs, ns, strict=True)]
    np.testing.assert_allclose(jax.vmap(jax.grad(f))(xs, ns), want, rtol=1e-5)
    np.testing.assert_allclose(jax.jit(jax.vmap(jax.grad(f)))(xs, ns), want, rtol=1e-5)
    total = jax.grad(lambda v: jax.vmap(f)(v, ns).sum())
    np.testing.assert_allclose(total(xs), want, rtol=1e-5)
    fixed = [jax.grad(f)(x, ns[0]) for x in xs]
    np.testing.assert_allclose(jax.vmap(jax.grad(f), (0, None))(xs, ns[0]), fixed, rtol=1e-5)


@pytest.mark.parametrize("name", ["scan", "while", "cond inside", "jit", "custom", "checkpoint"])
def test_second_derivatives(name):
    f = partial(NESTS[name], n=jnp.asarray(3))
    eps = 1e-2
    slope = (jax.grad(f)(0.5 + eps) - jax.grad(f)(0.5 - eps)) / (2 * eps)
    for second in (
        jax.grad(jax.grad(f)),
        jax.jacfwd(jax.grad(f)),
        jax.grad(lambda x: jax.jvp(f, (x,), (1.0,))[1]),
        jax.jit(jax.hessian(f)),
        jax.jacrev(jax.jacfwd(f)),
    ):
        np.testing.assert_allclose(second(0.5), slope, rtol=3e-2, atol=2e-3)


def test_second_derivatives_by_small_tapes(small_tapes):
    def f(x, n):
        return lax.fori_loop(0, n, lambda i, c: jnp.sin(c) + 0.1 * x * c, x)

    def g(x, n):
        return lax.scan(lambda c, _: (jnp.sin(c) + 0.1 * x * c, None), x, None, length=n)[0]

    want = jax.grad(jax.grad(g))(0.6, 21)
    np.testing.assert_allclose(jax.grad(jax.grad(f))(0.6, 21), want, rtol=1e-3)
    want = jax.grad(jax.grad(jax.grad(g)))(0.6, 6)
    np.testing.assert_allclose(jax.grad(jax.grad(jax.grad(f)))(0.6, 6), want, rtol=1e-3)


def test_jacobians():
    def f(x, n):
        return lax.fori_loop(0, n, lambda i, c: jnp.sin(c) * c[::-1] + i, x)

    x = jnp.array([0.1, 0.4, -0.3])
    reverse, forward = jax.jacrev(f)(x, 5), jax.jacfwd(f)(x, 5)
    np.testing.assert_allclose(reverse, forward, rtol=1e-5, atol=1e-6)
    h = jax.jacrev(jax.jacrev(f))(x, 3)
    np.testing.assert_allclose(h, jax.jacfwd(jax.jacfwd(f))(x, 3), rtol=1e-4, atol=1e-5)


def test_check_grads():
    with jax.enable_x64(True):
        n = jnp.asarray(7)

        def f(x, w):
            return lax.while_loop(
                lambda s: s[0] < n, lambda s: (s[0] + 1, jnp.tanh(w @ s[1]) + x), (0, x)
            )[1]

        x, w = np.linspace(0, 1, 3), np.cos(np.arange(9.0)).reshape(3, 3)
        check_grads(f, (x, w), order=2, modes=["fwd", "rev"])


def test_large_carries(small_tapes):
    x = jnp.linspace(0.0, 1.0, 50_000).reshape(100, 500)

    def f(x, n):
        return (lax.fori_loop(0, n, lambda i, c: jnp.sin(c) + 0.01 * c.mean(), x) ** 2).sum()

    def g(x, n):
        return (lax.scan(lambda c, _: (jnp.sin(c) + 0.01 * c.mean(), 0), x, None, n)[0] ** 2).sum()

    np.testing.assert_allclose(
        jax.jit(jax.grad(f))(x, 23), jax.jit(jax.grad(g), static_argnums=1)(x, 23),
        rtol=1e-4, atol=1e-5,
    )  # fmt: skip


def test_memory_does_not_grow_with_steps():
    def f(x, n):
        return lax.fori_loop(0, n, lambda i, c: jnp.sin(c), x).sum()

    x = jnp.ones(1 << 16)
    compiled = jax.jit(jax.grad(f)).lower(x, 5).compile()
    # Four tapes of 32 MiB each, and little else.
    assert compiled.memory_analysis().temp_size_in_bytes < 4 * (32 << 20) + (4 << 20)


def test_linear_transpose_of_a_loop():
    def f(x, n):
        return lax.fori_loop(0, n, lambda i, c: 2.0 * c + jnp.roll(c, 1), x)

    x = jnp.arange(3.0)
    transposed = jax.linear_transpose(partial(f, n=jnp.asarray(3)), x)
    matrix = jax.jacfwd(f)(x, 3)
    np.testing.assert_allclose(transposed(jnp.array([1.0, 0.0, 2.0]))[0],
                               jnp.array([1.0, 0.0, 2.0]) @ matrix)  # fmt: skip


def test_linearize_and_vjp_twice():
    f = lambda x: lax.while_loop(lambda v: v.sum() < 10, lambda v: v * v + 0.5, x)
    x = jnp.array([0.5, 1.0])
    _, pull = jax.vjp(f, x)
    first, again = pull(jnp.ones(2)), pull(jnp.array([1.0, 0.0]))
    np.testing.assert_allclose(first[0] @ jnp.array([1.0, 0.0]), jax.jacfwd(f)(x)[:, 0].sum(), 1e-6)
    np.testing.assert_allclose(again[0], jax.jacfwd(f)(x)[0], rtol=1e-6)
    _, push = jax.linearize(f, x)
    np.testing.assert_allclose(push(jnp.ones(2)), jax.jacfwd(f)(x).sum(1), rtol=1e-6)


def test_empty_carries_and_arrays():
    f = lambda x, n: lax.fori_loop(0, n, lambda i, c: c * 2.0, x).sum()
    assert jax.grad(f)(jnp.ones((0, 3)), 4).shape == (0, 3)
    # Nothing known but the counter, everything linear.
    assert jax.grad(lambda x, n: lax.fori_loop(0, n, lambda i, c: c * 2.0, x))(1.0, 10) == 1024.0


def test_loop_without_known_carry():
    """The condition is a constant of the loop; the carry is linear alone."""

    def f(x):
        return lax.while_loop(lambda c: jnp.array(False), lambda c: c * 3.0, x)

    assert jax.grad(f)(2.0) == 1.0
    assert jax.jit(jax.grad(f))(2.0) == 1.0


def test_nan_of_steps_beyond_the_end_do_not_matter():
    def f(x):
        return lax.while_loop(lambda c: c > 1.0, lambda c: jnp.sqrt(c - 1.0), x)

    xs = jnp.array([0.0, 5.0, 1.5])
    one = [jax.grad(f)(x) for x in xs]
    np.testing.assert_allclose(jax.vmap(jax.grad(f))(xs), one, rtol=1e-6)


@pytest.mark.peer
def test_forward_mode_as_the_peer(peer):
    want = peer(
        "result = jax.jvp(lambda x: jax.lax.while_loop(lambda v: v.sum() < 10,"
        " lambda v: v * v + 0.5, x), (x,), (x,))[1]",
        x=np.array([0.5, 1.0], np.float32),
    )
    f = lambda x: lax.while_loop(lambda v: v.sum() < 10, lambda v: v * v + 0.5, x)
    x = jnp.array([0.5, 1.0])
    np.testing.assert_allclose(jax.jvp(f, (x,), (x,))[1], want, rtol=1e-6)
    np.testing.assert_allclose(jax.jit(lambda x: jax.vjp(f, x)[0])(x), f(x), rtol=1e-6)


def test_side_effects_are_refused():
    def f(x, n):
        return lax.fori_loop(0, n, lambda i, c: (io_callback(lambda i: None, None, i), c * 2)[1], x)

    assert f(1.0, 3) == 8.0
    n = jnp.asarray(3)
    assert jax.jvp(lambda x: f(x, n), (1.0,), (1.0,))[1] == 8.0
    with pytest.raises(NotImplementedError, match=r"computes the steps again(.|\n)*Use scan"):
        jax.grad(lambda x: f(x, n))(1.0)
