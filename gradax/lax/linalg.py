"""Linear algebra on stacks of matrices: the names of `lax.linalg`.

All functions take float32, float64, complex64 or complex128; the last two axes are matrices.
"""

from __future__ import annotations

import enum
from typing import Any

import numpy as np

from gradax.core.value import as_value
from gradax.errors import UnsupportedRule, require
from gradax.lax import primitives
from gradax.lax.arithmetic import Add, Div, Mul, Neg, Sub, scalar_like
from gradax.lax.cumulative import shifted
from gradax.lax.factorizations import Lu, LuPivotsToPermutation, Qr, columns
from gradax.lax.matrices import (
    adjoint,
    columns_of,
    conjugate,
    identity_like,
    lower_triangle,
    matmul,
    rows_of,
    scale_columns,
    scale_rows,
    transposed,
    upper_triangle,
)
from gradax.lax.schur import hessenberg as hessenberg
from gradax.lax.schur import schur as schur
from gradax.lax.schur import tridiagonal as tridiagonal
from gradax.lax.shapes import BroadcastInDim, Reshape
from gradax.lax.slicing import Slice
from gradax.lax.solving import Cholesky, TriangularSolve
from gradax.lax.spectral import Eig, Eigh, Svd


class EighImplementation(enum.Enum):
    """Ways to compute eigenvalues, for devices that have several."""

    QR = "qr"
    JACOBI = "jacobi"
    QDWH = "qdwh"


class EigImplementation(enum.Enum):
    """Ways to compute general eigenvalues, for devices that have several."""

    CUSOLVER = "cusolver"
    MAGMA = "magma"
    LAPACK = "lapack"


class SvdAlgorithm(enum.Enum):
    """Ways to compute singular values, for devices that have several."""

    DEFAULT = "default"
    QR = "QR"
    JACOBI = "Jacobi"
    POLAR = "polar"
    DIVIDE_AND_CONQUER = "divide_and_conquer"


def symmetrized(x: Any) -> Any:
    """Return the mean of matrices and their adjoints."""
    return Div()(Add()(x, adjoint(x)), scalar_like(x, 2))


def cholesky(x: Any, *, symmetrize_input: bool = True) -> Any:
    """Return the lower triangular L with L L^H = x; NaN where x is not positive definite.

    Shapes: T[.., n, n] -> T[.., n, n]. Without `symmetrize_input` only the lower triangle is read.
    """
    x = as_value(x)
    Cholesky().infer(x.aval)
    return Cholesky()(symmetrized(x) if symmetrize_input else x)


def cholesky_update(r_matrix: Any, w_vector: Any) -> Any:
    """Return the upper triangular factor of R^T R + w w^T.

    Shapes: T[n, n], T[n] -> T[n, n].
    """
    r, w = as_value(r_matrix), as_value(w_vector)
    require(r.ndim == 2 and w.shape == r.shape[:1], "cholesky_update", "[n, n] and [n]", r, w)
    outer = Mul()(columns_of(w, r), rows_of(w, r))
    return transposed(Cholesky()(Add()(matmul(transposed(r), r), outer)))


def triangular_solve(
    a: Any,
    b: Any,
    *,
    left_side: bool = False,
    lower: bool = False,
    transpose_a: bool = False,
    conjugate_a: bool = False,
    unit_diagonal: bool = False,
) -> Any:
    """Solve op(a) x = b (left) or x op(a) = b (right), reading one triangle of a.

    Shapes: a: T[.., n, n]; b: T[.., n, m] on the left, T[.., m, n] on the right, or T[.., n].
    """
    a, b = as_value(a), as_value(b)
    is_vector = b.ndim == a.ndim - 1
    if is_vector:
        b = Reshape((*b.shape, 1) if left_side else (*b.shape[:-1], 1, b.shape[-1]))(b)
    conjugated = conjugate_a and np.issubdtype(a.dtype, np.complexfloating)
    op = TriangularSolve(
        bool(left_side), bool(lower), bool(transpose_a), bool(conjugated), bool(unit_diagonal)
    )
    x = op(a, b)
    if not is_vector:
        return x
    return Reshape(x.shape[:-1] if left_side else (*x.shape[:-2], x.shape[-1]))(x)


def lu(x: Any) -> tuple[Any, Any, Any]:
    """Return L and U in one matrix, the rows exchanged, and the permutation: x[permutation] = L U.

    Shapes: T[.., m, n] -> T[.., m, n], int32[.., min(m, n)], int32[.., m].
    """
    return Lu()(as_value(x))


