"""Factors of small matrices in stacks of any size, and of larger ones by any number of threads."""

from __future__ import annotations

import numpy as np
import pytest

from .calls import call, code

DTYPES = [np.float32, np.float64]
BATCHES = [1, 3, 16, 17, 40]
ORDERS = [1, 2, 3, 4, 7, 8, 9, 16, 32, 33]
TOLERANCE = {"float32": 2e-4, "float64": 1e-11}


def normal(dtype, *shape):
    return np.random.default_rng(sum(shape)).normal(size=shape).astype(dtype)


def close(got, want, dtype):
    tolerance = TOLERANCE[np.dtype(dtype).name] * max(1.0, float(np.max(np.abs(want), initial=0)))
    np.testing.assert_allclose(got, want, rtol=0, atol=tolerance)


def factor(x, n_threads=2):
    batch, m, n = x.shape
    out = np.full_like(x, 7)
    pivots = np.full((batch, min(m, n)), -1, np.int32)
    order = np.full((batch, m), -1, np.int32)
    call("lu", [x], [out, pivots, order], [code(x), batch, m, n], n_threads)
    return out, pivots, order


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize("n", ORDERS)
def test_cholesky(n, batch, dtype):
    x = normal(dtype, batch, n, n)
    a = x @ x.swapaxes(1, 2) / n + np.eye(n, dtype=dtype)
    a[-1] -= (batch > 1) * 100 * np.eye(n, dtype=dtype)
    out = np.full_like(a, 7)
    call("cholesky", [a], [out], [code(a), batch, n])
    good = batch - (batch > 1)
    close(out[:good], np.linalg.cholesky(a[:good].astype(np.float64)), dtype)
    if batch > 1:
        np.testing.assert_array_equal(out[-1], np.tril(np.full((n, n), np.nan)))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize(("m", "n"), [(n, n) for n in ORDERS] + [(5, 3), (3, 5), (30, 8), (8, 30)])
