"""Functions whose results have as many elements as the values say, with `size`, under jit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gradax as jax
import gradax.numpy as jnp

X = np.array([3, 0, 2, 0, 3, 1, 0, 2], np.int32)
Y = np.array([2, 5, 0, 2], np.int32)


def padded(values: Any, size: int, fill: Any) -> Any:
    """Return values cut off or filled up to a size."""
    values = np.asarray(values)
    out = np.full((size, *values.shape[1:]), fill, values.dtype)
    out[: len(values)] = values[:size]
    return out


@pytest.mark.parametrize("size", [3, 5, 7])
def test_nonzero(size: int) -> None:
    (got,) = jax.jit(lambda x: jnp.nonzero(x, size=size, fill_value=-1))(X)
    np.testing.assert_array_equal(got, padded(np.nonzero(X)[0], size, -1))
    (got,) = jax.jit(lambda x: jnp.where(x > 1, size=size))(X)
    np.testing.assert_array_equal(got, padded(np.nonzero(X > 1)[0], size, 0))


def test_several_axes() -> None:
    x = X.reshape(2, 4)
    got = jax.jit(lambda x: jnp.argwhere(x, size=6, fill_value=9))(x)
    np.testing.assert_array_equal(got, padded(np.argwhere(x), 6, 9))


@pytest.mark.parametrize("size", [2, 4, 6])
def test_unique(size: int) -> None:
    values, index, inverse, counts = jax.jit(
        lambda x: jnp.unique(x, True, True, True, size=size, fill_value=-1)
    )(X)
    want = np.unique(X, True, True, True)
    np.testing.assert_array_equal(values, padded(want[0], size, -1))
    np.testing.assert_array_equal(counts, padded(want[3], size, 0))
    np.testing.assert_array_equal(index, padded(want[1], size, want[1][0]))
    np.testing.assert_array_equal(inverse, want[2])


@pytest.mark.parametrize("name", ["union1d", "intersect1d", "setdiff1d", "setxor1d"])
def test_sets(name: str) -> None:
    want = getattr(np, name)(X, Y)
    for size in (1, len(want), len(want) + 3):
        got = jax.jit(lambda x, y, n=size: getattr(jnp, name)(x, y, size=n, fill_value=-7))(X, Y)
        np.testing.assert_array_equal(got, padded(want, size, -7))


def test_counts_and_repeats() -> None:
    got = jax.jit(lambda x: jnp.bincount(x, length=6))(X)
    np.testing.assert_array_equal(got, np.bincount(X, minlength=6))
    got = jax.jit(lambda x: jnp.bincount(x, length=2))(X)
    np.testing.assert_array_equal(got, np.bincount(X)[:2])
    counts = np.array([1, 0, 3])
    got = jax.jit(lambda n: jnp.repeat(jnp.arange(3), n, total_repeat_length=4))(counts)
    np.testing.assert_array_equal(got, np.repeat(np.arange(3), counts))
    got = jax.jit(lambda n: jnp.repeat(jnp.arange(3), n, total_repeat_length=6))(counts)
    np.testing.assert_array_equal(got, [0, 2, 2, 2, 2, 2])


def test_traced_places() -> None:
    x = np.arange(6.0, dtype=np.float32)
    for shift in (-7, -1, 0, 2, 11):
        got = jax.jit(lambda x, k: jnp.roll(x, k))(x, shift)
        np.testing.assert_array_equal(got, np.roll(x, shift))
    got = jax.jit(lambda x, i: jnp.delete(x, i))(x, 2)
    np.testing.assert_array_equal(got, np.delete(x, 2))
    got = jax.jit(lambda x, i: jnp.insert(x, i, 9.0))(x, 2)
    np.testing.assert_array_equal(got, np.insert(x, 2, 9.0))
    got = jax.jit(lambda m, x: jnp.compress(m, x, size=3))(np.array([True, False, True]), x[:3])
    np.testing.assert_array_equal(got, [0, 2, 0])


def test_changes_return_new_arrays() -> None:
    x = np.arange(6.0, dtype=np.float32).reshape(2, 3)
    for name, args in (
        ("put", (np.array([0, 5]), np.array([7.0, 8.0], np.float32))),
        ("fill_diagonal", (9.0,)),
        ("put_along_axis", (np.array([[2], [0]]), 5.0, 1)),
        ("place", (x > 2, np.array([1.0, 2.0], np.float32))),
    ):
        want = x.copy()
        getattr(np, name)(want, *args)
        np.testing.assert_array_equal(
            getattr(jnp, name)(jnp.asarray(x), *args, inplace=False), want
        )


def test_vectorize() -> None:
    x = np.arange(6.0, dtype=np.float32).reshape(2, 3)
    dot = jnp.vectorize(lambda m, v: m @ v, signature="(n,m),(m)->(n)")
    np.testing.assert_allclose(
        dot(jnp.ones((4, 2, 3)), x[:, None]), np.ones((2, 4, 2)) * x.sum(1)[:, None, None]
    )
    add = jnp.vectorize(lambda x, y: x + y)
    np.testing.assert_array_equal(add(x, x[0]), x + x[0])
    scaled = jnp.vectorize(lambda x, n: x * n, excluded={1})
    np.testing.assert_array_equal(scaled(x, 3), x * 3)
    got = jnp.apply_along_axis(lambda v: jnp.sort(v)[::-1][:2], 1, x)
    np.testing.assert_array_equal(got, np.apply_along_axis(lambda v: np.sort(v)[::-1][:2], 1, x))
    got = jnp.apply_along_axis(jnp.sum, 0, x)
    np.testing.assert_array_equal(got, x.sum(0))
    got = jnp.apply_over_axes(jnp.sum, x, (0, 1))
    np.testing.assert_array_equal(got, np.apply_over_axes(np.sum, x, (0, 1)))


def test_grids() -> None:
    np.testing.assert_array_equal(jnp.mgrid[0:2, 1:4], np.mgrid[0:2, 1:4])
    np.testing.assert_allclose(jnp.mgrid[0:1:3j], np.mgrid[0:1:3j])
    for ours, theirs in zip(jnp.ogrid[0:2, 1:4], np.ogrid[0:2, 1:4], strict=True):
        np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_array_equal(jnp.r_[0:3, 7, jnp.ones(2)], np.r_[0:3, 7, np.ones(2)])
    np.testing.assert_array_equal(jnp.c_[jnp.ones(2), jnp.zeros(2)], np.c_[np.ones(2), np.zeros(2)])
    np.testing.assert_array_equal(jnp.r_["0,2", 1:3, 5:7], np.r_["0,2", 1:3, 5:7])


def test_derivatives_are_numbers_at_the_edges() -> None:
    assert jax.grad(jnp.sinc)(0.0) == 0.0
    assert jax.grad(jnp.logaddexp)(1.0, 1.0) == 0.5
    assert np.isfinite(jax.grad(jnp.logaddexp)(-np.inf, -np.inf))
    assert jax.grad(lambda x: jnp.linalg.norm(x))(jnp.ones(4))[0] == 0.5
    assert jax.grad(lambda x: jnp.where(x > 0, jnp.sqrt(jnp.where(x > 0, x, 1.0)), 0.0))(0.0) == 0.0
    assert jax.grad(jnp.nanmean)(jnp.asarray([1.0, np.nan, 3.0])).tolist() == [0.5, 0.0, 0.5]
    assert jax.grad(lambda x: jnp.prod(x))(jnp.asarray([0.0, 2.0, 3.0])).tolist() == [6.0, 0.0, 0.0]
    assert jax.grad(lambda x: jnp.hypot(x, 0.0))(2.0) == 1.0
