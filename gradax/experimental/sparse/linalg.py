"""Linear algebra of sparse arrays: extreme eigenvalues, and systems of equations.

Source: Knyazev (2001), locally optimal block preconditioned conjugate gradients, without a
preconditioner.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from gradax import lax
from gradax import numpy as jnp
from gradax.api.callbacks import pure_callback
from gradax.api.shapes import ShapeDtypeStruct
from gradax.errors import ShapeError, at_user_line
from gradax.experimental.sparse.base import JAXSparse
from gradax.experimental.sparse.bcsr import BCSR


def lobpcg_standard(
    A: Callable[[Any], Any] | Any, X: Any, m: int = 100, tol: float | None = None
) -> tuple[Any, Any, Any]:
    """Return the k largest eigenvalues of a symmetric matrix, their vectors, and the steps made.

    A: an array, a sparse array or a function that multiplies n x k matrices. X: n x k, the vectors
    to begin with. m: steps, at most. tol: of the residuals, relative to the matrix (by default the
    dtype's epsilon).
    Errors: TypeError unless 0 < 5 k < n.
    """
    X = jnp.asarray(X)
    if X.ndim != 2 or not 0 < 5 * X.shape[1] < X.shape[0]:
        raise ShapeError(
            "lobpcg_standard: expected X of n x k elements with 0 < 5 k < n; got"
            f" {X.shape}.{at_user_line()}"
        )
    multiply = A if callable(A) and not isinstance(A, JAXSparse) else lambda v: A @ v
    k = X.shape[1]
    limit = jnp.finfo(X.dtype).eps if tol is None else tol

    def ritz(basis: Any) -> tuple[Any, Any, Any]:
        product = multiply(basis)
        small = basis.T @ product
        values, vectors = jnp.linalg.eigh((small + small.T) / 2)
        return values[::-1][:k], vectors[:, ::-1][:, :k], product

    def residual(x: Any, product: Any, values: Any) -> tuple[Any, Any]:
        r = product - x * values
        size = jnp.linalg.norm(product, axis=0) + jnp.abs(values) * jnp.linalg.norm(x, axis=0)
        # Rounding in the products leaves about sqrt(n) epsilons.
        allowed = limit * size * np.sqrt(X.shape[0])
        return r, jnp.linalg.norm(r, axis=0) <= allowed

    def step(state: Any) -> Any:
        i, x, p, r, _, _ = state
        basis = jnp.linalg.qr(jnp.concatenate([x, r, p], axis=1))[0]
        values, vectors, product = ritz(basis)
        new = basis @ vectors
        direction = basis[:, k:] @ vectors[k:]
        r, done = residual(new, product @ vectors, values)
        return i + 1, new, direction, r, values, done.all()

    x = jnp.linalg.qr(X)[0]
    values, vectors, product = ritz(x)
    x = x @ vectors
    r, done = residual(x, product @ vectors, values)
    start = (0, x, jnp.zeros_like(x), r, values, done.all())
    i, x, _, _, values, _ = lax.while_loop(lambda s: (s[0] < m) & ~s[5], step, start)
    return values, x, i


def spsolve(
    data: Any, indices: Any, indptr: Any, b: Any, tol: float = 1e-6, reorder: int = 1
) -> Any:
    """Return x with A x = b, A being the square matrix that BCSR's three arrays hold.

    SciPy factorizes the matrix, at each call. Derivatives are those of a solution.
    Errors: RuntimeWarning and NaNs for a singular matrix.
    """
    del tol, reorder
    data, b = jnp.asarray(data), jnp.asarray(b)
    n = b.shape[0]
    mat = BCSR((data, indices, indptr), shape=(n, n)).to_bcoo()

    def solver(transposed: bool) -> Callable[[Any, Any], Any]:
        def solve(_: Any, rhs: Any) -> Any:
            out = ShapeDtypeStruct(rhs.shape, rhs.dtype)
            values = lax.stop_gradient(data)
            factor = partial(factorized, transposed=transposed)
            return pure_callback(
                factor, out, values, indices, indptr, rhs, vmap_method="sequential"
            )

        return solve

    return lax.custom_linear_solve(
        lambda x: mat @ x, b, solver(False), transpose_solve=solver(True)
    )


def factorized(data: Any, indices: Any, indptr: Any, b: Any, transposed: bool) -> Any:
    """Solve with SciPy."""
    from scipy.sparse import csc_matrix, csr_matrix
    from scipy.sparse.linalg import spsolve as solve

    parts = tuple(map(np.asarray, (data, indices, indptr)))
    mat = csr_matrix(parts, shape=(len(b), len(b)))
    mat = csc_matrix(mat.T if transposed else mat)
    return np.asarray(solve(mat, np.asarray(b)), np.asarray(b).dtype)
