"""Functions with mapping rules of their own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gradax as jax
from gradax import numpy as jnp
from gradax.custom_batching import custom_vmap, sequential_vmap

Seen = list[tuple[int, Any]]


def scaled(seen: Seen) -> Any:
    """Return a product whose rule adds 100, so that results tell that it was used."""

    @custom_vmap
    def f(x: Any, y: Any) -> Any:
        return x * y, x

    @f.def_vmap
    def rule(axis_size: int, in_batched: Any, x: Any, y: Any) -> Any:
        seen.append((axis_size, in_batched))
        return (x * y + 100, x), (in_batched[0] or in_batched[1], in_batched[0])

    return f


X = np.arange(3, dtype=np.float32)


def test_the_rule_maps():
    seen: Seen = []
    f = scaled(seen)
    assert float(f(2.0, 3.0)[0]) == 6
    out, x = jax.vmap(f, (0, None))(X, 2.0)
    np.testing.assert_array_equal(out, X * 2 + 100)
    np.testing.assert_array_equal(x, X)
    out, x = jax.vmap(f, (None, 0))(np.float32(2), X)
    np.testing.assert_array_equal(out, X * 2 + 100)
    np.testing.assert_array_equal(x, [2, 2, 2])
    assert seen == [(3, [True, False]), (3, [False, True])]


@pytest.mark.parametrize("order", ["jit of vmap", "vmap of jit"])
def test_under_jit(order: str):
    f = scaled([])
    mapped = (
        jax.jit(jax.vmap(f, (0, None)))
        if order == "jit of vmap"
        else jax.vmap(jax.jit(f), (0, None))
    )
    out, x = mapped(X, 2.0)
    np.testing.assert_array_equal(out, X * 2 + 100)
    np.testing.assert_array_equal(x, X)
    np.testing.assert_array_equal(jax.jit(f)(X, 2.0)[0], X * 2)


def test_the_mapped_axis_comes_first():
    @custom_vmap
    def f(x: Any) -> Any:
        return x.sum()

    @f.def_vmap
    def rule(axis_size: int, in_batched: Any, x: Any) -> Any:
        assert x.shape == (axis_size, 2)
        return x.sum(1) + 1, True

    x = np.ones((2, 5), np.float32)
    np.testing.assert_array_equal(jax.vmap(f, in_axes=1)(x), np.full(5, 3))


def test_nested_maps_map_the_rule():
    f = scaled([])
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    inner = jax.vmap(jax.vmap(f, (0, None)), (0, None))
    np.testing.assert_array_equal(inner(x, 2.0)[0], x * 2 + 100)


def test_a_rule_may_call_the_function_again():
    @custom_vmap
    def f(x: Any) -> Any:
        return x + 1

    calls: list[int] = []

    @f.def_vmap
    def rule(axis_size: int, in_batched: Any, x: Any) -> Any:
        calls.append(axis_size)
        return f(x), True

    x = np.zeros((2, 3), np.float32)
    np.testing.assert_array_equal(jax.vmap(jax.vmap(f))(x), x + 1)
    assert calls == [3, 2]


def test_trees():
    @custom_vmap
    def f(p: Any, x: Any = 2.0) -> Any:
        return {"out": p["w"] * x, "w": p["w"]}

    @f.def_vmap
    def rule(axis_size: int, in_batched: Any, p: Any, x: Any) -> Any:
        assert in_batched == [{"w": True, "b": False}, False]
        return {"out": p["w"] * x + 100, "w": p["w"]}, {"out": True, "w": True}

    axes = ({"w": 0, "b": None},)
    out = jax.vmap(f, axes)({"w": X, "b": 1.0})
    np.testing.assert_array_equal(out["out"], X * 2 + 100)


@pytest.mark.parametrize("jit", [False, True])
def test_derivatives_inside_and_outside(jit: bool):
    @custom_vmap
    def f(x: Any, y: Any) -> Any:
        return jnp.sin(x) * y

    @f.def_vmap
    def rule(axis_size: int, in_batched: Any, x: Any, y: Any) -> Any:
        return 2 * jnp.sin(x) * y, True

    wrap = jax.jit if jit else lambda g: g
    g = wrap(f)
    x, y = np.float32(0.3), np.float32(2)
    np.testing.assert_allclose(jax.grad(g)(x, y), np.cos(x) * y, rtol=1e-6)
    np.testing.assert_allclose(jax.grad(g, 1)(x, y), np.sin(x), rtol=1e-6)
    _, tangent = jax.jvp(g, (x, y), (np.float32(1), np.float32(1)))
    np.testing.assert_allclose(tangent, np.cos(x) * y + np.sin(x), rtol=1e-6)

    xs = np.linspace(0, 1, 4, dtype=np.float32)
    mapped = jax.vmap(wrap(jax.grad(f)), (0, None))
    np.testing.assert_allclose(mapped(xs, y), 2 * np.cos(xs) * y, rtol=1e-5)
    mapped = jax.vmap(wrap(jax.grad(f, 1)), (0, None))
    np.testing.assert_allclose(mapped(xs, y), 2 * np.sin(xs), rtol=1e-5)

    def total(x: Any, y: Any) -> Any:
        return jax.vmap(g, (0, None))(x, y).sum()

    gx, gy = jax.grad(wrap(total), (0, 1))(xs, y)
    np.testing.assert_allclose(gx, 2 * np.cos(xs) * y, rtol=1e-5)
    np.testing.assert_allclose(gy, (2 * np.sin(xs)).sum(), rtol=1e-5)
    value, _ = jax.vmap(jax.value_and_grad(g), (0, None))(xs, y)
    np.testing.assert_allclose(value, 2 * np.sin(xs) * y, rtol=1e-5)
    second = jax.grad(jax.grad(g))(x, y)
    np.testing.assert_allclose(second, -np.sin(x) * y, rtol=1e-5)


def test_in_loops():
    f = scaled([])

    def loop(x: Any) -> Any:
        return jax.lax.fori_loop(0, 2, lambda _, c: f(c, 2.0)[0], x)

    np.testing.assert_array_equal(jax.vmap(loop)(X), (X * 2 + 100) * 2 + 100)
    np.testing.assert_array_equal(loop(np.float32(1)), 4)


def test_sequential():
    @sequential_vmap
    def f(x: Any, y: Any) -> Any:
        return jnp.sin(x) * y, y

    out, y = jax.vmap(f, (0, None))(X, 2.0)
    np.testing.assert_allclose(out, np.sin(X) * 2, rtol=1e-6)
    np.testing.assert_array_equal(y, [2, 2, 2])
    assert "scan" in str(jax.make_jaxpr(jax.vmap(f, (0, None)))(X, 2.0))
    total = jax.grad(lambda x: jax.vmap(f, (0, None))(x, 2.0)[0].sum())
    np.testing.assert_allclose(total(X), 2 * np.cos(X), rtol=1e-6)
    x = np.ones((2, 3), np.float32)
    twice = jax.vmap(jax.vmap(f, (0, None)), (0, None))
    np.testing.assert_allclose(twice(x, 2.0)[0], np.sin(x) * 2)


def test_no_rule():
    f = custom_vmap(lambda x: x)
    with pytest.raises(AttributeError, match="no batching rule is defined for"):
        f(1.0)


@pytest.mark.parametrize(
    ("result", "message"),
    [
        (lambda x: ((x, x), (True, True)), "must return the tree that the function returns"),
        (lambda x: (x, (True,)), "must say which results are mapped"),
        (lambda x: x[0], "must return a pair"),
        (lambda x: (x[0], True), "says that leaf 0 of the result is mapped over 3"),
        (lambda x: (x[:, None], True), "must return its results, f32"),
    ],
)
def test_wrong_rules(result: Any, message: str):
    f = custom_vmap(lambda x: x + 1)
    f.def_vmap(lambda axis_size, in_batched, x: result(x))
    with pytest.raises(ValueError, match=message):
        jax.vmap(jax.jit(f))(X)


def test_captured_values_are_refused():
    def outer(y: Any) -> Any:
        @custom_vmap
        def f(x: Any) -> Any:
            return x * y

        f.def_vmap(lambda axis_size, in_batched, x: (x, True))
        return f(np.float32(1))

    with pytest.raises(ValueError, match="captures 'y'"):
        jax.vmap(outer)(X)
    assert float(jax.jit(outer)(np.float32(3))) == 3
