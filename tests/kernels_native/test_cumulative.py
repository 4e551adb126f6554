from __future__ import annotations

import itertools

import numpy as np
import pytest

from .calls import bfloat16, call, code, random_array

REAL = ["i1", "i4", "i8", "u1", "u2", "u8", "f2", bfloat16, "f4", "f8"]
OPS = {"sum": 0, "prod": 1, "max": 2, "min": 3}
FUNCTIONS = {"sum": np.add, "prod": np.multiply, "max": np.maximum, "min": np.minimum}
TOLERANCE = {"float16": 2e-2, "bfloat16": 1e-1, "float32": 2e-5, "complex64": 2e-5}


def assert_close(got, want):
    if got.dtype == bool or got.dtype.kind in "iu":
        np.testing.assert_array_equal(got, want)
        return
    wide = np.complex128 if got.dtype.kind == "c" else np.float64
    rtol = TOLERANCE.get(got.dtype.name, 1e-12)
    scale = max(1.0, float(np.max(np.abs(want), initial=0, where=np.isfinite(want))))
    np.testing.assert_allclose(got.astype(wide), want, rtol=rtol, atol=rtol * scale)


def widened(x):
    if x.dtype.kind in "iub" and x.dtype != bfloat16:
        return x
    return x.astype(np.complex128 if x.dtype.kind == "c" else np.float64)


def near_one(x):
    # Products of many numbers stay finite.
    return x if x.dtype.kind in "iu" and x.dtype != bfloat16 else (1 + x * 0.01).astype(x.dtype)


def cumulate(x, op, reverse=False):
    out = np.zeros_like(x)
    call("cumulative", [x], [out], [code(x), OPS[op], *x.shape, reverse])
    return out


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("op", OPS)
@pytest.mark.parametrize("dtype", REAL, ids=str)
@pytest.mark.parametrize(
    "shape", [(0, 3, 1), (2, 0, 3), (1, 1, 1), (17, 23, 1), (3, 11, 150), (1, 1009, 1)], ids=str
)
def test_scan(shape, dtype, op, reverse):
    x = random_array(np.random.default_rng(0), shape, dtype)
    x = near_one(x) if op == "prod" else x
    turned = widened(x)[:, ::-1] if reverse else widened(x)
    want = FUNCTIONS[op].accumulate(turned, axis=1, dtype=turned.dtype)
    assert_close(cumulate(x, op, reverse), want[:, ::-1] if reverse else want)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("n", [32768, 40_000, 65536, 100_003])
@pytest.mark.parametrize("dtype", ["i4", "u1", "f4", "f8", "c8"])
def test_long_rows(n, dtype, reverse):
    x = random_array(np.random.default_rng(0), (2, n, 1), dtype)
    turned = widened(x)[:, ::-1] if reverse else widened(x)
    want = np.add.accumulate(turned, axis=1, dtype=turned.dtype)
    assert_close(cumulate(x, "sum", reverse), want[:, ::-1] if reverse else want)


@pytest.mark.parametrize("op", ["max", "min", "sum"])
@pytest.mark.parametrize("n", [50, 70_000])
def test_nan_stays(op, n):
    x = random_array(np.random.default_rng(0), (1, n, 1), "f4")
    x[0, n // 3] = np.nan
    assert_close(cumulate(x, op), FUNCTIONS[op].accumulate(x.astype("f8"), axis=1))


def test_unknown_operation_is_an_error():
    with pytest.raises(ValueError, match="cumulative"):
        call("cumulative", [np.zeros(1)], [np.zeros(1)], [12, 9, 1, 1, 1, 0])


IDENTITY = {"sum": 0.0, "prod": 1.0, "max": -np.inf, "min": np.inf}


def identity(op, dtype):
    if dtype.kind in "iu" and op in ("max", "min"):
        info = np.iinfo(dtype)
        return info.min if op == "max" else info.max
    return IDENTITY[op]


def reduce_window(x, op, window, stride, pad, base, dilation):
    dims = list(zip(x.shape, window, stride, pad, base, dilation, strict=True))
    out_shape = tuple(
        max(0, ((max(n - 1, -1)) * b + 1 + lo + hi - ((w - 1) * d + 1)) // s + 1)
        for n, w, s, (lo, hi), b, d in dims
    )
    out = np.zeros(out_shape, x.dtype)
    low = [lo for lo, _ in pad]
    lists = [x.shape, window, out_shape, stride, low, base, dilation]
    params = [code(x), OPS[op], x.ndim, *(n for values in lists for n in values)]
    call("reduce_window", [x], [out], params)
    return out


def window_reference(x, op, out_shape, window, stride, pad, base, dilation):
    wide = widened(x)
    out = np.full(out_shape, identity(op, wide.dtype), wide.dtype)
    for at in itertools.product(*map(range, out_shape)):
        for tap in itertools.product(*map(range, window)):
            place = []
            for d, (o, t) in enumerate(zip(at, tap, strict=True)):
                i = o * stride[d] - pad[d][0] + t * dilation[d]
                if i % base[d] == 0 and 0 <= i // base[d] < x.shape[d]:
                    place.append(i // base[d])
            if len(place) == x.ndim:
                out[at] = FUNCTIONS[op](out[at], wide[tuple(place)], dtype=wide.dtype)
    return out


WINDOWS = [
    ((20,), (3,), (1,), ((1, 1),), (1,), (1,)),
    ((50,), (13,), (1,), ((6, 6),), (1,), (1,)),
    ((50,), (9,), (2,), ((3, 4),), (1,), (2,)),
    ((12,), (10,), (3,), ((9, 9),), (2,), (1,)),
    ((9, 10), (2, 2), (2, 2), ((0, 0), (0, 1)), (1, 1), (1, 1)),
    ((7, 19, 5), (3, 10, 1), (1, 1, 1), ((1, 1), (4, 5), (0, 0)), (1, 1, 1), (1, 1, 1)),
    (
        (2, 6, 6, 3),
        (1, 3, 3, 1),
        (1, 2, 2, 1),
        ((0, 0), (1, 1), (1, 1), (0, 0)),
        (1,) * 4,
        (1,) * 4,
    ),
    ((3, 4), (1, 1), (1, 1), ((0, 0), (0, 0)), (1, 1), (1, 1)),
    ((8, 3), (3, 1), (1, 1), ((-1, -2), (0, 0)), (1, 1), (1, 1)),
    ((3,), (5,), (1,), ((0, 0),), (1,), (1,)),
    # Long windows of which no two share an element.
    ((2, 12, 5), (1, 12, 1), (1, 1, 1), ((0, 0),) * 3, (1,) * 3, (1,) * 3),
    ((30, 300), (10, 1), (11, 1), ((1, 3), (0, 0)), (1, 1), (1, 1)),
]


@pytest.mark.parametrize("op", OPS)
@pytest.mark.parametrize("dtype", ["i4", "u1", "f2", "f4", "f8"])
@pytest.mark.parametrize("case", WINDOWS, ids=str)
def test_windows(case, dtype, op):
    shape, *rest = case
    x = random_array(np.random.default_rng(0), shape, dtype)
    x = near_one(x) if op == "prod" else x
    got = reduce_window(x, op, *rest)
    assert_close(got, window_reference(x, op, got.shape, *rest))


@pytest.mark.parametrize("width", [3, 20])
def test_window_keeps_nan(width):
    x = random_array(np.random.default_rng(0), (100,), "f4")
    x[[10, 60]] = np.nan
    case = ((width,), (1,), ((0, 0),), (1,), (1,))
    got = reduce_window(x, "max", *case)
    assert_close(got, window_reference(x, "max", got.shape, *case))
