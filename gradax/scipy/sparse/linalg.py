"""Iterative solvers of linear systems: `jax.scipy.sparse.linalg`'s names.

Source: Saad, "Iterative Methods for Sparse Linear Systems" (2003), algorithms 9.1, 7.7 and 9.5.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from gradax import lax, tree
from gradax import numpy as gnp
from gradax.control.linear_solve import custom_linear_solve
from gradax.errors import ArgumentError, ShapeError, at_user_line
from gradax.flatten_util import ravel_pytree
from gradax.numpy.promotion import promote_dtypes

Function = Callable[[Any], Any]
PRECISE = lax.Precision.HIGHEST
GMRES_METHODS = ("batched", "incremental")


def square_norm(x: Any) -> Any:
    """Return the square of a vector's norm, a real number."""
    return gnp.real(gnp.vdot(x, x, precision=PRECISE))


def as_function(name: str, a: Any) -> Function:
    """Return a matrix as the function that multiplies by it; a function as it is.

    Errors: ValueError for what is neither a function nor a square matrix.
    """
    if callable(a):
        return a
    shape = gnp.shape(a)
    if len(shape) != 2 or shape[0] != shape[1]:
        raise ShapeError(
            f"{name}: the linear operator is a function or a square matrix; got shape {shape}."
            f"{at_user_line()}"
        )
    return partial(gnp.matmul, gnp.asarray(a), precision=PRECISE)


def shapes(x: Any) -> list[tuple[int, ...]]:
    """Return the shapes of a tree's leaves."""
    return [v.shape for v in tree.leaves(x)]


def inexact(b: Any, x0: Any) -> tuple[Any, Any]:
    """Return two trees whose leaves are of one inexact dtype each."""
    treedef = tree.structure(b)
    leaves = zip(tree.leaves(b), tree.leaves(x0), strict=True)
    pairs = [promote_dtypes(x, y, inexact=True) for x, y in leaves]
    first, second = ([p[i] for p in pairs] for i in range(2))
    return tree.unflatten(treedef, first), tree.unflatten(treedef, second)


def solved(
    name: str, iterate: Callable[..., Any], A: Any, b: Any, x0: Any, M: Any, is_symmetric: bool
) -> Any:
    """Solve by `iterate(product, b, x0, preconditioner)` of vectors; derivatives solve again.

    Errors: ValueError where x0 has not the structure and shapes of b.
    """
    b = tree.map(gnp.asarray, b)
    x0 = tree.map(gnp.zeros_like, b) if x0 is None else tree.map(gnp.asarray, x0)
    if tree.structure(x0) != tree.structure(b) or shapes(x0) != shapes(b):
        raise ShapeError(
            f"{name}: x0 has the structure and the shapes of b; got {tree.structure(x0)} with"
            f" {shapes(x0)} for {tree.structure(b)} with {shapes(b)}.{at_user_line()}"
        )
    b, x0 = inexact(b, x0)
    product = as_function(name, A)
    precondition = (lambda x: x) if M is None else as_function(name, M)

    def solve(matvec: Function, rhs: Any) -> Any:
        vector, unravel = ravel_pytree(rhs)
        start, _ = ravel_pytree(x0)
        flat, flat_m = (
            lambda v, f=f: ravel_pytree(f(unravel(v)))[0].astype(vector.dtype)
            for f in (matvec, precondition)
        )
        return unravel(iterate(flat, vector, start, flat_m))

    is_real = all(np.issubdtype(v.dtype, np.floating) for v in tree.leaves(b))
    # The transpose of a Hermitian matrix is its conjugate, which is definite as well.
    return custom_linear_solve(
        product, b, solve, transpose_solve=solve, symmetric=is_symmetric and is_real
    )


def limits(b: Any, tol: Any, atol: Any, maxiter: int | None) -> tuple[Any, int]:
    """Return the square of the residual's norm to reach and the number of steps to stop at."""
    wanted = gnp.maximum(tol**2 * square_norm(b), atol**2)
    return wanted, 10 * b.size if maxiter is None else maxiter


