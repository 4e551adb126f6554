"""Schur and Hessenberg forms, Sylvester's equation, and tridiagonal matrices."""

from __future__ import annotations

import numpy as np
import pytest

from .calls import call, code, random_array

DTYPES = ["f4", "f8", "c8", "c16"]
SIZES = [0, 1, 2, 5, 33, 70]
TOLERANCE = {"float32": 5e-4, "complex64": 5e-4, "float64": 1e-11, "complex128": 1e-11}


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


def with_threads(name, ins, outs, params):
    """Return what two threads compute, which is what one and five compute."""
    found = []
    for n_threads in (2, 1, 5):
        results = [out.copy() for out in outs]
        call(name, ins, results, params, n_threads)
        found.append(results)
    for others in found[1:]:
        for got, want in zip(others, found[0], strict=True):
            np.testing.assert_array_equal(got, want)
    return found[0]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n", SIZES)
def test_schur(n, dtype):
    a = general((3, n, n), dtype)
    t, z = with_threads("schur", [a], [np.zeros_like(a)] * 2, [code(a), 3, n, True])
    close(z @ t @ adjoint(z), a, dtype)
    close(adjoint(z) @ z, np.broadcast_to(np.eye(n), a.shape), dtype)
    below = np.tril(t, -2 if a.dtype.kind == "f" else -1)
    np.testing.assert_array_equal(below, 0)
    (alone,) = with_threads("schur", [a], [np.zeros_like(a)], [code(a), 3, n, False])
    assert np.isfinite(alone).all()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n", SIZES)
def test_hessenberg(n, dtype):
    a = general((3, n, n), dtype)
    outs = [np.zeros_like(a), np.zeros((3, max(n - 1, 0)), dtype)]
    packed, taus = with_threads("hessenberg", [a], outs, [code(a), 3, n])
    for i in range(3 if n else 0):
        q = np.eye(n, dtype=dtype)
        for j in range(n - 1):
            v = np.concatenate([np.zeros(j + 1), [1], packed[i][j + 2 :, j]]).astype(dtype)
            q = q @ (np.eye(n) - taus[i, j] * np.outer(v, np.conj(v)))
        close(q @ np.triu(packed[i], -1) @ adjoint(q), a[i], dtype)
        close(q @ adjoint(q), np.eye(n), dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("m", "n"), [(0, 3), (3, 0), (1, 1), (2, 5), (20, 7), (9, 40)])
def test_sylvester(m, n, dtype):
    # Eigenvalues to the right of zero: no sum of two of them is small.
    a = (general((4, m, m), dtype) + 3 * m * np.eye(m)).astype(dtype)
    b = (general((4, n, n), dtype) + 3 * n * np.eye(n)).astype(dtype)
    c = general((4, m, n), dtype)
    outs = [np.zeros_like(c), np.zeros(4, real_of(dtype))]
    x, gap = with_threads("sylvester", [a, b, c], outs, [code(a), 4, m, n])
    close(a @ x + x @ b, c, dtype)
    if m and n:
        values = [np.linalg.eigvals(y.astype(np.complex128)) for y in (a, b)]
        sums = np.abs(values[0][:, :, None] + values[1][:, None])
        np.testing.assert_allclose(gap, sums.min((1, 2)), rtol=2e-2)
    else:
        assert np.isinf(gap).all()


def test_what_is_not_finite_has_no_schur_form():
    a = np.stack([np.eye(3), np.full((3, 3), np.inf), np.eye(3)])
    t, z = with_threads("schur", [a], [np.zeros_like(a)] * 2, [code(a), 3, 3, True])
    assert np.isnan(t[1]).all()
    assert np.isnan(z[1]).all()
    np.testing.assert_array_equal(t[::2], a[::2])
    outs = [np.zeros_like(a), np.zeros(3)]
    x, gap = with_threads("sylvester", [a, a[::-1].copy(), a], outs, [code(a), 3, 3, 3])
    assert np.isnan(x[1]).all()
    np.testing.assert_array_equal(gap, [2, np.nan, 2])


@pytest.mark.parametrize("lower", [False, True])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n", SIZES)
def test_tridiagonal(n, dtype, lower):
    x = general((3, n, n), dtype)
    a = np.ascontiguousarray(x + adjoint(x))
    half = np.tril(a) if lower else np.triu(a)
    less, real = max(n - 1, 0), real_of(dtype)
    outs = [np.zeros_like(a), np.zeros((3, n), real), np.zeros((3, less), real)]
    outs.append(np.zeros((3, less), dtype))
    _, d, e, taus = with_threads("tridiagonal", [half], outs, [code(a), 3, n, lower])
    assert np.isfinite(taus).all()
    for i in range(3 if n else 0):
        found = np.diag(d[i]) + np.diag(e[i], 1) + np.diag(e[i], -1)
        close(np.linalg.eigvalsh(found), np.linalg.eigvalsh(a[i]), dtype)


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize(
    ("n", "first", "count"),
    [(1, 0, 1), (2, 0, 2), (2, 1, 1), (30, 0, 30), (30, 3, 5), (30, 29, 1), (90, 0, 90), (5, 2, 0)],
)
def test_eigh_tridiagonal(n, first, count, dtype):
    d, e = general((5, n), dtype), general((5, n - 1), dtype)
    outs = [np.zeros((5, count), dtype), np.zeros((5, n, count), dtype)]
    params = [code(d), 5, n, True, first, count]
    w, v = with_threads("eigh_tridiagonal", [d, e], outs, params)
    (alone,) = with_threads(
        "eigh_tridiagonal", [d, e], outs[:1], [code(d), 5, n, False, first, count]
    )
    for i in range(5):
        a = np.diag(d[i]) + np.diag(e[i], 1) + np.diag(e[i], -1)
        close(w[i], np.linalg.eigvalsh(a)[first : first + count], dtype)
        close(alone[i], w[i], dtype)
        close(a @ v[i], v[i] * w[i], dtype)
        close(v[i].T @ v[i], np.eye(count), dtype)


def test_eigh_tridiagonal_of_what_is_not_finite():
    d, e = np.ones((3, 4)), np.zeros((3, 3))
    e[1, 2] = np.nan
    outs = [np.zeros((3, 4)), np.zeros((3, 4, 4))]
    w, v = with_threads("eigh_tridiagonal", [d, e], outs, [code(d), 3, 4, True, 0, 4])
    assert np.isnan(w[1]).all()
    assert np.isnan(v[1]).all()
    np.testing.assert_array_equal(w[::2], 1)
