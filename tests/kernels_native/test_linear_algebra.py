from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg

from .calls import call, code, random_array

DTYPES = ["f4", "f8", "c8", "c16"]
SIZES = [0, 1, 2, 7, 64, 131]
TOLERANCE = {"float32": 2e-4, "complex64": 2e-4, "float64": 1e-11, "complex128": 1e-11}


def close(got, want, dtype):
    tolerance = TOLERANCE[np.dtype(dtype).name]
    scale = max(1.0, float(np.max(np.abs(want), initial=0)))
    np.testing.assert_allclose(got, want, rtol=0, atol=tolerance * scale)


def adjoint(x):
    return np.conj(np.swapaxes(x, -1, -2))


def real_of(dtype):
    return np.zeros((), dtype).real.dtype


def general(shape, dtype):
    return random_array(np.random.default_rng(sum(shape)), shape, dtype)


def positive(batch, n, dtype):
    x = general((batch, n, n), dtype)
    return (x @ adjoint(x) + n * np.eye(n)).astype(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n", SIZES)
def test_cholesky(n, dtype):
    a = positive(3, n, dtype)
    out = np.full_like(a, 7)
    call("cholesky", [np.tril(a)], [out], [code(a), 3, n])
    close(out @ adjoint(out), a, dtype)
    np.testing.assert_array_equal(np.triu(out, 1), 0)


def test_cholesky_of_indefinite_is_nan():
    a = np.stack([np.eye(3), -np.eye(3)])
    out = np.zeros_like(a)
    call("cholesky", [a], [out], [code(a), 2, 3])
    np.testing.assert_array_equal(out[0], np.eye(3))
    np.testing.assert_array_equal(out[1], np.tril(np.full((3, 3), np.nan)))


@pytest.mark.parametrize("left", [True, False])
@pytest.mark.parametrize("lower", [True, False])
@pytest.mark.parametrize("trans", [0, 1, 2])
@pytest.mark.parametrize("unit", [True, False])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("m", "n"), [(0, 2), (1, 1), (5, 3), (40, 67)])
def test_triangular(m, n, dtype, unit, trans, lower, left):
    order = m if left else n
    full = (general((2, order, order), dtype) / max(order, 1)).astype(dtype) + 2 * np.eye(
        order, dtype=dtype
    )
    full = full.astype(dtype)
    b, out = general((2, m, n), dtype), np.zeros((2, m, n), dtype)
    call("trsm", [full, b], [out], [code(b), 2, m, n, left, lower, trans, unit])
    a = np.tril(full) if lower else np.triu(full)
    if unit:
        a = a * (1 - np.eye(order)) + np.eye(order)
    op = [a, np.swapaxes(a, 1, 2), adjoint(a)][trans]
    close(op @ out if left else out @ op, b, dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("m", "n"), [(0, 0), (1, 1), (3, 0), (5, 5), (7, 4), (4, 7), (131, 120)])
def test_lu(m, n, dtype):
    a, k = general((2, m, n), dtype), min(m, n)
    out = np.zeros_like(a)
    pivots, order = np.zeros((2, k), np.int32), np.zeros((2, m), np.int32)
    call("lu", [a], [out, pivots, order], [code(a), 2, m, n])
    for i in range(2):
        lower = np.tril(out[i][:, :k], -1) + np.eye(m, k)
        close(lower @ np.triu(out[i][:k]), a[i][order[i]], dtype)
        if m == n and m > 0:
            np.testing.assert_array_equal(pivots[i], scipy.linalg.lu_factor(a[i])[1])