def cg_steps(
    tol: Any, atol: Any, maxiter: int | None, a: Function, b: Any, x: Any, m: Function
) -> Any:
    """Take steps of conjugate gradients."""
    wanted, n_steps = limits(b, tol, atol, maxiter)

    def go_on(state: Any) -> Any:
        _, r, _, _, k = state
        return (square_norm(r) > wanted) & (k < n_steps)

    def step(state: Any) -> Any:
        x, r, gamma, p, k = state
        ap = a(p)
        alpha = (gamma / gnp.vdot(p, ap, precision=PRECISE)).astype(b.dtype)
        x, r = x + alpha * p, r - alpha * ap
        z = m(r)
        new = gnp.vdot(r, z, precision=PRECISE).astype(b.dtype)
        return x, r, new, z + (new / gamma) * p, k + 1

    r = b - a(x)
    z = m(r)
    gamma = gnp.vdot(r, z, precision=PRECISE).astype(b.dtype)
    return lax.while_loop(go_on, step, (x, r, gamma, z, 0))[0]


def cg(
    A: Any,
    b: Any,
    x0: Any = None,
    *,
    tol: Any = 1e-5,
    atol: Any = 0.0,
    maxiter: int | None = None,
    M: Any = None,
) -> tuple[Any, None]:
    """Solve A x = b of a Hermitian positive definite A by conjugate gradients.

    `A` and the preconditioner `M`, which approximates A's inverse, are functions of trees like b,
    or matrices. Returns x and None. Derivatives with respect to b and what A captured solve
    another such system.
    Accuracy: the residual's norm is at most max(tol * norm(b), atol), unless `maxiter` steps
    (10 times the size of b by default) do not reach it, which nothing reports.
    Errors: ValueError where x0 has not the structure and shapes of b, or A is not square.
    """
    steps = partial(cg_steps, tol, atol, maxiter)
    return solved("cg", steps, A, b, x0, M, is_symmetric=True), None


def bicgstab_steps(
    tol: Any, atol: Any, maxiter: int | None, a: Function, b: Any, x: Any, m: Function
) -> Any:
    """Take steps of stabilized biconjugate gradients; stop where a divisor vanishes."""
    wanted, n_steps = limits(b, tol, atol, maxiter)
    inner = partial(gnp.vdot, precision=PRECISE)

    def go_on(state: Any) -> Any:
        _, r, *_, is_broken, k = state
        return (square_norm(r) > wanted) & (k < n_steps) & ~is_broken

    def step(state: Any) -> Any:
        x, r, shadow, alpha, omega, rho, p, q, _, k = state
        new_rho = inner(shadow, r)
        beta = new_rho / rho * alpha / omega
        p = r + beta * (p - omega * q)
        p_hat = m(p)
        q = a(p_hat)
        alpha = new_rho / inner(shadow, q)
        s = r - alpha * q
        s_hat = m(s)
        t = a(s_hat)
        size = square_norm(t)
        # Half a step may have been enough; then t vanishes with s.
        omega = gnp.where(size > 0, inner(t, s) / gnp.where(size > 0, size, 1), 0).astype(b.dtype)
        is_broken = (omega == 0) | (new_rho == 0) | (alpha == 0)
        x = x + alpha * p_hat + omega * s_hat
        return x, s - omega * t, shadow, alpha, omega, new_rho, p, q, is_broken, k + 1

    r = b - a(x)
    one = gnp.ones((), b.dtype)
    zero = gnp.zeros_like(b)
    state = (x, r, r, one, one, one, zero, zero, gnp.asarray(False), 0)
    return lax.while_loop(go_on, step, state)[0]


