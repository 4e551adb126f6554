"""Updates by the larger and the smaller: NaN, ties, places in runs and places outside."""

from __future__ import annotations

import numpy as np
import pytest

import gradax as jax

EXTREMA = {"max": np.maximum, "min": np.minimum}


def identity(which, dtype):
    kind = np.dtype(dtype).kind
    if kind == "b":
        return which == "min"
    if kind == "f":
        return -np.inf if which == "max" else np.inf
    return getattr(np.iinfo(dtype), "min" if which == "max" else "max")


def numbers(rng, kind, n, dtype):
    x = rng.normal(size=n) * 50
    if kind == "ties":
        x = np.round(x / 30)
    if kind == "NaN":
        x[rng.random(n) < 0.02] = np.nan
    return np.abs(x).astype(dtype) if np.dtype(dtype).kind == "u" else x.astype(dtype)


@pytest.mark.parametrize("which", EXTREMA)
@pytest.mark.parametrize("dtype", ["float32", "float16", "int32", "uint8", "bool"])
@pytest.mark.parametrize(("size", "n"), [(1, 1000), (7, 1001), (300, 5003), (10, 5)])
@pytest.mark.parametrize("kind", ["apart", "runs", "ties", "NaN", "outside"])
def test_extrema_of_segments(kind, size, n, dtype, which):
    if kind == "NaN" and not dtype.startswith("float"):
        pytest.skip("only floats have NaN")
    rng = np.random.default_rng(n)
    low, high = (-3, size + 3) if kind == "outside" else (0, size)
    places = rng.integers(low, high, n).astype(np.int32)
    if kind == "runs":
        places.sort()
    x = numbers(rng, kind, n, dtype)
    want = np.full(size, identity(which, dtype), dtype)
    inside = (places >= 0) & (places < size)
    with np.errstate(invalid="ignore"):
        EXTREMA[which].at(want, places[inside], x[inside])
    reduce = getattr(jax.ops, f"segment_{which}")
    np.testing.assert_array_equal(jax.jit(lambda x, i: reduce(x, i, size))(x, places), want)