def lu_pivots_to_permutation(pivots: Any, permutation_size: int) -> Any:
    """Turn exchanges of rows into a permutation of `permutation_size` rows."""
    return LuPivotsToPermutation(int(permutation_size))(as_value(pivots))


def qr(
    x: Any, *, pivoting: bool = False, full_matrices: bool = True, use_magma: bool | None = None
) -> tuple[Any, Any]:
    """Return Q and R with x = Q R.

    Shapes: T[.., m, n] -> T[.., m, k], T[.., k, n]; k = m if full_matrices else min(m, n).
    Errors: UnsupportedRule for pivoting, which is not implemented.
    """
    if pivoting:
        raise UnsupportedRule("qr: pivoting is not implemented; call with pivoting=False")
    return Qr(bool(full_matrices))(as_value(x))


def eigh(
    x: Any,
    *,
    lower: bool = True,
    symmetrize_input: bool = True,
    sort_eigenvalues: bool = True,
    subset_by_index: tuple[int, int] | None = None,
    implementation: EighImplementation | None = None,
) -> tuple[Any, Any]:
    """Return eigenvectors, in columns, and ascending eigenvalues of Hermitian matrices.

    Shapes: T[.., n, n] -> T[.., n, k], real[.., k]; k = n, or as `subset_by_index` = (first, end).
    """
    x = as_value(x)
    Eigh(True).infer(x.aval)
    v, w = Eigh(bool(lower))(symmetrized(x) if symmetrize_input else x)
    if subset_by_index is None:
        return v, w
    first, end = subset_by_index
    starts = (*(0 for _ in w.shape[:-1]), first)
    return columns(v, end, first), Slice(starts, (*w.shape[:-1], end))(w)


def svd(
    x: Any,
    *,
    full_matrices: bool = True,
    compute_uv: bool = True,
    subset_by_index: tuple[int, int] | None = None,
    algorithm: SvdAlgorithm | None = None,
) -> Any:
    """Return U, singular values and Vh with x = U diag(s) Vh; the values alone without compute_uv.

    Shapes: T[.., m, n] -> T[.., m, m or k], real[.., k], T[.., n or k, n]; k = min(m, n).
    """
    x = as_value(x)
    expected = "no subset beside full matrices"
    require(subset_by_index is None or not full_matrices, "svd", expected, subset_by_index)
    outs = Svd(bool(full_matrices), bool(compute_uv))(x)
    s = outs[0]
    first, end = subset_by_index or (0, s.shape[-1])
    if subset_by_index is not None:
        s = Slice((*(0 for _ in s.shape[:-1]), first), (*s.shape[:-1], end))(s)
    if not compute_uv:
        return s
    _, u, vh = outs
    if subset_by_index is not None:
        u, vh = columns(u, end, first), transposed(columns(transposed(vh), end, first))
    return u, s, vh


def eig(
    x: Any,
    *,
    compute_left_eigenvectors: bool = True,
    compute_right_eigenvectors: bool = True,
    enable_eigvec_derivs: bool = False,
    implementation: EigImplementation | None = None,
    use_magma: bool | None = None,
) -> list[Any]:
    """Return complex eigenvalues and, as asked, left and right eigenvectors in columns.

    Shapes: T[.., n, n] -> complex[.., n], complex[.., n, n] …
    The vectors have length 1 and a real largest component, and so have their derivatives.
    """
    op = Eig(bool(compute_left_eigenvectors), bool(compute_right_eigenvectors))
    return list(op(as_value(x)))


def householder_product(a: Any, taus: Any) -> Any:
    """Return the first columns of the product of Householder reflectors, as LAPACK stores them.

    Shapes: a: T[.., m, n], the vectors below its diagonal; taus: T[.., k], k <= n -> T[.., m, n].
    """
    a, taus = as_value(a), as_value(taus)
    like = identity_like(a)
    return reflected(a, taus, like, False)


def ormqr(a: Any, taus: Any, c: Any, *, left: bool = True, transpose: bool = False) -> Any:
    """Multiply `c` by the product Q of Householder reflectors: Q c, Q^H c, c Q or c Q^H."""
    a, taus, c = as_value(a), as_value(taus), as_value(c)
    if left:
        return reflected(a, taus, c, transpose)
    return adjoint(reflected(a, taus, adjoint(c), not transpose))