def test_lu_of_singular_has_a_zero_pivot():
    a = np.zeros((1, 2, 2), np.float32)
    out, pivots, order = np.ones_like(a), np.zeros((1, 2), np.int32), np.zeros((1, 2), np.int32)
    call("lu", [a], [out, pivots, order], [code(a), 1, 2, 2])
    np.testing.assert_array_equal(out, a)


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("m", "n"), [(0, 0), (4, 0), (1, 1), (5, 5), (7, 4), (4, 7), (131, 60)])
def test_qr(m, n, dtype, full):
    a = general((2, m, n), dtype)
    rows = m if full else min(m, n)
    q, r = np.zeros((2, m, rows), dtype), np.zeros((2, rows, n), dtype)
    call("qr", [a], [q, r], [code(a), 2, m, n, full, True])
    close(q @ r, a, dtype)
    close(adjoint(q) @ q, np.broadcast_to(np.eye(rows), (2, rows, rows)), dtype)
    np.testing.assert_array_equal(np.tril(r, -1), 0)
    alone = np.zeros_like(r)
    call("qr", [a], [alone], [code(a), 2, m, n, full, False])
    np.testing.assert_array_equal(alone, r)


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("m", "n"), [(3, 0), (1, 1), (5, 5), (7, 4), (4, 7), (90, 60), (3, 101)])
def test_svd(m, n, dtype, full):
    a, k = general((2, m, n), dtype), min(m, n)
    s = np.zeros((2, k), real_of(dtype))
    u, vh = np.zeros((2, m, m if full else k), dtype), np.zeros((2, n if full else k, n), dtype)
    call("svd", [a], [s, u, vh], [code(a), 2, m, n, full, True])
    close((u[:, :, :k] * s[:, None]) @ vh[:, :k], a, dtype)
    close(adjoint(u) @ u, np.broadcast_to(np.eye(u.shape[2]), (2, u.shape[2], u.shape[2])), dtype)
    close(
        vh @ adjoint(vh), np.broadcast_to(np.eye(vh.shape[1]), (2, vh.shape[1], vh.shape[1])), dtype
    )
    alone = np.zeros_like(s)
    call("svd", [a], [alone], [code(a), 2, m, n, full, False])
    close(alone, np.linalg.svd(a, compute_uv=False), dtype)


@pytest.mark.parametrize("lower", [False, True])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n", SIZES)
def test_eigh(n, dtype, lower):
    x = general((2, n, n), dtype)
    a = np.ascontiguousarray(x + adjoint(x))
    v, w = np.zeros_like(a), np.zeros((2, n), real_of(dtype))
    half = np.tril(a) if lower else np.triu(a)
    call("eigh", [half], [v, w], [code(a), 2, n, lower])
    close(v * w[:, None], a @ v, dtype)
    close(adjoint(v) @ v, np.broadcast_to(np.eye(n), (2, n, n)), dtype)
    close(w, np.linalg.eigvalsh(a), dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n", SIZES[1:-1])
def test_eig(n, dtype):
    a = general((2, n, n), dtype)
    complex_dtype = np.result_type(np.complex64, dtype)
    w = np.zeros((2, n), complex_dtype)
    left, right = np.zeros((2, n, n), complex_dtype), np.zeros((2, n, n), complex_dtype)
    call("eig", [a], [w, left, right], [code(a), 2, n, True, True])
    close(a @ right, right * w[:, None], dtype)
    close(adjoint(left) @ a, w[:, :, None] * adjoint(left), dtype)
    alone, only_right = np.zeros_like(w), np.zeros_like(right)
    call("eig", [a], [alone, only_right], [code(a), 2, n, False, True])
    close(only_right, right, dtype)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n", [2, 40])
def test_what_is_not_finite_has_no_spectrum(n, dtype, bad):
    a = general((2, n, n), dtype)
    a[1, 1, 0] = a[1, 0, 1] = bad
    s, u, vh = np.zeros((2, n), real_of(dtype)), np.zeros_like(a), np.zeros_like(a)
    call("svd", [a], [s, u, vh], [code(a), 2, n, n, False, True])
    v, w = np.zeros_like(a), np.zeros((2, n), real_of(dtype))
    call("eigh", [a], [v, w], [code(a), 2, n, True])
    values = np.zeros((2, n), np.result_type(np.complex64, dtype))
    call("eig", [a], [values], [code(a), 2, n, False, False])
    for found in (s, u, vh, v, w, values):
        assert np.isfinite(found[0]).all()
        assert np.isnan(found[1]).all()


def test_failures_are_nan():
    a = np.array([[[1.0, np.nan], [2.0, 1.0]]])
    code_, nan = code(a), np.full((1, 2, 2), np.nan)
    v, w = np.zeros_like(a), np.zeros((1, 2))
    call("eigh", [a], [v, w], [code_, 1, 2, False])
    np.testing.assert_array_equal(v, nan)
    s, u, vh = np.zeros((1, 2)), np.zeros_like(a), np.zeros_like(a)
    call("svd", [a], [s, u, vh], [code_, 1, 2, 2, True, True])
    np.testing.assert_array_equal(u, nan)
    np.testing.assert_array_equal(s, np.full((1, 2), np.nan))
    values = np.zeros((1, 2), complex)
    call("eig", [a], [values], [code_, 1, 2, False, False])
    assert np.isnan(values).all()


def test_integers_are_an_error():
    a = np.ones((1, 2, 2), np.int32)
    with pytest.raises(ValueError, match="linear algebra"):
        call("cholesky", [a], [a.copy()], [code(a), 1, 2])