def bicgstab(
    A: Any,
    b: Any,
    x0: Any = None,
    *,
    tol: Any = 1e-5,
    atol: Any = 0.0,
    maxiter: int | None = None,
    M: Any = None,
) -> tuple[Any, None]:
    """Solve A x = b by stabilized biconjugate gradients; A need not be Hermitian.

    Arguments, result, accuracy and errors are those of `cg`. Besides, the iteration ends where it
    breaks down.
    """
    steps = partial(bicgstab_steps, tol, atol, maxiter)
    return solved("bicgstab", steps, A, b, x0, M, is_symmetric=False), None


def arnoldi(a: Function, r: Any, n: int) -> tuple[Any, Any]:
    """Return orthonormal rows spanning r, a(r), … and the Hessenberg matrix of a on them.

    Shapes: r T[s] -> T[n + 1, s], T[n + 1, n]. Both end in zeros where the space is exhausted.
    """
    eps = float(np.finfo(r.dtype).eps)

    def unit(v: Any, scale: Any) -> tuple[Any, Any]:
        norm = gnp.sqrt(square_norm(v))
        is_some = norm > eps * scale
        return gnp.where(is_some, v / gnp.where(is_some, norm, 1), 0), gnp.where(is_some, norm, 0)

    def step(k: Any, state: Any) -> Any:
        basis, h = state
        w = a(basis[k])
        size = gnp.sqrt(square_norm(w))
        column = gnp.zeros(n + 1, r.dtype)
        # Twice, so that rounding leaves no part of the span.
        for _ in range(2):
            shares = gnp.matmul(gnp.conj(basis), w, precision=PRECISE)
            w = w - gnp.matmul(shares, basis, precision=PRECISE)
            column = column + shares
        w, norm = unit(w, size)
        return basis.at[k + 1].set(w), h.at[:, k].set(column.at[k + 1].add(norm.astype(r.dtype)))

    first, _ = unit(r, 0)
    basis = gnp.zeros((n + 1, r.size), r.dtype).at[0].set(first)
    return lax.fori_loop(0, n, step, (basis, gnp.zeros((n + 1, n), r.dtype)))


def gmres_steps(
    options: tuple[Any, Any, int, int | None], a: Function, b: Any, x: Any, m: Function
) -> Any:
    """Minimize residuals over spaces of `restart` dimensions, one after the other."""
    tol, atol, restart, maxiter = options
    wanted, n_steps = limits(b, tol, atol, maxiter)
    n = min(restart, b.size)

    def go_on(state: Any) -> Any:
        _, r, k = state
        return (square_norm(r) > wanted) & (k < n_steps)

    def step(state: Any) -> Any:
        x, r, k = state
        basis, h = arnoldi(lambda v: a(m(v)), r, n)
        size = gnp.sqrt(square_norm(r)).astype(b.dtype)
        target = gnp.zeros(n + 1, b.dtype).at[0].set(size)
        y = gnp.linalg.lstsq(h, target)[0]
        x = x + m(gnp.matmul(y, basis[:n], precision=PRECISE))
        return x, b - a(x), k + 1

    return lax.while_loop(go_on, step, (x, b - a(x), 0))[0]


def gmres(
    A: Any,
    b: Any,
    x0: Any = None,
    *,
    tol: Any = 1e-5,
    atol: Any = 0.0,
    restart: int = 20,
    maxiter: int | None = None,
    M: Any = None,
    solve_method: str = "batched",
) -> tuple[Any, None]:
    """Solve A x = b by minimal residuals over Krylov spaces of `restart` dimensions.

    Arguments, result and accuracy are those of `cg`, `maxiter` counting restarts; M is applied
    from the right, so that the residual is A's. `solve_method` is "batched" or "incremental",
    which here are the same: the residual is looked at once a restart.
    Errors: ValueError as cg's, and for another solve_method.
    """
    if solve_method not in GMRES_METHODS:
        raise ArgumentError(
            f"gmres: solve_method is 'batched' or 'incremental'; got {solve_method!r}."
            f"{at_user_line()}"
        )
    steps = partial(gmres_steps, (tol, atol, restart, maxiter))
    return solved("gmres", steps, A, b, x0, M, is_symmetric=False), None
