"""Mapped branches and loops do what each lane needs, and no more."""

import time

import numpy as np
import pytest

import gradax as jax
import gradax.numpy as jnp
from gradax import lax

M = jnp.asarray(np.random.default_rng(0).normal(size=(16, 16)).astype(np.float32) / 5)


def heavy(x):
    return lax.fori_loop(0, 100, lambda _, v: jnp.tanh(M @ v), x)


def choose(p, x):
    return lax.cond(p, heavy, lambda x: 2 * x, x)


def rows(n):
    return jnp.asarray(np.random.default_rng(1).normal(size=(n, 16)).astype(np.float32))


@pytest.mark.parametrize("n", [0, 1, 7])
@pytest.mark.parametrize("transform", [lambda f: f, jax.jit], ids=["eager", "jit"])
def test_branches_equal_a_loop(n, transform):
    x, p = rows(n), jnp.arange(n) % 3 == 0
    got = transform(jax.vmap(choose))(p, x)
    want = [choose(q, y) for q, y in zip(p, x, strict=True)]
    np.testing.assert_allclose(got, np.reshape(want, (n, 16)), rtol=1e-4, atol=1e-6)


def test_gradients_of_branches():
    x, p = rows(5), jnp.arange(5) % 2 == 0
    got = jax.grad(lambda x: jax.vmap(choose)(p, x).sum())(x)
    want = [jax.grad(lambda y, q=q: choose(q, y).sum())(y) for q, y in zip(p, x, strict=True)]
    np.testing.assert_allclose(got, want, rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(jax.vmap(jax.grad(lambda y, q: choose(q, y).sum()))(x, p), want,
                               rtol=1e-3, atol=1e-5)  # fmt: skip


def least_seconds(f, *args):
    jax.block_until_ready(f(*args))
    seconds = []
    for _ in range(5):
        start = time.perf_counter()
        jax.block_until_ready(f(*args))
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def test_a_branch_that_few_lanes_take_costs_little():
    f, x = jax.jit(jax.vmap(choose)), rows(400)
    few = least_seconds(f, jnp.arange(400) < 4, x)
    many = least_seconds(f, jnp.ones(400, bool), x)
    assert few < many / 10  # a hundredth of the lanes; 100 times on a quiet machine


def test_a_loop_that_would_not_end_in_another_lane():
    def f(x):
        return lax.cond(x > 0, lambda x: lax.while_loop(lambda s: s < 10, lambda s: 2 * s, x),
                        lambda x: x, x)  # fmt: skip

    x = jnp.array([1.0, -1.0, 3.0, 0.0])
    np.testing.assert_array_equal(jax.vmap(f)(x), [16, -1, 12, 0])
    np.testing.assert_array_equal(jax.vmap(jax.grad(f))(x), [16, 1, 4, 1])


def test_expensive_loops_stop_lane_by_lane():
    steps = []

    def f(n):
        def body(s):
            jax.debug.callback(lambda i: steps.append(int(i)), s)
            return s + 1

        return lax.while_loop(lambda s: s < n, body, 0)

    np.testing.assert_array_equal(jax.jit(jax.vmap(f))(jnp.array([2, 0, 3])), [2, 0, 3])
    jax.effects_barrier()
    assert steps == [0, 1, 0, 1, 2]


def test_side_effects_of_the_branch_taken_only():
    seen = []

    def note(name):
        return lambda x: (jax.debug.callback(lambda v: seen.append((name, float(v))), x), x)[1]

    jax.vmap(lambda x: lax.cond(x > 1, note("big"), note("small"), x))(jnp.arange(3.0))
    jax.effects_barrier()
    assert seen == [("small", 0.0), ("small", 1.0), ("big", 2.0)]


def test_cheap_branches_are_selected():
    f = jax.vmap(lambda p, x: lax.cond(p, jnp.sin, jnp.cos, x))
    text = str(jax.make_jaxpr(f)(jnp.ones(3, bool), jnp.ones(3)))
    assert "select_n" in text and "scan" not in text


def test_lanes_that_exchange_values_run_together():
    def f(p, x):
        return lax.cond(p, lambda x: heavy(x) * 0 + lax.psum(x, "i"), lambda x: x, x)

    x = rows(3)
    got = jax.vmap(f, axis_name="i")(jnp.array([True, False, True]), x)
    np.testing.assert_allclose(got, [x.sum(0), x[1], x.sum(0)], rtol=1e-5)


def test_switch():
    f = jax.vmap(lambda i, x: lax.switch(i, [heavy, lambda x: x, lambda x: -heavy(x)], x))
    x = rows(4)
    want = [heavy(x[0]), x[1], -heavy(x[2]), -heavy(x[3])]
    np.testing.assert_allclose(f(jnp.array([0, 1, 2, 9]), x), want, rtol=1e-4, atol=1e-6)
