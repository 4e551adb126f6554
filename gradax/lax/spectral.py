"""Eigenvalues and singular values."""

from __future__ import annotations

from typing import Any, final

import numpy as np

from gradax import kernel
from gradax.core.aval import Aval
from gradax.core.op import operation
from gradax.errors import require
from gradax.lax.arithmetic import Add, Div, Mul, Neg, Sub, scalar_like
from gradax.lax.comparison import Eq, SelectN
from gradax.lax.complex_parts import Complex, Imag, Real
from gradax.lax.creation import Iota
from gradax.lax.factorizations import Lu
from gradax.lax.gathering import take_along_axis
from gradax.lax.matrices import (
    I32,
    MatrixOp,
    adjoint,
    as_complex,
    columns_of,
    conjugate_tensor,
    diagonal,
    diagonal_mask,
    each_matrix,
    hermitian,
    is_complex,
    matmul,
    real_dtype,
    real_part,
    rows_of,
    scale_columns,
    scale_rows,
    transposed_tensor,
    where,
)
from gradax.lax.reductions import ArgMax
from gradax.lax.shapes import BroadcastInDim, ReduceSum, broadcast_scalar
from gradax.lax.solving import TriangularSolve


def inverse_off_diagonal(x: Any) -> Any:
    """Return 1 / x off the diagonal and 0 on it."""
    mask = diagonal_mask(x.shape)
    one = broadcast_scalar(scalar_like(x, 1), x.shape)
    return where(mask, 0, Div()(one, where(mask, 1, x)))


