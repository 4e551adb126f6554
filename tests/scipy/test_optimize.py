"""Minimization of functions whose minima are known."""

import numpy as np
import pytest

import gradax as jax
from gradax import numpy as jnp
from gradax.scipy.optimize import minimize

METHODS = ["BFGS", "l-bfgs-experimental-do-not-rely-on-this"]
SHIFT = np.array([3.0, -2.0, 0.5])


@pytest.fixture(autouse=True)
def wide():
    with jax.enable_x64(True):
        yield


def valley(x):
    return jnp.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def matyas(p):
    x, y = p
    return 0.26 * (x**2 + y**2) - 0.48 * x * y


def eggholder(p):
    x, y = p
    far = jnp.sin(jnp.sqrt(jnp.abs(x / 2 + (y + 47)))) * (y + 47)
    return -far - x * jnp.sin(jnp.sqrt(jnp.abs(x - (y + 47))))


CASES = [
    (valley, np.array([-1.2, 1.0]), np.ones(2)),
    (valley, np.array([0.5, 1.0, 0.5, 2.0]), np.ones(4)),
    (matyas, np.array([5.0, -3.0]), np.zeros(2)),
    (lambda x: jnp.sum((x - SHIFT) ** 4 + (x - SHIFT) ** 2), np.zeros(3), SHIFT),
    # Not finite beyond 0, where the first step leads.
    (lambda x: jnp.sum(x - jnp.log(x)), np.array([0.01, 3.0]), np.ones(2)),
]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("case", range(len(CASES)))
def test_minima(case, method):
    f, start, expected = CASES[case]
    found = minimize(f, start, method=method, options={"gtol": 1e-7})
    np.testing.assert_allclose(found.x, expected, atol=1e-4)
    assert bool(found.success) and int(found.status) == 0
    np.testing.assert_allclose(found.fun, f(expected), atol=1e-8)
    np.testing.assert_allclose(found.jac, np.zeros_like(start), atol=1e-4)
    assert int(found.nit) > 0 and int(found.nfev) > int(found.nit)


def test_the_inverse_of_a_quadratic():
    a = np.array([[3.0, 1, 0], [1, 2, 0.5], [0, 0.5, 4]])
    found = minimize(lambda x, b: x @ a @ x / 2 - b @ x, np.ones(3), (SHIFT,), method="BFGS")
    np.testing.assert_allclose(found.x, np.linalg.solve(a, SHIFT), atol=1e-5)
    np.testing.assert_allclose(found.hess_inv, np.linalg.inv(a), atol=2e-2)


@pytest.mark.parametrize("method", METHODS)
def test_one_step_and_transformed(method):
    short = minimize(valley, np.array([-1.2, 1.0]), method=method, options={"maxiter": 1})
    assert not bool(short.success) and int(short.status) == 1 and int(short.nit) == 1
    starts = np.array([[-1.2, 1.0], [2.0, 2.0], [0.0, 0.5]])
    solve = lambda x: minimize(valley, x, method=method, tol=1e-6).x
    np.testing.assert_allclose(jax.jit(jax.vmap(solve))(starts), np.ones((3, 2)), atol=1e-4)


def test_local_minima_are_lower():
    start = np.array([100.0, 100.0])
    found = minimize(eggholder, start, method="BFGS")
    assert float(found.fun) < float(eggholder(start))
    assert np.linalg.norm(found.jac) < 1e-3


def test_single_precision():
    with jax.enable_x64(False):
        found = minimize(valley, np.array([-1.2, 1.0], np.float32), method="BFGS")
    assert found.x.dtype == np.float32
    np.testing.assert_allclose(found.x, np.ones(2), atol=1e-2)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: minimize(valley, SHIFT, method="x"), ValueError, "method is 'BFGS' or .*got 'x'"),
        (lambda: minimize(valley, SHIFT[None], method="BFGS"), ValueError, "x0 is a vector"),
        (lambda: minimize(valley, SHIFT, 3, method="BFGS"), TypeError, "args is a tuple; got int"),
        (
            lambda: minimize(valley, SHIFT, method="BFGS", options={"x": 1}),
            ValueError,
            "the options of BFGS are maxiter, norm, gtol, line_search_maxiter",
        ),
    ],
)
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call()
