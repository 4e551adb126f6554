"""Factorizations; arguments that say what may be overwritten or checked are accepted, unused."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradax import numpy as gnp
from gradax.api.jit import jit
from gradax.errors import ArgumentError, ShapeError, UnsupportedArgumentError, at_user_line
from gradax.lax import linalg as lax_linalg
from gradax.scipy.arguments import a_float


def matrices(name: str, a: Any, square: bool = False) -> Any:
    """Return an argument as a stack of matrices.

    Errors: ValueError for fewer than two axes, or matrices that are not square where they must.
    """
    a = a_float(name, a)
    if a.ndim < 2 or (square and a.shape[-1] != a.shape[-2]):
        kind = "square matrices" if square else "matrices"
        raise ShapeError(f"{name}: expected {kind}; got shape {a.shape}.{at_user_line()}")
    return a


def adjoint(a: Any) -> Any:
    """Return the conjugate transposes of matrices."""
    return gnp.conj(gnp.swapaxes(a, -1, -2))


@jit(static_argnums=1)
def _cholesky(a: Any, lower: bool) -> Any:
    a = matrices("cholesky", a, square=True)
    factor = lax_linalg.cholesky(a if lower else adjoint(a), symmetrize_input=False)
    return factor if lower else adjoint(factor)


def cholesky(
    a: Any, lower: bool = False, overwrite_a: bool = False, check_finite: bool = True
) -> Any:
    """Return the Cholesky factor R with Rᴴ R = a, or L with L Lᴴ = a when `lower`.

    Only that triangle of `a` is read. NaN where a is not positive definite.
    """
    return _cholesky(a, bool(lower))


def cho_factor(
    a: Any, lower: bool = False, overwrite_a: bool = False, check_finite: bool = True
) -> tuple[Any, bool]:
    """Return a Cholesky factor and whether it is the lower one, as cho_solve takes them."""
    return cholesky(a, lower), lower


def eigh(
    a: Any,
    b: Any = None,
    lower: bool = True,
    eigvals_only: bool = False,
    overwrite_a: bool = False,
    overwrite_b: bool = False,
    turbo: bool = True,
    eigvals: None = None,
    type: int = 1,
    check_finite: bool = True,
) -> Any:
    """Return ascending eigenvalues and, in columns, eigenvectors of Hermitian matrices.

    Errors: NotImplementedError for a second matrix, a choice of eigenvalues or another type.
    """
    if b is not None or eigvals is not None or type != 1:
        raise UnsupportedArgumentError(
            f"eigh: only b=None, eigvals=None and type=1 are supported.{at_user_line()}"
        )
    return _eigh(a, bool(lower), bool(eigvals_only))


@jit(static_argnums=(1, 2))
def _eigh(a: Any, lower: bool, eigvals_only: bool) -> Any:
    a = matrices("eigh", a, square=True)
    vectors, values = lax_linalg.eigh(a, lower=lower, symmetrize_input=False)
    return values if eigvals_only else (values, vectors)


@jit
def _lu_factor(a: Any) -> tuple[Any, Any]:
    factors, pivots, _ = lax_linalg.lu(matrices("lu_factor", a))
    return factors, pivots


def lu_factor(a: Any, overwrite_a: bool = False, check_finite: bool = True) -> tuple[Any, Any]:
    """Return L and U in one matrix, and the exchanges of rows, as lu_solve takes them."""
    return _lu_factor(a)


@jit(static_argnums=1)
def _lu(a: Any, permute_l: bool) -> Any:
    a = matrices("lu", a)
    factors, _, permutation = lax_linalg.lu(a)
    rows, columns = a.shape[-2:]
    k = min(rows, columns)
    lower = gnp.tril(factors[..., :, :k], -1) + gnp.eye(rows, k, dtype=a.dtype)
    upper = gnp.triu(factors)[..., :k, :]
    inverse = permutation[..., None, :] == gnp.arange(rows)[:, None]
    p = inverse.astype(np.zeros((), a.dtype).real.dtype)
    if permute_l:
        return gnp.matmul(p.astype(a.dtype), lower), upper
    return p, lower, upper


def lu(
    a: Any, permute_l: bool = False, overwrite_a: bool = False, check_finite: bool = True
) -> Any:
    """Return P, L and U with a = P L U, or P L and U with `permute_l`."""
    return _lu(a, bool(permute_l))


@jit(static_argnums=(1,))
def _qr(a: Any, mode: str) -> Any:
    q, r = lax_linalg.qr(matrices("qr", a), full_matrices=mode in ("full", "r"))
    return (r,) if mode == "r" else (q, r)


def qr(
    a: Any,
    overwrite_a: bool = False,
    lwork: Any = None,
    mode: str = "full",
    pivoting: bool = False,
    check_finite: bool = True,
) -> Any:
    """Return Q and R with a = Q R; R alone, in a tuple, for the mode "r".

    Errors: ValueError for a mode other than full, economic and r; NotImplementedError for pivoting.
    """
    if pivoting:
        raise UnsupportedArgumentError(f"qr: pivoting is not supported.{at_user_line()}")
    if mode not in ("full", "economic", "r"):
        raise ArgumentError(
            f"qr: the mode is 'full', 'economic' or 'r'; got {mode!r}.{at_user_line()}"
        )
    return _qr(a, mode)


def qr_multiply(
    a: Any,
    c: Any,
    mode: str = "right",
    pivoting: bool = False,
    conjugate: bool = False,
    overwrite_a: bool = False,
    overwrite_c: bool = False,
) -> tuple[Any, Any]:
    """Return c Q (Q c for the mode "left") and R, with a = Q R; Q is conjugated if asked for.

    Errors: ValueError for another mode; NotImplementedError for pivoting.
    """
    if mode not in ("left", "right"):
        raise ArgumentError(
            f"qr_multiply: the mode is 'left' or 'right'; got {mode!r}.{at_user_line()}"
        )
    q, r = qr(a, mode="economic", pivoting=pivoting)
    q = gnp.conj(q) if conjugate else q
    c = gnp.asarray(c)
    return (gnp.matmul(q, c) if mode == "left" else gnp.matmul(c, q)), r


@jit(static_argnums=(1, 2))
def _svd(a: Any, full_matrices: bool, compute_uv: bool) -> Any:
    a = matrices("svd", a)
    found = lax_linalg.svd(a, full_matrices=full_matrices, compute_uv=compute_uv)
    return tuple(found) if compute_uv else found


def svd(
    a: Any,
    full_matrices: bool = True,
    compute_uv: bool = True,
    overwrite_a: bool = False,
    check_finite: bool = True,
    lapack_driver: str = "gesdd",
) -> Any:
    """Return U, the descending singular values and Vᴴ; the values alone without compute_uv."""
    return _svd(a, bool(full_matrices), bool(compute_uv))


@jit(static_argnums=1)
def _polar(a: Any, side: str) -> tuple[Any, Any]:
    u, s, vh = lax_linalg.svd(matrices("polar", a), full_matrices=False)
    unitary = gnp.matmul(u, vh)
    scale = s[..., None, :].astype(u.dtype)
    if side == "right":
        return unitary, gnp.matmul(adjoint(vh) * scale, vh)
    return unitary, gnp.matmul(u * scale, adjoint(u))


def polar(
    a: Any,
    side: str = "right",
    *,
    method: str = "qdwh",
    eps: float | None = None,
    max_iterations: int | None = None,
) -> tuple[Any, Any]:
    """Return U with orthonormal rows or columns, and P positive, with a = U P (P U for "left").

    It is found by singular values; `method`, `eps` and `max_iterations` are accepted and ignored.
    Errors: ValueError for another side.
    """
    if side not in ("right", "left"):
        raise ArgumentError(f"polar: the side is 'right' or 'left'; got {side!r}.{at_user_line()}")
    return _polar(a, side)