@final
@operation
class Eigh(MatrixOp):
    """Eigenvectors, in columns, and eigenvalues, ascending, of Hermitian matrices.

    Shapes: x: T[.., n, n], of which one triangle is read -> T[.., n, n], real[.., n].
    """

    is_lower: bool

    multiple_results = True

    def infer(self, *avals: Aval) -> tuple[Aval, ...]:
        (x,) = avals
        self.check(x, square=True)
        return x.strip_weak_type(), Aval(x.shape[:-1], real_dtype(x.dtype))

    def jvp(self, primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
        (x,), (dx,) = primals, tangents
        v, w = self(x)
        change = matmul(adjoint(v), matmul(hermitian(dx, self.is_lower), v))
        gaps = Sub()(rows_of(w, change), columns_of(w, change))
        turn = Mul()(change, as_complex(inverse_off_diagonal(gaps), change.dtype))
        return (v, w), (matmul(v, turn), real_part(diagonal(change)))

    def lower(self, *operands: kernel.Tensor) -> Any:
        (x,) = operands
        n = x.shape[-1]
        results = [((n, n), x.dtype), ((n,), real_dtype(x.dtype))]
        # The library reads rows as LAPACK's columns; transposed, LAPACK sees x, and signs alike.
        v, w = self.call((transposed_tensor(x),), results, n, int(not self.is_lower))
        return conjugate_tensor(v), w

    def reference(self, *operands: Any) -> Any:
        x = np.asarray(operands[0])
        try:
            w, v = np.linalg.eigh(x, UPLO="L" if self.is_lower else "U")
        except np.linalg.LinAlgError:
            return np.full_like(x, np.nan), np.full(x.shape[:-1], np.nan, real_dtype(x.dtype))
        return v, w

    def printed_params(self) -> dict[str, Any]:
        fixed = {"sort_eigenvalues": True, "subset_by_index": None}
        return {"algorithm": None, "lower": self.is_lower, **fixed}


@final
@operation
class Svd(MatrixOp):
    """Singular values, descending, and vectors: x = U diag(s) Vh.

    Shapes: x: T[.., m, n] -> real[.., k] and, with compute_uv, T[.., m, m or k], T[.., n or k, n];
        k = min(m, n).
    """

    full_matrices: bool
    compute_uv: bool

    multiple_results = True

    def sizes(self, x: Any) -> tuple[tuple[int, ...], ...]:
        """Return the shapes of the results for one matrix."""
        m, n = x.shape[-2:]
        k = min(m, n)
        if not self.compute_uv:
            return ((k,),)
        return ((k,), (m, m), (n, n)) if self.full_matrices else ((k,), (m, k), (k, n))

    def infer(self, *avals: Aval) -> tuple[Aval, ...]:
        (x,) = avals
        self.check(x)
        s, *vectors = self.sizes(x)
        stack = x.shape[:-2]
        values = Aval((*stack, *s), real_dtype(x.dtype))
        return values, *(Aval((*stack, *shape), x.dtype) for shape in vectors)

    def jvp(self, primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
        (x,), (dx,) = primals, tangents
        m, n = x.shape[-2:]
        if not self.compute_uv:
            s, u, vh = Svd(False, True)(x)
            change = matmul(matmul(adjoint(u), dx), adjoint(vh))
            return (s,), (real_part(diagonal(change)),)
        expected = "square matrices, or full_matrices=False, to differentiate"
        require(m == n or not self.full_matrices, self, expected, x.aval)
        s, u, vh = self(x)
        change = matmul(matmul(adjoint(u), dx), adjoint(vh))
        du, dv = svd_rotations(change, s)
        du, dv = matmul(u, du), matmul(adjoint(vh), dv)
        inverse = Div()(broadcast_scalar(scalar_like(s, 1), s.shape), s)
        if m > n:
            across = matmul(dx, adjoint(vh))
            outside = Sub()(across, matmul(u, change))
            du = Add()(du, scale_columns(outside, inverse))
        if n > m:
            across = matmul(adjoint(dx), u)
            outside = Sub()(across, matmul(adjoint(vh), adjoint(change)))
            dv = Add()(dv, scale_columns(outside, inverse))
        return (s, u, vh), (real_part(diagonal(change)), du, adjoint(dv))

    def lower(self, *operands: kernel.Tensor) -> Any:
        (x,) = operands
        m, n = x.shape[-2:]
        s, *vectors = self.sizes(x)
        results = [(s, real_dtype(x.dtype)), *((shape[::-1], x.dtype) for shape in vectors[::-1])]
        flags = (int(self.full_matrices), int(self.compute_uv))
        # The library reads rows as LAPACK's columns; transposed, LAPACK sees x, and signs alike.
        values, *found = self.call((transposed_tensor(x),), results, n, m, *flags)
        return values, *map(transposed_tensor, found[::-1])

    def reference(self, *operands: Any) -> Any:
        x = np.asarray(operands[0])
        try:
            if not self.compute_uv:
                return (np.linalg.svd(x, compute_uv=False),)
            u, s, vh = np.linalg.svd(x, full_matrices=self.full_matrices)
            return s, u, vh
        except np.linalg.LinAlgError:
            avals = self.infer(Aval(x.shape, x.dtype))
            return tuple(np.full(a.shape, np.nan, a.dtype) for a in avals)

    def printed_params(self) -> dict[str, Any]:
        return {"algorithm": None, **self.params, "subset_by_index": None}


def svd_rotations(change: Any, s: Any) -> tuple[Any, Any]:
    """Return U^H dU and V^H dV within the singular vectors, given U^H dX V."""
    right, left = rows_of(s, change), columns_of(s, change)
    gaps = Mul()(Add()(right, left), Sub()(right, left))
    factor = as_complex(inverse_off_diagonal(gaps), change.dtype)
    by_column, by_row = scale_columns(change, s), scale_rows(change, s)
    du = Mul()(factor, Add()(by_column, adjoint(by_column)))
    dv = Mul()(factor, Add()(by_row, adjoint(by_row)))
    if is_complex(change.dtype):
        # The phase of each pair of vectors is shared; let U turn.
        angle = Imag()(change)
        turn = Complex()(broadcast_scalar(scalar_like(angle, 0), angle.shape), angle)
        turn = Div()(turn, as_complex(right, change.dtype))
        du = where(diagonal_mask(du.shape), turn, du)
    return du, dv


@final
@operation
class Eig(MatrixOp):
    """Eigenvalues and, as asked, left and right eigenvectors in columns, of any square matrices.

    Shapes: x: T[.., n, n] -> complex[.., n] and up to two complex[.., n, n].
    The vectors have length 1 and a real largest component.
    """

    compute_left_eigenvectors: bool
    compute_right_eigenvectors: bool

    multiple_results = True

    def infer(self, *avals: Aval) -> tuple[Aval, ...]:
        (x,) = avals
        self.check(x, square=True)
        dtype = np.promote_types(x.dtype, np.complex64)
        n_vectors = self.compute_left_eigenvectors + self.compute_right_eigenvectors
        return (Aval(x.shape[:-1], dtype), *[Aval(x.shape, dtype)] * n_vectors)

    def jvp(self, primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
        (x,), (dx,) = primals, tangents
        w, left, right = Eig(True, True)(x)
        dx = as_complex(dx, w.dtype)
        change = solve(right, matmul(dx, right))
        dw = diagonal(change)
        outs, douts = [w], [dw]
        if self.compute_left_eigenvectors:
            mirrored = solve(left, matmul(adjoint(dx), left))
            conjugate_w = Complex()(Real()(w), Neg()(Imag()(w)))
            outs.append(left)
            douts.append(turned(left, mirrored, conjugate_w))
        if self.compute_right_eigenvectors:
            outs.append(right)
            douts.append(turned(right, change, w))
        return tuple(outs), tuple(douts)

    def lower(self, *operands: kernel.Tensor) -> Any:
        (x,) = operands
        flags = (int(self.compute_left_eigenvectors), int(self.compute_right_eigenvectors))
        dtype = np.promote_types(x.dtype, np.complex64)
        n = x.shape[-1]
        results: list[Any] = [((n,), dtype), *[((n, n), dtype)] * sum(flags)]
        return self.call((x,), results, n, *flags)

    def reference(self, *operands: Any) -> Any:
        x = np.asarray(operands[0])
        avals = self.infer(Aval(x.shape, x.dtype))
        if x.size == 0:
            return tuple(np.zeros(a.shape, a.dtype) for a in avals)
        found = each_matrix(self.decompose, (2,), x)
        return tuple(f.astype(a.dtype) for f, a in zip(found, avals, strict=True))

    def decompose(self, x: Any) -> tuple[Any, ...]:
        """Decompose one matrix with SciPy."""
        from scipy.linalg import eig

        left, right = self.compute_left_eigenvectors, self.compute_right_eigenvectors
        if not np.all(np.isfinite(x)):
            return tuple(
                np.full(a.shape, np.nan, a.dtype) for a in self.infer(Aval(x.shape, x.dtype))
            )
        found = eig(x, left=left, right=right)
        return tuple(found) if left or right else (found,)

    def printed_params(self) -> dict[str, Any]:
        return {**self.params, "enable_eigvec_derivs": False, "implementation": None}


def solve(a: Any, b: Any) -> Any:
    """Solve a x = b for general square matrices."""
    factors, _, permutation = Lu()(a)
    order = BroadcastInDim(b.shape, tuple(range(b.ndim - 1)))(permutation)
    moved = take_along_axis(b, order, b.ndim - 2)
    half = TriangularSolve(True, True, False, False, True)(factors, moved)
    return TriangularSolve(True, False, False, False, False)(factors, half)


def turned(v: Any, change: Any, w: Any) -> Any:
    """Return the tangent of eigenvectors of length 1 whose largest component stays real."""
    gaps = Sub()(rows_of(w, change), columns_of(w, change))
    dv = matmul(v, Mul()(change, inverse_off_diagonal(gaps)))
    rows = v.ndim - 2

    def dot(x: Any, y: Any) -> Any:
        return ReduceSum((rows,))(Mul()(x, y))

    re, im, dre, dim = Real()(v), Imag()(v), Real()(dv), Imag()(dv)
    growth = Add()(dot(re, dre), dot(im, dim))
    size = Add()(Mul()(re, re), Mul()(im, im))
    largest = ArgMax((rows,), I32)(size)
    places = Iota(I32, v.shape, rows)()
    at = Eq()(places, BroadcastInDim(v.shape, (*range(rows), rows + 1))(largest))
    zero = broadcast_scalar(scalar_like(re, 0), v.shape)
    twist = Div()(
        ReduceSum((rows,))(SelectN()(at, zero, dim)), ReduceSum((rows,))(SelectN()(at, zero, re))
    )
    return Sub()(dv, scale_columns(v, Complex()(growth, twist)))
