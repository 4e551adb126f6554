"""Elements that lie apart: updates lane by lane, stacks along the last axis, gathers, row sums."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import pytest

import gradax as jax
import gradax.numpy as jnp

DTYPES = [np.float32, np.int8, np.uint32, np.float16, ml_dtypes.bfloat16, np.complex64]
SIZES = [3, 8, 37, 1000]


def drawn(dtype: Any, *shape: int, seed: int = 0) -> np.ndarray:
    values = np.random.default_rng(seed).integers(0, 5, shape)
    return (values * (1 + 2j) if dtype == np.complex64 else values).astype(dtype)


def places(n: int, size: int) -> np.ndarray:
    """Return indices from the begin, from the end, and outside, where nothing is to be done."""
    return np.random.default_rng(n).integers(-size, size + 3, n).astype(np.int32)


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_updates_with_repeated_and_missing_places(dtype: Any, n: int) -> None:
    base, values, at = drawn(dtype, 20), drawn(dtype, n, seed=1), places(n, 20)
    methods = ["add", "set", "multiply"]
    if dtype != np.complex64:
        methods += ["min", "max"]
    for method in methods:
        update = jax.jit(lambda x, i, v, m=method: getattr(x.at[i], m)(v, mode="drop"))
        expected = base.copy()
        with np.errstate(all="ignore"):
            for i, v in zip(at, values, strict=True):
                if i < 20:
                    old = expected[i]
                    expected[i] = {"add": lambda a, b: a + b, "set": lambda a, b: b,
                                   "multiply": lambda a, b: a * b, "min": min, "max": max,
                                   }[method](old, v)  # fmt: skip
        got = np.asarray(update(base, at, values)).astype(np.complex64)
        np.testing.assert_array_equal(got, expected.astype(np.complex64), err_msg=method)


def test_large_updates_are_divided_among_few_or_many_copies() -> None:
    rng = np.random.default_rng(0)
    for size in (100, 10_000, 30_000, 200_000):
        at = rng.integers(0, size, 300_000).astype(np.int32)
        values = rng.integers(0, 100, at.size).astype(np.float32)
        total, least = np.zeros(size, np.float32), np.zeros(size, np.float32)
        np.add.at(total, at, values)
        np.minimum.at(least, at, -values)
        got = jax.jit(lambda i, v, n=size: (jnp.zeros(n).at[i].add(v), jnp.zeros(n).at[i].min(-v)))
        for a, b in zip(got(at, values), (total, least), strict=True):
            np.testing.assert_array_equal(np.asarray(a), b)


@pytest.mark.parametrize("n", range(1, 10))
@pytest.mark.parametrize("dtype", [*DTYPES, np.bool_])
def test_stacks_along_the_last_axis(dtype: Any, n: int) -> None:
    for size in SIZES:
        parts = [drawn(dtype, size, seed=k) for k in range(n)]
        got = jax.jit(lambda *xs: jnp.stack([x[::1] for x in xs], axis=-1))(*parts)
        assert np.array_equal(np.asarray(got), np.stack(parts, -1))
        wide = jax.jit(lambda *xs: jnp.concatenate([x[:, None] for x in xs] * 2, -1))(*parts)
        assert np.array_equal(np.asarray(wide), np.stack(parts * 2, -1))


@pytest.mark.parametrize("index_dtype", [np.int32, np.int8, np.uint8, np.uint32])
@pytest.mark.parametrize("mode", ["fill", "clip"])
def test_gathers_at_short_places(mode: str, index_dtype: Any) -> None:
    x = drawn(np.float32, 37, 100)
    at = np.random.default_rng(0).integers(0, 120, (37, 45)).astype(index_dtype)
    got = jax.jit(lambda x, i: jnp.take_along_axis(x, i, 1, mode=mode))(x, at)
    rows = np.arange(37)[:, None]
    if mode == "fill":
        expected = np.where(at < 100, x[rows, at.astype(np.int64) % 100], np.nan)
    else:
        expected = x[rows, np.minimum(at, 99)]
    np.testing.assert_array_equal(np.asarray(got), expected)


@pytest.mark.parametrize("shape", [(3000, 200), (70_001, 33), (400, 2048), (2, 5000, 65)])
def test_sums_of_rows(shape: tuple[int, ...]) -> None:
    x = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    axis = len(shape) - 2
    got = np.asarray(jax.jit(lambda x: x.sum(axis))(x))
    np.testing.assert_allclose(got, x.sum(axis, dtype=np.float64), rtol=1e-5, atol=1e-3)
    assert np.array_equal(np.asarray(jax.jit(lambda x: x.max(axis))(x)), x.max(axis))
    squares = np.asarray(jax.jit(lambda x: (x * x).sum(axis))(x))
    np.testing.assert_allclose(squares, (x.astype(np.float64) ** 2).sum(axis), rtol=1e-5)


def test_products_of_complex_stacks_by_a_matrix() -> None:
    x, y = drawn(np.complex64, 3, 20, 30), drawn(np.float32, 20, 30, seed=1)
    np.testing.assert_array_equal(np.asarray(jax.jit(lambda x, y: x * y)(x, y)), x * y)