def test_lu(m, n, batch, dtype):
    x = normal(dtype, batch, m, n)
    out, _, order = factor(x)
    k = min(m, n)
    lower, upper = np.tril(out, -1)[:, :, :k] + np.eye(m, k), np.triu(out)[:, :k]
    close(lower @ upper, np.take_along_axis(x, order[:, :, None].astype(int), 1), dtype)
    assert np.abs(lower).max() <= 1


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("m", "n"), [(n, n) for n in (33, 48, 64, 100, 257)] + [(300, 70), (70, 300)]
)
def test_lu_of_large_matrices(m, n, dtype):
    x = normal(dtype, 1, m, n)
    x[:, :, n // 2] = 0
    found = [factor(x, n_threads) for n_threads in (1, 2, 5)]
    out, pivots, order = found[0]
    k = min(m, n)
    lower, upper = np.tril(out, -1)[:, :, :k] + np.eye(m, k), np.triu(out)[:, :k]
    close(lower @ upper, np.take_along_axis(x, order[:, :, None].astype(int), 1), dtype)
    for others in found[1:]:
        for got, want in zip(others, (out, pivots, order), strict=True):
            np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("n", [3, 40])
def test_lu_of_what_is_singular(n):
    x = np.zeros((1, n, n), np.float32)
    x[0, 0, 1] = 2
    out, pivots, order = factor(x)
    np.testing.assert_array_equal(out, x)
    np.testing.assert_array_equal(pivots[0], np.arange(n))
    np.testing.assert_array_equal(order[0], np.arange(n))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize(
    ("n", "sides"), [(1, 1), (3, 1), (4, 4), (8, 3), (9, 2), (20, 32), (32, 40)]
)
@pytest.mark.parametrize("left", [0, 1])
def test_triangular(left, n, sides, batch, dtype):
    """The other triangle, and a diagonal that is taken for ones, are not read."""
    shape = (batch, n, sides) if left else (batch, sides, n)
    full = normal(dtype, batch, n, n) / n + 2 * np.eye(n, dtype=dtype)
    b = normal(dtype, *shape)
    for lower, trans, unit in np.ndindex(2, 2, 2):
        kept = np.tril(np.ones((n, n))) if lower else np.triu(np.ones((n, n)))
        kept -= unit * np.eye(n)
        stored = np.where(kept != 0, full, np.nan).astype(dtype)
        a = np.where(kept != 0, full, np.eye(n)).astype(np.float64)
        op = a.swapaxes(1, 2) if trans else a
        out = np.full_like(b, 7)
        params = [code(b), batch, *shape[1:], left, lower, trans, unit]
        call("trsm", [stored, b], [out], params)
        close(op @ out if left else out @ op, b, dtype)


SHAPES = [(n, n) for n in ORDERS] + [(5, 3), (3, 5), (30, 8), (8, 30), (100, 4), (60, 33)]


def qr(x, full, n_threads=2):
    batch, m, n = x.shape
    rows = m if full else min(m, n)
    q, r = np.full((batch, m, rows), 7, x.dtype), np.full((batch, rows, n), 7, x.dtype)
    call("qr", [x], [q, r], [code(x), batch, m, n, full, True], n_threads)
    alone = np.full_like(r, 7)
    call("qr", [x], [alone], [code(x), batch, m, n, full, False], n_threads)
    np.testing.assert_array_equal(alone, r)
    return q, r


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize(("m", "n"), SHAPES)
@pytest.mark.parametrize("full", [0, 1])
def test_qr(full, m, n, batch, dtype):
    x = normal(dtype, batch, m, n)
    x[0] *= 1e-30 if dtype == np.float32 else 1e-200
    x[-1, :, 0] = 0
    q, r = qr(x, full)
    size = np.maximum(np.abs(x).max((1, 2), keepdims=True), np.finfo(dtype).tiny)
    close(q @ (r / size), x / size, dtype)
    close(
        q.swapaxes(1, 2) @ q, np.broadcast_to(np.eye(q.shape[2]), (batch, *q.shape[2:] * 2)), dtype
    )
    np.testing.assert_array_equal(np.tril(r, -1), 0)
    diagonal = np.arange(min(m, n))
    signs = np.sign(np.linalg.qr(x.astype(np.float64))[1][:, diagonal, diagonal])
    found = np.sign(r[:, diagonal, diagonal])
    if batch > 1:
        np.testing.assert_array_equal(found[:-1], signs[:-1])


def test_qr_of_what_is_not_finite():
    x = normal(np.float64, 20, 5, 4)
    x[3, 2, 1] = np.nan
    q, r = qr(x, 0)
    assert np.isnan(r[3]).any()
    np.testing.assert_array_equal(np.delete(r, 3, 0), qr(np.delete(x, 3, 0), 0)[1])
    close(q[0] @ r[0], x[0], np.float64)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("batch", "n", "sides"), [(1, 33, 16), (3, 64, 40), (2, 130, 300), (1, 9, 65)]
)
def test_triangular_with_many_sides(batch, n, sides, dtype):
    full = normal(dtype, batch, n, n) / n + 2 * np.eye(n, dtype=dtype)
    b = normal(dtype, batch, n, sides)
    for lower, trans, unit in np.ndindex(2, 2, 2):
        kept = np.tril(np.ones((n, n))) if lower else np.triu(np.ones((n, n)))
        kept -= unit * np.eye(n)
        stored = np.where(kept != 0, full, np.nan).astype(dtype)
        a = np.where(kept != 0, full, np.eye(n)).astype(np.float64)
        outs = []
        for n_threads in (1, 2, 5):
            outs.append(np.full_like(b, 7))
            params = [code(b), batch, n, sides, 1, lower, trans, unit]
            call("trsm", [stored, b], outs[-1:], params, n_threads)
            np.testing.assert_array_equal(outs[-1], outs[0])
        close((a.swapaxes(1, 2) if trans else a) @ outs[0], b, dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize("n", [1, 2, 3, 4, 7, 8, 16, 17])
@pytest.mark.parametrize("lower", [0, 1])
def test_eigh(lower, n, batch, dtype):
    x = normal(dtype, batch, n, n)
    a = x + x.swapaxes(1, 2)
    a[0] = np.eye(n)
    stored = np.where(np.tril(np.ones((n, n))) if lower else np.triu(np.ones((n, n))), a, np.nan)
    vectors, values = np.full_like(a, 7), np.full((batch, n), 7, dtype)
    call("eigh", [stored.astype(dtype)], [vectors, values], [code(a), batch, n, lower])
    close(vectors * values[:, None] @ vectors.swapaxes(1, 2), a, dtype)
    close(vectors @ vectors.swapaxes(1, 2), np.broadcast_to(np.eye(n), a.shape), dtype)
    close(values, np.linalg.eigvalsh(a.astype(np.float64)), dtype)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_eigh_of_what_is_not_finite(bad):
    a = np.stack([np.eye(3)] * 20)
    a[4, 1, 0] = bad
    vectors, values = np.zeros_like(a), np.zeros((20, 3))
    call("eigh", [a], [vectors, values], [code(a), 20, 3, 1])
    assert np.isnan(vectors[4]).all()
    assert np.isnan(values[4]).all()
    assert np.isfinite(np.delete(values, 4, 0)).all()


def svd(x, full=0, n_threads=2):
    batch, m, n = x.shape
    k = min(m, n)
    s, u = np.full((batch, k), 7, x.dtype), np.full((batch, m, m if full else k), 7, x.dtype)
    vh = np.full((batch, n if full else k, n), 7, x.dtype)
    call("svd", [x], [s, u, vh], [code(x), batch, m, n, full, True], n_threads)
    return s, u, vh


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize(("m", "n"), SHAPES)
@pytest.mark.parametrize("full", [0, 1])
def test_svd(full, m, n, batch, dtype):
    x = normal(dtype, batch, m, n)
    x[0] *= 1e-30 if dtype == np.float32 else 1e-200
    if batch > 2:
        x[1, :, 0] = x[1, :, -1]
        x[2] = 0
    s, u, vh = svd(x, full)
    size, k = np.maximum(np.abs(x).max((1, 2), keepdims=True), np.finfo(dtype).tiny), min(m, n)
    close((u[:, :, :k] * (s / size[:, 0])[:, None]) @ vh[:, :k], x / size, dtype)
    for q in (u, vh.swapaxes(1, 2)):
        ones = np.broadcast_to(np.eye(q.shape[2]), (batch, *q.shape[2:] * 2))
        close(q.swapaxes(1, 2) @ q, ones, dtype)
    want = np.linalg.svd(x.astype(np.float64), compute_uv=False)
    close(s / size[:, 0], want / size[:, 0], dtype)
    assert (np.diff(s) <= 0).all()
    alone = np.full_like(s, 7)
    call("svd", [x], [alone], [code(x), batch, m, n, full, False])
    close(alone / size[:, 0], s / size[:, 0], dtype)


def test_svd_of_what_is_not_finite():
    x = normal(np.float64, 20, 5, 4)
    x[3, 2, 1], x[4, 0, 0] = np.nan, np.inf
    found = svd(x)
    rest = svd(np.delete(x, (3, 4), 0))
    for got, alone in zip(found, rest, strict=True):
        assert np.isnan(got[3:5]).all()
        np.testing.assert_array_equal(np.delete(got, (3, 4), 0), alone)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("m", "n"), [(1024, 16), (3001, 7), (9, 4000), (1500, 150), (20, 1031)])
