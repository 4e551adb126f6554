"""Linear algebra: `jax.numpy.linalg`'s names."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from gradax import dtypes
from gradax.errors import ArgumentError, ShapeError, at_user_line
from gradax.lax import linalg as lax_linalg
from gradax.lax.arithmetic import Mul
from gradax.lax.creation import Iota
from gradax.lax.elementary import Sqrt
from gradax.lax.shapes import broadcast_scalar
from gradax.numpy.arithmetic import absolute, conjugate, constant, real, sign
from gradax.numpy.axes import canonical_axes, canonical_axis, static_int
from gradax.numpy.creation import asarray
from gradax.numpy.elementary import log
from gradax.numpy.factorizations import EighResult as EighResult
from gradax.numpy.factorizations import EigResult as EigResult
from gradax.numpy.factorizations import QRResult as QRResult
from gradax.numpy.factorizations import SVDResult as SVDResult
from gradax.numpy.factorizations import cholesky as cholesky
from gradax.numpy.factorizations import eig as eig
from gradax.numpy.factorizations import eigh as eigh
from gradax.numpy.factorizations import eigvals as eigvals
from gradax.numpy.factorizations import eigvalsh as eigvalsh
from gradax.numpy.factorizations import floats, matrices
from gradax.numpy.factorizations import qr as qr
from gradax.numpy.factorizations import svd as svd
from gradax.numpy.factorizations import svdvals as svdvals
from gradax.numpy.indexing import index
from gradax.numpy.joining import stack
from gradax.numpy.logic import where_select
from gradax.numpy.one_program import one_program
from gradax.numpy.products import cross as cross_of
from gradax.numpy.products import matmul as matmul
from gradax.numpy.products import multi_dot as multi_dot
from gradax.numpy.products import outer as outer_of
from gradax.numpy.products import tensordot as tensordot
from gradax.numpy.products import trace as trace_of
from gradax.numpy.products import vecdot as vecdot
from gradax.numpy.promotion import (
    COMPLEX,
    broadcast,
    broadcast_shape,
    convert,
    operand,
    operands,
    promote_dtypes,
)
from gradax.numpy.ranges import diagonal as diagonal_of
from gradax.numpy.ranges import eye
from gradax.numpy.reductions import kept, max, min, prod, sum
from gradax.numpy.shaping import expand_dims, moveaxis, reshaped, squeeze, swapaxes, transposed
from gradax.numpy.shaping import matrix_transpose as matrix_transpose
from gradax.numpy.taking import take_along_axis


class SlogdetResult(NamedTuple):
    """The sign and the logarithm of the magnitude of a determinant."""

    sign: Any
    logabsdet: Any


@one_program()
def det(a: Any) -> Any:
    """Return the determinant of square matrices; small ones by the formula."""
    x = matrices("det", a, square=True)
    n = x.shape[-1]
    if n == 1:
        return index(x, (..., 0, 0))
    if n == 2:
        return minor(x, 0, 1, 0, 1)
    if n == 3:
        return sum(stack([index(x, (..., 0, j)) * cofactor(x, j) for j in range(3)]), 0)
    factors, pivots, _ = lax_linalg.lu(x)
    return product_of_diagonal(factors) * parity(pivots, x.dtype)


def minor(x: Any, i: int, j: int, k: int, m: int) -> Any:
    """Return the determinant of rows i, j and columns k, m."""
    first = index(x, (..., i, k)) * index(x, (..., j, m))
    return first - index(x, (..., i, m)) * index(x, (..., j, k))


def cofactor(x: Any, j: int) -> Any:
    """Return the cofactor of an element of the first row of 3 x 3 matrices."""
    k, m = [c for c in range(3) if c != j]
    return minor(x, 1, 2, k, m) * (-1.0 if j == 1 else 1.0)


def product_of_diagonal(x: Any) -> Any:
    """Return the product of the diagonals."""
    return prod(diagonal_of(x, 0, -2, -1), -1)


def parity(pivots: Any, dtype: Any) -> Any:
    """Return the sign of the permutation that exchanges of rows make."""
    n_swaps = sum(pivots != Iota(np.dtype(np.int32), pivots.shape[-1:], 0)(), -1)
    return 1 - 2 * convert(n_swaps % 2, dtype)


@one_program("method")
def slogdet(a: Any, *, method: str | None = None) -> SlogdetResult:
    """Return the sign of the determinant and the logarithm of its magnitude."""
    if method not in (None, "lu", "qr"):
        raise ArgumentError(f"slogdet: method is 'lu' or 'qr', got {method!r}{at_user_line()}")
    x = matrices("slogdet", a, square=True)
    factors, pivots, _ = lax_linalg.lu(x)
    d = diagonal_of(factors, 0, -2, -1)
    is_singular = (d == 0).any(-1)
    signs = prod(sign(d), -1) * parity(pivots, x.dtype)
    signs = where_select(is_singular, constant(0, signs), signs)
    logs = sum(log(absolute(d)), -1)
    return SlogdetResult(signs, where_select(is_singular, constant(-math.inf, logs), logs))


@one_program()
def solve(a: Any, b: Any) -> Any:
    """Solve a x = b for stacks of square matrices; `b` is a vector or has columns.

    Errors: ValueError unless a is square and fits b.
    """
    a, b = promote_dtypes(*operands("solve", a, b), inexact=True)
    if a.ndim < 2 or a.shape[-1] != a.shape[-2]:
        raise ArgumentError(f"solve: expected square matrices, got {a.shape}{at_user_line()}")
    is_vector = b.ndim == 1
    b = expand_dims(b, -1) if is_vector else b
    if b.ndim < 2 or b.shape[-2] != a.shape[-1]:
        raise ArgumentError(
            f"Incompatible shapes for solve: got {a.shape} and {b.shape}{at_user_line()}"
        )
    batch = broadcast_shape("solve", a.shape[:-2], b.shape[:-2])
    a, b = (broadcast(v, (*batch, *v.shape[-2:])) for v in (a, b))
    x = solve_by_lu(a, b)
    return squeeze(x, -1) if is_vector else x


def solve_by_lu(a: Any, b: Any) -> Any:
    """Solve by a factorization, whose derivative is that of the solution."""
    factors, _, permutation = lax_linalg.lu(a)
    rows = expand_dims(permutation, -1)
    b = take_along_axis(b, broadcast(rows, b.shape), -2)
    y = lax_linalg.triangular_solve(factors, b, left_side=True, lower=True, unit_diagonal=True)
    return lax_linalg.triangular_solve(factors, y, left_side=True, lower=False)


@one_program()
def inv(a: Any) -> Any:
    """Return the inverse of square matrices. Errors: ValueError unless they are square."""
    x = matrices("inv", a, square=True)
    return solve(x, broadcast(eye(x.shape[-1], dtype=x.dtype), x.shape))


@one_program("rtol", "hermitian", "rcond")
def pinv(
    a: Any,
    rtol: Any = None,
    hermitian: bool = False,
    *,
    rcond: Any = None,
) -> Any:
    """Return the pseudo-inverse; singular values up to rtol times the largest count as zero."""
    x = matrices("pinv", a)
    rtol = rcond if rtol is None else rtol
    if rtol is None:
        rtol = 10.0 * builtin_max(*x.shape[-2:]) * float(dtypes.finfo(x.dtype).eps)
    u, s, vh = svd(x, full_matrices=False, hermitian=hermitian)
    cutoff = expand_dims(asarray(rtol, dtype=s.dtype), -1) * max(s, -1, keepdims=True, initial=0)
    inverse = where_select(s > cutoff, 1 / where_select(s > cutoff, s, 1.0), 0.0)
    left = swapaxes(conjugate(vh), -1, -2) * expand_dims(convert(inverse, x.dtype), -2)
    return matmul(left, swapaxes(conjugate(u), -1, -2))


def builtin_max(a: int, b: int) -> int:
    """Return the larger of two integers."""
    return a if a > b else b


@one_program("rcond", "numpy_resid")
def lstsq(a: Any, b: Any, rcond: Any = None, *, numpy_resid: bool = False) -> Any:
    """Return the least squares solution of a x = b, residuals, rank and singular values."""
    a, b = promote_dtypes(*operands("lstsq", a, b), inexact=True)
    if a.ndim != 2 or b.ndim not in (1, 2) or a.shape[0] != b.shape[0]:
        raise ArgumentError(
            f"Incompatible shapes for lstsq: got {a.shape} and {b.shape}{at_user_line()}"
        )
    is_vector = b.ndim == 1
    b = expand_dims(b, -1) if is_vector else b
    m, n = a.shape
    if rcond is None:
        rcond = float(dtypes.finfo(a.dtype).eps) * builtin_max(m, n)
    u, s, vh = svd(a, full_matrices=False)
    mask = (s > 0) & (s >= rcond * index(s, 0)) if s.shape[0] else s > 0
    rank = sum(mask)
    inverse = convert(where_select(mask, 1 / where_select(mask, s, 1.0), 0.0), a.dtype)
    projected = matmul(swapaxes(conjugate(u), -1, -2), b)
    x = matmul(swapaxes(conjugate(vh), -1, -2), expand_dims(inverse, -1) * projected)
    residual = b - matmul(a, x)
    squares = sum(real(residual * conjugate(residual)), 0)
    if numpy_resid and (m <= n or int(rank) < n):
        squares = index(squares, slice(0, 0))
    return (squeeze(x, -1) if is_vector else x), squares, rank, s


@one_program("n")
def matrix_power(a: Any, n: int) -> Any:
    """Raise square matrices to an integer power, negative ones by the inverse."""
    x = operand("matrix_power", a)
    if x.ndim < 2 or x.shape[-1] != x.shape[-2]:
        raise ShapeError(f"matrix_power: expected square matrices, got {x.shape}{at_user_line()}")
    n = static_int("matrix_power", n, "n")
    if n < 0:
        x, n = inv(x), -n
    out = None
    while n:
        if n & 1:
            out = x if out is None else matmul(out, x)
        n >>= 1
        x = matmul(x, x) if n else x
    return broadcast(eye(x.shape[-1], dtype=x.dtype), x.shape) if out is None else out


@one_program("rtol", "hermitian", "tol")
def matrix_rank(M: Any, rtol: Any = None, *, hermitian: bool = False, tol: Any = None) -> Any:
    """Return how many singular values exceed rtol times the largest."""
    x = floats("matrix_rank", M)
    if x.ndim < 2:
        return (x != 0).any().astype(int)
    s = svd(x, compute_uv=False, hermitian=hermitian)
    rtol = tol if rtol is None else rtol
    if rtol is None:
        rtol = builtin_max(*x.shape[-2:]) * float(dtypes.finfo(s.dtype).eps)
    cutoff = max(s, -1) * rtol
    return sum(s > expand_dims(cutoff, -1), -1)


@one_program("ord", "axis", "keepdims")
def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    """Return the norm of vectors (one axis) or matrices (two axes); by default of all elements.

    Errors: ValueError for an order that the norm has not.
    """
    v = floats("norm", x)
    if axis is None and ord is None:
        out = root_of_squares(v, tuple(range(v.ndim)))
        return broadcast_scalar(out, (1,) * v.ndim) if keepdims else out
    axes = canonical_axes("norm", axis, v.ndim)
    if len(axes) == 1:
        return vector_norm_of(v, 2 if ord is None else ord, axes, keepdims)
    if len(axes) == 2:
        return matrix_norm_of(v, ord, axes, keepdims)
    raise ArgumentError(f"norm: expected 1 or 2 axes, got {len(axes)}{at_user_line()}")


def root_of_squares(x: Any, axes: tuple[int, ...], keepdims: bool = False) -> Any:
    """Return the square root of the sum of the squares of magnitudes."""
    squares = real(Mul()(x, conjugate(x))) if x.dtype in COMPLEX else Mul()(x, x)
    return Sqrt()(sum(squares, axes, keepdims=keepdims))


def vector_norm_of(x: Any, ord: Any, axes: tuple[int, ...], keepdims: bool) -> Any:
    """Return the norm of vectors in one or more axes."""
    if isinstance(ord, str):
        raise ArgumentError(f"norm: the order {ord!r} is none of vectors{at_user_line()}")
    if ord == 2:
        return root_of_squares(x, axes, keepdims)
    size = absolute(x)
    if ord == math.inf:
        return max(size, axes, keepdims=keepdims)
    if ord == -math.inf:
        return min(size, axes, keepdims=keepdims)
    if ord == 0:
        return sum(convert(x != 0, size.dtype), axes, keepdims=keepdims)
    if ord == 1:
        return sum(size, axes, keepdims=keepdims)
    total = sum(size**ord, axes, keepdims=keepdims)
    return total ** (1.0 / ord)


def matrix_norm_of(x: Any, ord: Any, axes: tuple[int, ...], keepdims: bool) -> Any:
    """Return the norm of matrices in two axes."""
    row, column = axes
    if ord in (None, "f", "fro"):
        return root_of_squares(x, tuple(sorted(axes)), keepdims)
    if ord in (1, -1, math.inf, -math.inf):
        inner, outer = (row, column) if ord in (1, -1) else (column, row)
        sums = sum(absolute(x), inner, keepdims=True)
        out = (max if ord > 0 else min)(sums, outer, keepdims=True)
    elif ord in (2, -2, "nuc"):
        s = svd(moveaxis(x, axes, (-2, -1)), compute_uv=False)
        out = sum(s, -1) if ord == "nuc" else (max if ord > 0 else min)(s, -1)
        return kept(out, x.shape, tuple(sorted(axes))) if keepdims else out
    else:
        raise ArgumentError(f"norm: the order {ord!r} is none of matrices{at_user_line()}")
    return out if keepdims else squeeze(out, axes)


@one_program("axis", "keepdims", "ord")
def vector_norm(x: Any, /, *, axis: Any = None, keepdims: bool = False, ord: Any = 2) -> Any:
    """Return the norm of vectors in the axes, by default of all elements."""
    v = floats("vector_norm", x)
    axes = canonical_axes("vector_norm", axis, v.ndim)
    return vector_norm_of(v, ord, tuple(sorted(axes)), keepdims)


@one_program("keepdims", "ord")
def matrix_norm(x: Any, /, *, keepdims: bool = False, ord: Any = "fro") -> Any:
    """Return the norm of the matrices in the last two axes."""
    v = matrices("matrix_norm", x)
    return matrix_norm_of(v, ord, (v.ndim - 2, v.ndim - 1), keepdims)


@one_program("p")
def cond(x: Any, p: Any = None) -> Any:
    """Return the condition number, by the norm `p`, 2 unless given."""
    v = matrices("cond", x)
    if p in (None, 2, -2):
        s = svd(v, compute_uv=False)
        first, last = index(s, (..., 0)), index(s, (..., -1))
        return last / first if p == -2 else first / last
    axes = (-2, -1)
    out = norm(v, p, axes) * norm(inv(v), p, axes)
    bad = (out != out) & ~(v != v).any(axes)
    return where_select(bad, math.inf, out)


def tensorinv(a: Any, ind: int = 2) -> Any:
    """Return the inverse of an array as the operator of a tensordot over its first `ind` axes."""
    x = operand("tensorinv", a)
    n = static_int("tensorinv", ind, "ind")
    if n <= 0:
        raise ArgumentError(f"tensorinv: expected a positive ind, got {n}{at_user_line()}")
    first, rest = x.shape[:n], x.shape[n:]
    return reshaped(inv(reshaped(x, (math.prod(first), math.prod(rest)))), (*rest, *first))


def tensorsolve(a: Any, b: Any, axes: Sequence[int] | None = None) -> Any:
    """Solve tensordot(a, x, x.ndim) = b."""
    x, y = operands("tensorsolve", a, b)
    if axes is not None:
        moved = [canonical_axis("tensorsolve", i, x.ndim) for i in axes]
        x = transposed(x, (*(i for i in range(x.ndim) if i not in moved), *moved))
    shape = x.shape[y.ndim :]
    n = math.prod(shape)
    if n != math.prod(x.shape[: y.ndim]):
        raise ArgumentError(f"tensorsolve: shape {x.shape} is not square{at_user_line()}")
    return reshaped(solve(reshaped(x, (n, n)), reshaped(y, (y.size,))), shape)


@one_program("axis")
def cross(x1: Any, x2: Any, /, *, axis: int = -1) -> Any:
    """Return the cross product of vectors of 3 elements."""
    x, y = operands("cross", x1, x2)
    if x.shape[axis] != 3 or y.shape[axis] != 3:
        raise ArgumentError(f"cross: expected vectors of 3 elements, got {x.shape}, {y.shape}")
    return cross_of(x, y, axis=axis)


@one_program()
def outer(x1: Any, x2: Any, /) -> Any:
    """Return the matrix of the products of two vectors' elements."""
    x, y = operands("outer", x1, x2)
    if x.ndim != 1 or y.ndim != 1:
        raise ArgumentError(f"outer: expected vectors, got shapes {x.shape} and {y.shape}")
    return outer_of(x, y)


def diagonal(x: Any, /, *, offset: int = 0) -> Any:
    """Return the diagonals of the matrices in the last two axes."""
    return diagonal_of(x, offset, -2, -1)


def trace(x: Any, /, *, offset: int = 0, dtype: Any = None) -> Any:
    """Return the sums of the diagonals of the matrices in the last two axes."""
    return trace_of(x, offset, -2, -1, dtype)
