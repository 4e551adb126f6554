from __future__ import annotations

import numpy as np
import pytest

from .calls import bfloat16, call, code, random_array

TOLERANCE = {"float16": 2e-3, "bfloat16": 1e-2, "float32": 1e-5, "complex64": 1e-5}
ALL = [
    "bool",
    "i1",
    "i2",
    "i4",
    "i8",
    "u1",
    "u2",
    "u4",
    "u8",
    "f2",
    bfloat16,
    "f4",
    "f8",
    "c8",
    "c16",
]
SHAPES = [
    (1, 2, 3, 4),
    (3, 1, 1, 1),
    (2, 0, 3, 4),
    (2, 3, 4, 0),
    (1, 1, 67, 131),
    (2, 67, 1, 131),
    (5, 13, 11, 17),
    (1, 70, 90, 300),
    (40, 4, 4, 4),
    (1, 5, 7, 20011),
    (3, 150, 161, 70),
]


def multiply(a, b, trans_a=False, trans_b=False, out_dtype=None, batch=None):
    m, k = a.shape[:0:-1] if trans_a else a.shape[1:]
    n = b.shape[1] if trans_b else b.shape[2]
    batch = batch or a.shape[0]
    out = np.full((batch, m, n), 7, out_dtype or a.dtype)
    strides = (0 if len(a) < batch else m * k, 0 if len(b) < batch else k * n, m * n)
    call("gemm", [a, b], [out], [code(a), batch, m, n, k, trans_a, trans_b, *strides, code(out)])
    return out


def expected(a, b):
    if a.dtype == bool or a.dtype.kind in "iu":
        return a @ b
    wide = np.complex128 if a.dtype.kind == "c" else np.float64
    return a.astype(wide) @ b.astype(wide)


def check(out, a, b):
    want = expected(a, b)
    if out.dtype == bool or out.dtype.kind in "iu":
        np.testing.assert_array_equal(out, want)
        return
    wide = np.complex128 if out.dtype.kind == "c" else np.float64
    scale = max(1.0, float(np.max(np.abs(want), initial=0)))
    rtol = TOLERANCE.get(out.dtype.name, 1e-13)
    np.testing.assert_allclose(out.astype(wide), want, rtol=0, atol=rtol * scale)


@pytest.mark.parametrize("dtype", ALL, ids=str)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_product_is_numpys(dtype, shape):
    batch, m, n, k = shape
    rng = np.random.default_rng(m + n + k)
    a, b = random_array(rng, (batch, m, k), dtype), random_array(rng, (batch, k, n), dtype)
    check(multiply(a, b), a, b)


@pytest.mark.parametrize("dtype", ["bool", "i4", "u1", "f2", "f4", "c16"])
@pytest.mark.parametrize("shape", [(2, 3, 4, 5), (1, 1, 40, 300), (1, 40, 1, 300), (1, 80, 70, 90)])
@pytest.mark.parametrize("trans_a", [False, True])
@pytest.mark.parametrize("trans_b", [False, True])
def test_transposed_operands(dtype, shape, trans_a, trans_b):
    batch, m, n, k = shape
    rng = np.random.default_rng(0)
    a, b = random_array(rng, (batch, m, k), dtype), random_array(rng, (batch, k, n), dtype)
    stored_a = a.swapaxes(1, 2).copy() if trans_a else a
    stored_b = b.swapaxes(1, 2).copy() if trans_b else b
    check(multiply(stored_a, stored_b, trans_a, trans_b), a, b)


@pytest.mark.parametrize("size", [3, 60, 300])
def test_zero_stride_repeats_an_operand(size):
    rng = np.random.default_rng(0)
    a, b = random_array(rng, (1, size, size), "f4"), random_array(rng, (4, size, size), "f4")
    check(multiply(a, b, batch=4), a, b)


@pytest.mark.parametrize(
    ("dtype", "out"), [("i1", "i4"), ("u1", "i4"), (bfloat16, "f4"), ("f4", "f8")]
)
def test_result_may_be_wider(dtype, out):
    rng = np.random.default_rng(0)
    a, b = random_array(rng, (2, 30, 40), dtype), random_array(rng, (2, 40, 50), dtype)
    got = multiply(a, b, out_dtype=out)
    check(got, a.astype(out), b.astype(out))


def test_nan_in_old_output_does_not_matter():
    a, b = np.ones((1, 50, 40)), np.ones((1, 40, 1))
    out = np.full((1, 50, 1), np.nan)
    call("gemm", [a, b], [out], [code(a), 1, 50, 1, 40, 0, 0, 2000, 40, 50, code(a)])
    np.testing.assert_array_equal(out, np.full((1, 50, 1), 40.0))


def test_unknown_out_dtype_is_an_error():
    with pytest.raises(ValueError, match="out_dtype"):
        multiply(np.ones((1, 2, 2), np.float32), np.ones((1, 2, 2), np.float32), out_dtype="i8")


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("m", "n", "k"),
    [(2, 2, 200), (12, 32, 240), (13, 33, 241), (25, 16, 500), (250, 70, 30), (7, 4100, 5),
     (300, 300, 1000)],
)  # fmt: skip
@pytest.mark.parametrize("trans", [(0, 0), (0, 1), (1, 0), (1, 1)])
def test_tiles_and_their_edges(dtype, m, n, k, trans):
    """Whole and cut tiles, blocks of terms, rows and columns; alone and on top of something."""
    rng = np.random.default_rng(m + n + k)
    a, b = rng.normal(size=(m, k)).astype(dtype), rng.normal(size=(k, n)).astype(dtype)
    c = rng.normal(size=(m, n)).astype(dtype)
    stored = [np.ascontiguousarray(x.T if t else x) for x, t in zip((a, b), trans, strict=True)]
    params = [code(a), 1, m, n, k, *trans, m * k, k * n, m * n, code(a)]
    want = a.astype(np.float64) @ b.astype(np.float64)
    tolerance = (
        {"rtol": 1e-4, "atol": 1e-3} if dtype == np.float32 else {"rtol": 1e-11, "atol": 1e-11}
    )
    out = np.full((m, n), np.nan, dtype)
    call("gemm", stored, [out], params)
    np.testing.assert_allclose(out, want, **tolerance)
    out = np.full((m, n), np.nan, dtype)
    call("gemm_add", [*stored, c], [out], params)
    np.testing.assert_allclose(out, want + c, **tolerance)
    call("gemm_add", [*stored, c], [c], params)
    np.testing.assert_array_equal(c, out)
