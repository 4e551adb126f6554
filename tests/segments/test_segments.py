"""Reductions over segments against a loop."""

import numpy as np
import pytest

import gradax as jax
from gradax import ops

DATA = np.random.default_rng(0).normal(size=(9, 2)).astype(np.float32)
IDS = np.array([0, 2, 1, 0, 5, 2, -1, 1, 7])
FOLDS = {
    "sum": (np.add, lambda dtype: 0),
    "prod": (np.multiply, lambda dtype: 1),
    "max": (np.maximum, lambda d: -np.inf if d.kind == "f" else np.iinfo(d).min),
    "min": (np.minimum, lambda d: np.inf if d.kind == "f" else np.iinfo(d).max),
}


def expected(name, data, ids, n):
    fold, identity = FOLDS[name]
    out = np.full((n, *data.shape[1:]), identity(data.dtype), data.dtype)
    for x, i in zip(data, ids, strict=True):
        if 0 <= i < n:
            out[i] = fold(out[i], x)
    return out


@pytest.mark.parametrize("name", FOLDS)
@pytest.mark.parametrize("dtype", ["float32", "int32", "uint8", "int8"])
def test_folds(name, dtype):
    data = (DATA * 10).astype(dtype)
    reduce = getattr(ops, f"segment_{name}")
    for n in (6, 8, 0):
        found = reduce(data, IDS, n)
        assert found.dtype == data.dtype
        np.testing.assert_allclose(found, expected(name, data, IDS, n), rtol=1e-6)
    np.testing.assert_allclose(reduce(data, IDS), expected(name, data, IDS, 8), rtol=1e-6)


@pytest.mark.parametrize("name", FOLDS)
def test_transformed(name):
    reduce = getattr(ops, f"segment_{name}")
    many, ids = np.stack([DATA, 2 * DATA]), np.stack([IDS, IDS[::-1]])
    each = [expected(name, d, i, 6) for d, i in zip(many, ids, strict=True)]
    found = jax.jit(jax.vmap(lambda d, i: reduce(d, i, 6)))(many, ids)
    np.testing.assert_allclose(found, each, rtol=1e-6)


def test_derivative():
    weights = np.arange(1, 9, dtype=np.float32)[:, None]
    slope = jax.grad(lambda x: (ops.segment_sum(x, IDS, 8) * weights).sum())(DATA)
    wanted = np.where(IDS[:, None] < 0, 0, weights[IDS]) * np.ones((1, 2))
    np.testing.assert_allclose(slope, wanted)


def test_modes_and_sorted_segments():
    ordered = np.sort(abs(IDS))
    found = ops.segment_sum(DATA, ordered, 8, indices_are_sorted=True)
    np.testing.assert_allclose(found, expected("sum", DATA, ordered, 8), rtol=1e-6)
    clipped = ops.segment_sum(DATA, IDS, 6, mode="clip")
    np.testing.assert_allclose(clipped, expected("sum", DATA, np.clip(IDS, 0, 5), 6), rtol=1e-6)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: ops.segment_sum(DATA, IDS.astype(float)), TypeError, "segment_ids are integers"),
        (lambda: ops.segment_sum(DATA, IDS[:4]), ValueError, "Incompatible shapes for segment_sum"),
        (lambda: ops.segment_sum(DATA, IDS, -1), ValueError, "must not be negative; got -1"),
        (lambda: jax.jit(ops.segment_sum)(DATA, IDS), TypeError, "num_segments"),
    ],
)
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call()