def reflected(a: Any, taus: Any, c: Any, is_adjoint: bool) -> Any:
    """Apply I - V T V^H, the compact form of a product of reflectors, or its adjoint.

    Source: Schreiber and Van Loan 1989; T^-1 = D^-1 + the part of V^H V above the diagonal.
    """
    k = taus.shape[-1]
    v = columns(a, k)
    v = Add()(lower_triangle(v, -1), identity_like(v))
    products = upper_triangle(matmul(adjoint(v), v), 1)
    inner = matmul(adjoint(v), c)
    # T = (I + D S)^-1 D holds even where some tau is zero.
    if is_adjoint:
        # T^H = D^H (I + S^H D^H)^-1, a lower triangular system.
        scaled = scale_columns(adjoint(products), conjugate(taus))
        solve = TriangularSolve(True, True, False, False, True)
        inner = scale_rows(solve(scaled, inner), conjugate(taus))
    else:
        solve = TriangularSolve(True, False, False, False, True)
        inner = solve(scale_rows(products, taus), scale_rows(inner, taus))
    return Sub()(c, matmul(v, inner))


def symmetric_product(
    a_matrix: Any,
    c_matrix: Any,
    *,
    alpha: float = 1.0,
    beta: float = 0.0,
    symmetrize_output: bool = False,
) -> Any:
    """Return alpha a a^T + beta c; the result is symmetric as far as c is."""
    a, c = as_value(a_matrix), as_value(c_matrix)
    product = matmul(a, transposed(a))
    require(product.shape == c.shape, "symmetric_product", f"c of {product.shape}", c.aval)

    def scaled(x: Any, factor: float) -> Any:
        return Mul()(x, scalar_like(x, factor))

    out = Add()(scaled(product, alpha), scaled(c, beta))
    return symmetrized(out) if symmetrize_output else out


def qdwh(
    x: Any,
    *,
    is_hermitian: bool = False,
    max_iterations: int | None = None,
    eps: float | None = None,
    dynamic_shape: tuple[int, int] | None = None,
) -> tuple[Any, Any, Any, Any]:
    """Return the polar factors U (orthonormal columns) and H (positive), a count, success.

    The factors come from singular values, not from the iteration that the name stands for.
    """
    x = as_value(x)
    require(x.ndim == 2 and x.shape[0] >= x.shape[1], "qdwh", "a matrix, m >= n", x.aval)
    s, u, vh = Svd(False, True)(x)
    h = matmul(adjoint(vh), scale_rows(vh, s))
    return matmul(u, vh), symmetrized(h), as_value(np.int32(1)), as_value(np.bool_(True))


def tridiagonal_solve(dl: Any, d: Any, du: Any, b: Any, *, perturb_singular: bool = False) -> Any:
    """Solve tridiagonal systems, without pivoting.

    Shapes: dl, d, du: T[.., n] (below, on, above the diagonal; dl[0] and du[n-1] are not read),
        b: T[.., n, m] -> T[.., n, m].
    Cost: log2(n) passes over the arrays (parallel cyclic reduction).
    """
    dl, d, du, b = map(as_value, (dl, d, du, b))
    same = dl.shape == d.shape == du.shape == b.shape[:-1]
    require(same, "tridiagonal_solve", "[.., n], [.., n], [.., n], [.., n, m]", dl, d, du, b)
    n, axis = d.shape[-1], d.ndim - 1
    zero, one = scalar_like(d, 0), scalar_like(d, 1)
    below = without_end(dl, axis, False)
    above = without_end(du, axis, True)
    by = 1
    while by < n:

        def near(x: Any, reverse: bool, fill: Any, by: int = by) -> Any:
            return shifted(x, axis, by, reverse, fill)

        left = Neg()(Div()(below, near(d, False, one)))
        right = Neg()(Div()(above, near(d, True, one)))
        d = Add()(
            d,
            Add()(Mul()(left, near(above, False, zero)), Mul()(right, near(below, True, zero))),
        )
        b = Add()(
            b,
            Add()(scaled_rows(near(b, False, zero), left), scaled_rows(near(b, True, zero), right)),
        )
        below = Mul()(left, near(below, False, zero))
        above = Mul()(right, near(above, True, zero))
        by *= 2
    return Div()(b, BroadcastInDim(b.shape, tuple(range(axis + 1)))(d))


def without_end(x: Any, axis: int, last: bool) -> Any:
    """Replace the first or last element of vectors by zero."""
    zero = scalar_like(x, 0)
    return shifted(shifted(x, axis, 1, not last, zero), axis, 1, last, zero)


def scaled_rows(x: Any, v: Any) -> Any:
    """Multiply row i of each matrix by v[i]."""
    return Mul()(x, columns_of(v, x))


def __getattr__(name: str) -> Any:
    if name.endswith("_p"):
        return getattr(primitives, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
