"""Iterative solvers against direct ones, and their derivatives, which solve again."""

import numpy as np
import pytest

import gradax as jax
from gradax import lax
from gradax.scipy.sparse import linalg

RNG = np.random.default_rng(0)
ROOT = RNG.normal(size=(9, 9))
POSITIVE = ROOT @ ROOT.T + 3 * np.eye(9)
GENERAL = ROOT + 6 * np.eye(9)
B = RNG.normal(size=9)
SOLVERS = {"cg": POSITIVE, "bicgstab": GENERAL, "gmres": GENERAL}


@pytest.fixture(autouse=True)
def wide():
    with jax.enable_x64(True):
        yield


def solve(name, a, b, **options):
    return getattr(linalg, name)(a, b, tol=1e-12, **options)[0]


@pytest.mark.parametrize("name", SOLVERS)
def test_solutions(name):
    a = SOLVERS[name]
    expected = np.linalg.solve(a, B)
    np.testing.assert_allclose(solve(name, a, B), expected, rtol=1e-9)
    np.testing.assert_allclose(solve(name, lambda x: a @ x, B), expected, rtol=1e-9)
    np.testing.assert_allclose(solve(name, a, B, x0=expected + 1e-3), expected, rtol=1e-9)
    inverse = np.diag(1 / np.diag(a))
    np.testing.assert_allclose(solve(name, a, B, M=inverse), expected, rtol=1e-9)
    assert getattr(linalg, name)(a, B)[1] is None


@pytest.mark.parametrize("name", SOLVERS)
def test_complex_systems(name):
    turn = RNG.normal(size=(9, 9)) + 1j * RNG.normal(size=(9, 9))
    a = turn @ turn.conj().T + 3 * np.eye(9)
    b = B + 1j * B[::-1]
    np.testing.assert_allclose(solve(name, a, b, maxiter=200), np.linalg.solve(a, b), rtol=1e-7)


@pytest.mark.parametrize("name", SOLVERS)
def test_trees(name):
    a = SOLVERS[name]
    b = {"u": B[:4].reshape(2, 2), "v": B[4:]}

    def product(x):
        y = a @ jax.numpy.concatenate([x["u"].ravel(), x["v"]])
        return {"u": y[:4].reshape(2, 2), "v": y[4:]}

    found = solve(name, product, b)
    expected = np.linalg.solve(a, B)
    np.testing.assert_allclose(found["u"], expected[:4].reshape(2, 2), rtol=1e-9)
    np.testing.assert_allclose(found["v"], expected[4:], rtol=1e-9)


@pytest.mark.parametrize("name", SOLVERS)
def test_derivatives(name):
    a, w = SOLVERS[name], np.arange(9.0)
    loss = lambda a, b: w @ solve(name, a, b)
    da, db = jax.jit(jax.grad(loss, argnums=(0, 1)))(a, B)
    adjoint = np.linalg.solve(a.T, w)
    np.testing.assert_allclose(db, adjoint, rtol=1e-8)
    np.testing.assert_allclose(da, -np.outer(adjoint, np.linalg.solve(a, B)), rtol=1e-7, atol=1e-11)
    _, slope = jax.jvp(lambda t: solve(name, a + t * np.eye(9), B * t), (1.0,), (1.0,))
    x = np.linalg.solve(a + np.eye(9), B)
    np.testing.assert_allclose(slope, np.linalg.solve(a + np.eye(9), B - x), rtol=1e-7, atol=1e-11)


@pytest.mark.parametrize("name", SOLVERS)
def test_mapped(name):
    a = SOLVERS[name]
    many = np.stack([B, B[::-1], 0 * B])
    expected = np.linalg.solve(a, many.T).T
    np.testing.assert_allclose(
        jax.vmap(lambda b: solve(name, a, b))(many), expected, rtol=1e-8, atol=1e-12
    )
    scales = np.array([1.0, 2.0])
    found = jax.vmap(lambda s: solve(name, s * a, B))(scales)
    np.testing.assert_allclose(found, np.stack([expected[0], expected[0] / 2]), rtol=1e-8)
    slopes = jax.vmap(jax.grad(lambda b: solve(name, a, b).sum()))(many)
    np.testing.assert_allclose(slopes, [np.linalg.solve(a.T, np.ones(9))] * 3, rtol=1e-7)


def test_tolerances_and_steps():
    near = linalg.cg(POSITIVE, B, tol=1e-2)[0]
    residual = np.linalg.norm(B - POSITIVE @ np.asarray(near))
    assert 1e-9 < residual <= 1e-2 * np.linalg.norm(B)
    one = linalg.cg(POSITIVE, B, maxiter=1)[0]
    np.testing.assert_allclose(one, B * (B @ B) / (B @ POSITIVE @ B), rtol=1e-12)
    restarted = linalg.gmres(GENERAL, B, tol=1e-10, restart=3)[0]
    np.testing.assert_allclose(restarted, np.linalg.solve(GENERAL, B), rtol=1e-6)
    assert linalg.cg(np.eye(3, dtype=int), np.arange(3))[0].dtype == np.float64


def test_custom_linear_solve():
    direct = lambda product, b: (jax.numpy.linalg.solve(jax.jacobian(product)(b), b), 7)
    solve_with = lambda a, b: lax.custom_linear_solve(
        lambda x: a @ x, b, direct, direct, has_aux=True
    )
    x, aux = solve_with(GENERAL, B)
    np.testing.assert_allclose(x, np.linalg.solve(GENERAL, B))
    assert aux == 7


def test_reverse_mode_without_a_transposed_solver():
    direct = lambda product, b: b / 2
    with pytest.raises(TypeError, match="Pass transpose_solve, or"):
        jax.grad(lambda b: lax.custom_linear_solve(lambda x: 2 * x, b, direct).sum())(B)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: linalg.cg(POSITIVE[:3], B), ValueError, r"square matrix; got shape \(3, 9\)"),
        (lambda: linalg.cg(POSITIVE, B, B[:3]), ValueError, "x0 has the structure"),
        (lambda: linalg.gmres(POSITIVE, B, solve_method="x"), ValueError, "got 'x'"),
        (
            lambda: lax.custom_linear_solve(lambda x: (x, x), B, lambda f, b: b),
            TypeError,
            "matvec must return a tree like b",
        ),
    ],
)
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call()
