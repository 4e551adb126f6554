"""Cholesky factors and triangular systems."""

from __future__ import annotations

from math import prod
from typing import Any, final

import numpy as np

from gradax import kernel
from gradax.core.aval import Aval
from gradax.core.op import operation
from gradax.core.tangent import Zero, is_zero
from gradax.errors import require
from gradax.kernel.libraries import dtype_code
from gradax.lax.arithmetic import Add, Mul, Neg, scalar_like
from gradax.lax.families import check_same_dtype, tangent_like
from gradax.lax.matrices import (
    MatrixOp,
    as_complex,
    conjugate,
    conjugate_tensor,
    diagonal_mask,
    each_matrix,
    hermitian,
    is_complex,
    lower_triangle,
    mapped_first,
    matmul,
    real_part,
    transposed,
    upper_triangle,
    where,
)
from gradax.lax.shapes import Reshape, broadcast_scalar, move_batch_axis
from gradax.records import replace


@final
@operation
class Cholesky(MatrixOp):
    """The lower triangular L with L L^H = x, of x's lower triangle; NaN where x is not positive.

    Shapes: x: T[.., n, n] -> T[.., n, n].
    """

    def infer(self, *avals: Aval) -> Aval:
        (x,) = avals
        self.check(x, square=True)
        return x

    def jvp(self, primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
        factor = self(primals[0])
        # L^-1 dA L^-H, of which L^-1 dL is the lower half.
        right = TriangularSolve(False, True, True, True, False)(factor, hermitian(tangents[0]))
        both = TriangularSolve(True, True, False, False, False)(factor, right)
        half = broadcast_scalar(scalar_like(both, 0.5), both.shape)
        middle = Mul()(as_complex(real_part(both), both.dtype), half)
        phi = where(diagonal_mask(both.shape), middle, lower_triangle(both))
        return factor, matmul(factor, phi)

    def lower(self, *operands: kernel.Tensor) -> Any:
        (x,) = operands
        return self.call((x,), [(x.shape[-2:], x.dtype)], x.shape[-1])[0]

    def reference(self, *operands: Any) -> Any:
        x = np.asarray(operands[0])
        if x.size == 0:
            return x.copy()
        try:
            return np.linalg.cholesky(x)
        except np.linalg.LinAlgError:
            return each_matrix(factor_or_nan, (2,), x)[0]


def factor_or_nan(x: Any) -> tuple[Any]:
    """Return the Cholesky factor of one matrix, NaN where there is none."""
    try:
        return (np.linalg.cholesky(x),)
    except np.linalg.LinAlgError:
        return (np.tril(np.full_like(x, np.nan)),)


@final
@operation
class TriangularSolve(MatrixOp):
    """Solve op(a) x = b, or x op(a) = b, for triangular a.

    Shapes: a: T[.., n, n], b: T[.., n, m] (on the right side: T[.., m, n]) -> that of b.
    """

    left_side: bool
    is_lower: bool
    transpose_a: bool
    conjugate_a: bool
    unit_diagonal: bool

    def infer(self, *avals: Aval) -> Aval:
        a, b = avals
        check_same_dtype(self, a, b)
        self.check(a, square=True)
        self.check(b)
        n = b.shape[-2] if self.left_side else b.shape[-1]
        fits = a.shape[:-2] == b.shape[:-2] and a.shape[-1] == n
        require(fits, self, f"stacks of {n} by {n} matrices beside {b}", a)
        return b

    @property
    def params(self) -> dict[str, Any]:
        """The parameters, `is_lower` (the rule has the shorter name) as `lower`."""
        found = MatrixOp.params.__get__(self)
        found["lower"] = found.pop("is_lower")
        return found

    def jvp(self, primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
        (a, b), (da, db) = primals, tangents
        x = self(a, b)
        terms: list[Any] = [] if is_zero(db) else [db]
        if not is_zero(da):
            change = self.applied(self.triangle(da))
            moved = matmul(change, x) if self.left_side else matmul(x, change)
            terms.append(Neg()(moved))
        if not terms:
            return x, Zero(tangent_like(x))
        return x, self(a, terms[0] if len(terms) == 1 else Add()(*terms))

    def triangle(self, a: Any) -> Any:
        """Keep the part of `a` that is read."""
        if self.is_lower:
            return lower_triangle(a, -1 if self.unit_diagonal else 0)
        return upper_triangle(a, 1 if self.unit_diagonal else 0)

    def applied(self, a: Any) -> Any:
        """Return op(a)."""
        a = conjugate(a) if self.conjugate_a else a
        return transposed(a) if self.transpose_a else a

    def transpose(self, ct: Any, *operands: Any) -> Any:
        return None, replace(self, transpose_a=not self.transpose_a)(operands[0], ct)

    def batch(self, args: tuple[Any, ...], dims: tuple[int | None, ...]) -> Any:
        (a, b), (da, db) = args, dims
        if da is not None or b.ndim != 3:
            return self(*mapped_first(args, dims)), 0
        # One matrix for all: the mapped axis joins the columns (or the rows) of b.
        assert db is not None
        b = move_batch_axis(b, db, 1 if self.left_side else 0)
        shape = b.shape
        flat = (shape[0], shape[1] * shape[2])
        if not self.left_side:
            flat = (shape[0] * shape[1], shape[2])
        x = Reshape(shape)(self(a, Reshape(flat)(b)))
        return x, 1 if self.left_side else 0

    def lower(self, *operands: kernel.Tensor) -> Any:
        a, b = operands
        trans = int(self.transpose_a)
        if self.conjugate_a and is_complex(a.dtype):
            if self.transpose_a:
                trans = 2
            else:
                a = conjugate_tensor(a)
        stack = prod(b.shape[:-2])
        flat = [kernel.reshape(x, (stack, *x.shape[-2:])) for x in (a, b)]
        flags = (self.left_side, self.is_lower, trans, self.unit_diagonal)
        params = (dtype_code(b.dtype), stack, *b.shape[-2:], *flags)
        node = kernel.Library("trsm", flat, [(flat[1].shape, b.dtype)], params)
        return kernel.reshape(kernel.one_result(node), b.shape)

    def reference(self, *operands: Any) -> Any:
        a, b = map(np.asarray, operands)
        a = np.tril(a) if self.is_lower else np.triu(a)
        a = np.conj(a) if self.conjugate_a else a
        a = np.swapaxes(a, -1, -2) if self.transpose_a != (not self.left_side) else a
        b = b if self.left_side else np.swapaxes(b, -1, -2)
        forward = self.is_lower != (self.transpose_a != (not self.left_side))
        x = substitute(a, b, forward, self.unit_diagonal)
        return x if self.left_side else np.ascontiguousarray(np.swapaxes(x, -1, -2))


def substitute(a: Any, b: Any, forward: bool, unit: bool) -> Any:
    """Solve a x = b for lower (`forward`) or upper triangular stacks, row by row."""
    n = a.shape[-1]
    x = np.zeros_like(b)
    with np.errstate(all="ignore"):
        for i in range(n) if forward else reversed(range(n)):
            done = slice(0, i) if forward else slice(i + 1, n)
            row = b[..., i, :] - np.einsum("...k,...km->...m", a[..., i, done], x[..., done, :])
            x[..., i, :] = row if unit else row / a[..., i, i, None]
    return x
