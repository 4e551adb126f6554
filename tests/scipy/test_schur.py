"""Schur forms and what is computed by them, against SciPy."""

import numpy as np
import pytest
from scipy import linalg as reference

import gradax as jax
import gradax.numpy as jnp
from gradax.scipy import linalg
from gradax.test_util import check_grads

RNG = np.random.default_rng(0)
A = RNG.normal(size=(5, 5))
C = A + 1j * RNG.normal(size=(5, 5))
B = RNG.normal(size=(3, 3))


@pytest.fixture(autouse=True)
def wide():
    with jax.enable_x64(True):
        yield


def close(x, y, tol=1e-10):
    np.testing.assert_allclose(x, y, rtol=tol, atol=tol)


@pytest.mark.parametrize("a", [A, C, A[:1, :1]])
def test_schur(a):
    for output in ("real", "complex"):
        t, z = linalg.schur(a, output)
        close(z @ t @ np.conj(z.T), a)
        expected, _ = reference.schur(a, "complex" if a.dtype.kind == "c" else output)
        close(t, expected)
    with pytest.raises(ValueError, match="output is"):
        linalg.schur(a, "other")


def test_complex_schur_form_of_a_real_one():
    t, z = linalg.rsf2csf(*linalg.schur(A))
    close(np.tril(t, -1), 0)
    close(z @ t @ np.conj(z.T), A)
    close(np.conj(z.T) @ z, np.eye(5))


@pytest.mark.parametrize("a", [A, C, A[:1, :1]])
def test_hessenberg(a):
    h, q = linalg.hessenberg(a, calc_q=True)
    expected, _ = reference.hessenberg(a, calc_q=True)
    close(h, expected)
    close(linalg.hessenberg(a), expected)
    close(q @ h @ np.conj(q.T), a)


def test_functions_of_matrices():
    for a in (A, C, A @ A.T, np.diag([1.0, 4.0, 9.0])):
        root = linalg.sqrtm(a)
        close(root @ root, a, 1e-8)
        close(linalg.funm(a, jnp.exp), reference.expm(a), 1e-8)
    value, error = linalg.funm(A, jnp.exp, disp=False)
    assert value.shape == (5, 5) and error < 1e-8
    with pytest.raises(NotImplementedError, match="blocksize"):
        linalg.sqrtm(A, blocksize=2)
    with pytest.raises(ValueError, match="square matrix"):
        linalg.funm(A[0], jnp.exp)


@pytest.mark.parametrize("method", ["schur", "eigen"])
def test_sylvester(method):
    c = RNG.normal(size=(2, 5, 3))
    x = linalg.solve_sylvester(A, B, c, method=method)
    close(A @ x + x @ B, c, 1e-9)
    x = linalg.solve_sylvester(C, B, c[0], method=method)
    close(C @ x + x @ B, c[0], 1e-9)
    assert np.isnan(linalg.solve_sylvester(A, -A, A, method=method)).all()
    with pytest.raises(ValueError, match="method is"):
        linalg.solve_sylvester(A, B, c, method="other")


def test_sylvester_is_differentiable():
    a, b, c = A[:3, :3] + 4 * np.eye(3), B + 4 * np.eye(3), A[:3, :3]
    check_grads(linalg.solve_sylvester, (a, b, c), 2)


def test_eigh_tridiagonal():
    d, e = RNG.normal(size=6), RNG.normal(size=5)
    w, v = linalg.eigh_tridiagonal(d, e)
    expected = reference.eigh_tridiagonal(d, e, eigvals_only=True)
    close(w, expected)
    close(v * w @ v.T, np.diag(d) + np.diag(e, 1) + np.diag(e, -1))
    some = {"select": "i", "select_range": (1, 3)}
    close(linalg.eigh_tridiagonal(d, e, eigvals_only=True, **some), expected[1:4])
    close(linalg.eigh_tridiagonal(d, e, **some)[1], v[:, 1:4])
    check_grads(lambda d, e: linalg.eigh_tridiagonal(d, e, **some), (d, e), 1)
    with pytest.raises(TypeError, match="both float32 or both"):
        linalg.eigh_tridiagonal(d, e * 1j)
    with pytest.raises(NotImplementedError, match="select='v'"):
        linalg.eigh_tridiagonal(d, e, select="v", select_range=(0, 1))


def test_forms_of_lax():
    a, d, e, taus = jax.lax.linalg.tridiagonal(A @ A.T)
    q = np.eye(5)
    q[1:, 1:] = jax.lax.linalg.householder_product(a[1:, :-1], taus)
    close(q @ (np.diag(d) + np.diag(e, 1) + np.diag(e, -1)) @ q.T, A @ A.T)
    with pytest.raises(NotImplementedError, match="cannot be ordered"):
        jax.lax.linalg.schur(A, sort_eig_vals=True)
    with pytest.raises(NotImplementedError, match="no derivative rule"):
        jax.grad(lambda x: jax.lax.linalg.schur(x)[0].sum())(A)