def test_svd_of_long_matrices(m, n, dtype):
    x = normal(dtype, 2, m, n)
    x[1, :, 0] = x[1, :, 1] if m > n else x[1, :, 0]
    x[1] *= 1e-20
    found = [svd(x, 0, n_threads) for n_threads in (1, 2, 5)]
    s, u, vh = found[0]
    for others in found[1:]:
        for got, want in zip(others, found[0], strict=True):
            np.testing.assert_array_equal(got, want)
    size, k = np.abs(x).max((1, 2), keepdims=True), min(m, n)
    close((u * (s / size[:, 0])[:, None]) @ vh, x / size, dtype)
    for q in (u, vh.swapaxes(1, 2)):
        close(q.swapaxes(1, 2) @ q, np.broadcast_to(np.eye(k), (2, k, k)), dtype)
    scaled = (x / size).swapaxes(1, 2)
    left, want, _ = np.linalg.svd(scaled, full_matrices=False)
    close(s / size[:, 0], want, dtype)
    if dtype == np.float64:
        # Signs are those that LAPACK gives the transpose, which is what it sees of shorter ones.
        assert (np.einsum("ij,ji->i", vh[0], left[0]) > 0).all()
    alone = np.full_like(s, 7)
    call("svd", [x], [alone], [code(x), 2, m, n, 0, False])
    close(alone / size[:, 0], want, dtype)
