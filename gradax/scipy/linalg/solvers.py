"""Linear systems, inverses, determinants."""

from __future__ import annotations

from typing import Any

from gradax import numpy as gnp
from gradax.api.jit import jit
from gradax.errors import ArgumentError, ShapeError, at_user_line
from gradax.lax import linalg as lax_linalg
from gradax.numpy import linalg as gnp_linalg
from gradax.numpy.promotion import broadcast, operands, promote_dtypes
from gradax.scipy.linalg.decompositions import cho_factor

# What `trans` may be: the matrix itself, its transpose, its adjoint.
TRANSPOSED = {0: 0, "N": 0, 1: 1, "T": 1, 2: 2, "C": 2}
ASSUMPTIONS = ("gen", "sym", "her", "pos")


def systems(name: str, a: Any, b: Any) -> tuple[Any, Any, bool]:
    """Return matrices and right sides of one dtype and batch, and whether b was vectors.

    Errors: ValueError unless a is square and b has as many rows.
    """
    a, b = promote_dtypes(*operands(name, a, b), inexact=True)
    is_vector = b.ndim == 1 or (b.ndim == a.ndim - 1 and b.shape == a.shape[:-1])
    columns = b[..., None] if is_vector else b
    square = a.ndim >= 2 and a.shape[-1] == a.shape[-2]
    if not square or columns.ndim < 2 or columns.shape[-2] != a.shape[-1]:
        raise ShapeError(
            f"Incompatible shapes for {name}: got {a.shape} and {b.shape}.{at_user_line()}"
        )
    batch = gnp.broadcast_shapes(a.shape[:-2], columns.shape[:-2])
    a, columns = (broadcast(x, (*batch, *x.shape[-2:])) for x in (a, columns))
    return a, columns, is_vector


def transposition(name: str, trans: Any) -> int:
    """Return 0 for the matrix itself, 1 for its transpose, 2 for its adjoint.

    Errors: ValueError for what names none of these.
    """
    if trans not in TRANSPOSED:
        raise ArgumentError(
            f"{name}: trans is 0, 1, 2, 'N', 'T' or 'C'; got {trans!r}.{at_user_line()}"
        )
    return TRANSPOSED[trans]


@jit(static_argnums=(2, 3, 4))
def _solve_triangular(a: Any, b: Any, trans: int, lower: bool, unit_diagonal: bool) -> Any:
    a, b, is_vector = systems("solve_triangular", a, b)
    x = lax_linalg.triangular_solve(
        a,
        b,
        left_side=True,
        lower=lower,
        transpose_a=trans > 0,
        conjugate_a=trans == 2,
        unit_diagonal=unit_diagonal,
    )
    return x[..., 0] if is_vector else x


def solve_triangular(
    a: Any,
    b: Any,
    trans: int | str = 0,
    lower: bool = False,
    unit_diagonal: bool = False,
    overwrite_b: bool = False,
    debug: Any = None,
    check_finite: bool = True,
) -> Any:
    """Solve a x = b, aᵀ x = b (trans 1 or "T") or aᴴ x = b (2 or "C") for a triangular a.

    Shapes: a T[.., n, n]; b T[n] or T[.., n, m].
    """
    which = transposition("solve_triangular", trans)
    return _solve_triangular(a, b, which, bool(lower), bool(unit_diagonal))


@jit(static_argnums=2)
def _cho_solve(c: Any, b: Any, lower: bool) -> Any:
    c, b, is_vector = systems("cho_solve", c, b)
    for is_second in (False, True):
        b = lax_linalg.triangular_solve(
            c,
            b,
            left_side=True,
            lower=lower,
            transpose_a=is_second == lower,
            conjugate_a=is_second == lower,
        )
    return b[..., 0] if is_vector else b


def cho_solve(
    c_and_lower: tuple[Any, bool], b: Any, overwrite_b: bool = False, check_finite: bool = True
) -> Any:
    """Solve a x = b, given what cho_factor makes of a."""
    c, lower = c_and_lower
    return _cho_solve(c, b, bool(lower))


@jit(static_argnums=3)
def _lu_solve(factors: Any, pivots: Any, b: Any, trans: int) -> Any:
    factors, b, is_vector = systems("lu_solve", factors, b)
    permutation = lax_linalg.lu_pivots_to_permutation(pivots, factors.shape[-1])
    permutation = broadcast(permutation, factors.shape[:-1])
    if trans == 0:
        b = gnp.take_along_axis(b, permutation[..., None], -2)
        b = lax_linalg.triangular_solve(factors, b, left_side=True, lower=True, unit_diagonal=True)
        b = lax_linalg.triangular_solve(factors, b, left_side=True, lower=False)
        return b[..., 0] if is_vector else b
    options = {"left_side": True, "transpose_a": True, "conjugate_a": trans == 2}
    b = lax_linalg.triangular_solve(factors, b, lower=False, **options)
    b = lax_linalg.triangular_solve(factors, b, lower=True, unit_diagonal=True, **options)
    b = gnp.take_along_axis(b, gnp.argsort(permutation, -1)[..., None], -2)
    return b[..., 0] if is_vector else b


def lu_solve(
    lu_and_piv: tuple[Any, Any],
    b: Any,
    trans: int = 0,
    overwrite_b: bool = False,
    check_finite: bool = True,
) -> Any:
    """Solve a x = b, aᵀ x = b (trans 1) or aᴴ x = b (2), given what lu_factor makes of a."""
    factors, pivots = lu_and_piv
    return _lu_solve(factors, pivots, b, transposition("lu_solve", trans))


def solve(
    a: Any,
    b: Any,
    lower: bool = False,
    overwrite_a: bool = False,
    overwrite_b: bool = False,
    debug: bool = False,
    check_finite: bool = True,
    assume_a: str = "gen",
) -> Any:
    """Solve a x = b; `assume_a` "pos" takes Cholesky's factorization, of the triangle `lower` says.

    Shapes: a T[.., n, n]; b T[n] or T[.., n, m].
    Errors: ValueError for an assumption other than gen, sym, her and pos.
    """
    if assume_a not in ASSUMPTIONS:
        raise ArgumentError(
            f"solve: assume_a is one of {', '.join(ASSUMPTIONS)}; got {assume_a!r}.{at_user_line()}"
        )
    if assume_a != "pos":
        matrix, columns, is_vector = systems("solve", a, b)
        x = gnp_linalg.solve(matrix, columns)
        return x[..., 0] if is_vector else x
    return cho_solve(cho_factor(a, lower), b)


def inv(a: Any, overwrite_a: bool = False, check_finite: bool = True) -> Any:
    """Return the inverses of square matrices."""
    return gnp_linalg.inv(a)


def det(a: Any, overwrite_a: bool = False, check_finite: bool = True) -> Any:
    """Return the determinants of square matrices."""
    return gnp_linalg.det(a)
