"""LU and QR factors."""

from __future__ import annotations

from typing import Any, final

import numpy as np

from gradax import kernel
from gradax.core.aval import Aval
from gradax.core.op import Op, operation
from gradax.core.staging import stage
from gradax.core.tangent import Zero
from gradax.errors import require
from gradax.lax.arithmetic import Add, Sub, scalar_like
from gradax.lax.comparison import Eq, SelectN
from gradax.lax.complex_parts import Complex, Imag
from gradax.lax.creation import Iota
from gradax.lax.families import tangent_like
from gradax.lax.gathering import take_along_axis
from gradax.lax.joining import Concatenate
from gradax.lax.matrices import (
    I32,
    MatrixOp,
    adjoint,
    diagonal_mask,
    each_matrix,
    identity_like,
    is_complex,
    lower_triangle,
    mapped_first,
    matmul,
    upper_triangle,
    where,
)
from gradax.lax.shapes import BroadcastInDim, ReduceSum, broadcast_scalar
from gradax.lax.slicing import Pad, Slice
from gradax.lax.solving import TriangularSolve


@final
@operation
class Lu(MatrixOp):
    """P x = L U by rows exchanged for the largest pivots.

    Shapes: x: T[.., m, n] -> L (unit diagonal, not stored) and U in one T[.., m, n], pivots
        int32[.., min(m, n)] (row i was exchanged with pivots[i]), permutation int32[.., m].
    """

    multiple_results = True

    def infer(self, *avals: Aval) -> tuple[Aval, ...]:
        (x,) = avals
        self.check(x)
        m, n = x.shape[-2:]
        stack = x.shape[:-2]
        return x, Aval((*stack, min(m, n)), I32), Aval((*stack, m), I32)

    def jvp(self, primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
        (x,), (dx,) = primals, tangents
        factors, pivots, permutation = self(x)
        m, n = x.shape[-2:]
        k = min(m, n)
        lower = padded(lower_triangle(columns(factors, k), -1), 0, m - k)
        lower = Add()(lower, identity_like(lower))
        upper = padded(upper_triangle(rows(factors, k)), n - k, 0)
        rest = padded(identity_like(padded_corner(upper, n - k)), k, k, before=True)
        upper = Add()(upper, rest) if n > k else upper
        order = BroadcastInDim(x.shape, tuple(range(x.ndim - 1)))(permutation)
        moved = take_along_axis(dx, order, x.ndim - 2)
        half = TriangularSolve(True, True, False, False, True)(lower, moved)
        both = TriangularSolve(False, False, False, False, False)(upper, half)
        change = Add()(matmul(lower, lower_triangle(both, -1)), matmul(upper_triangle(both), upper))
        none = tuple(Zero(tangent_like(p)) for p in (pivots, permutation))
        return (factors, pivots, permutation), (change, *none)

    def lower(self, *operands: kernel.Tensor) -> Any:
        (x,) = operands
        m, n = x.shape[-2:]
        results = [((m, n), x.dtype), ((min(m, n),), I32), ((m,), I32)]
        return self.call((x,), results, m, n)

    def reference(self, *operands: Any) -> Any:
        (x,) = map(np.asarray, operands)
        if 0 in x.shape[:-2]:
            avals = self.infer(Aval(x.shape, x.dtype))
            return tuple(np.zeros(a.shape, a.dtype) for a in avals)
        return tuple(each_matrix(eliminate, (2,), x))


def eliminate(x: Any) -> tuple[Any, Any, Any]:
    """Factor one matrix with partial pivoting."""
    x = x.copy()
    m, n = x.shape
    pivots, permutation = np.zeros(min(m, n), I32), np.arange(m, dtype=I32)
    size = np.abs if x.dtype.kind == "f" else lambda c: np.abs(c.real) + np.abs(c.imag)
    with np.errstate(all="ignore"):
        for k in range(min(m, n)):
            p = pivots[k] = k + int(np.argmax(size(x[k:, k])))
            x[[k, p]] = x[[p, k]]
            permutation[[k, p]] = permutation[[p, k]]
            if x[k, k] != 0:
                x[k + 1 :, k] /= x[k, k]
                x[k + 1 :, k + 1 :] -= np.outer(x[k + 1 :, k], x[k, k + 1 :])
    return x, pivots, permutation


def columns(x: Any, stop: int, start: int = 0) -> Any:
    """Return columns start … stop - 1 of stacked matrices."""
    first = (*(0 for _ in x.shape[:-1]), start)
    return Slice(first, (*x.shape[:-1], stop))(x)


def rows(x: Any, stop: int) -> Any:
    """Return the first rows of stacked matrices."""
    return Slice((0,) * x.ndim, (*x.shape[:-2], stop, x.shape[-1]))(x)


def padded(x: Any, n_rows: int, n_columns: int, before: bool = False) -> Any:
    """Put rows and columns of zeros after (or before) those of stacked matrices."""
    sizes = [(n, 0, 0) if before else (0, n, 0) for n in (n_rows, n_columns)]
    config = (*((0, 0, 0) for _ in x.shape[:-2]), *sizes)
    return Pad(config)(x, scalar_like(x, 0))


def padded_corner(x: Any, n: int) -> Any:
    """Return the first n rows and columns of stacked matrices."""
    return columns(rows(x, n), n)


@final
@operation
class LuPivotsToPermutation(Op):
    """Turn exchanges of rows into a permutation: out[i] is the row that comes to place i.

    Shapes: pivots: int32[.., k] -> int32[.., permutation_size].
    """

    permutation_size: int

    def infer(self, *avals: Aval) -> Aval:
        (x,) = avals
        require(x.dtype == I32, self, "int32 pivots", x)
        fits = x.ndim >= 1 and x.shape[-1] <= self.permutation_size
        require(fits, self, f"at most {self.permutation_size} pivots", x)
        return Aval((*x.shape[:-1], self.permutation_size), I32)

    def jvp(self, primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
        out = self(*primals)
        return out, Zero(tangent_like(out))

    def batch(self, args: tuple[Any, ...], dims: tuple[int | None, ...]) -> Any:
        return self(*mapped_first(args, dims)), 0

    def lower(self, *operands: kernel.Tensor) -> Any:
        (pivots,) = operands
        *stack, k = pivots.shape
        n = self.permutation_size
        size = pivots.size // k if k else 1
        shape = (*stack, n)
        last = kernel.index(len(stack))
        start = kernel.compute(
            (size, n) if k else shape, lambda *i: kernel.convert(i[-1] if k else last, np.int32)
        )
        if k == 0:
            return start
        flat = kernel.reshape(pivots, (size, k))
        steps = kernel.compute((k, size), lambda i, b: flat[b, i])
        numbers = kernel.compute((k,), lambda i: kernel.convert(i, np.int32))
        avals = [Aval((size, n), I32), Aval((), I32), Aval((size,), I32)]
        body = stage(exchange, avals, "exchange").jaxpr
        node = kernel.Program(
            "for", (body,), (start, numbers, steps), [((size, n), I32)], (k, 0, 0, 1)
        )
        return kernel.reshape(kernel.one_result(node), shape)

    def reference(self, *operands: Any) -> Any:
        pivots = np.asarray(operands[0])
        stack = pivots.shape[:-1]
        out = np.broadcast_to(
            np.arange(self.permutation_size, dtype=I32), (*stack, self.permutation_size)
        ).copy()
        for place in np.ndindex(*stack):
            for i, p in enumerate(pivots[place]):
                out[place][[i, p]] = out[place][[p, i]]
        return out


def exchange(order: Any, i: Any, pivots: Any) -> tuple[Any]:
    """Exchange the entries i and pivots[b] of each row b."""
    places = Iota(I32, order.shape, 1)()
    zero = broadcast_scalar(np.zeros((), I32), order.shape)
    here = Eq()(places, broadcast_scalar(i, order.shape))
    there = Eq()(places, BroadcastInDim(order.shape, (0,))(pivots))

    def entry(mask: Any) -> Any:
        found = ReduceSum((1,))(SelectN()(mask, zero, order))
        return BroadcastInDim(order.shape, (0,))(found)

    return (SelectN()(there, SelectN()(here, order, entry(there)), entry(here)),)


@final
@operation
class Qr(MatrixOp):
    """x = Q R with orthonormal columns in Q and R upper triangular, as LAPACK signs them.

    Shapes: x: T[.., m, n] -> T[.., m, k], T[.., k, n]; k = m if full_matrices else min(m, n).
    """

    full_matrices: bool

    multiple_results = True

    def sizes(self, x: Any) -> tuple[int, int, int]:
        """Return m, n, k."""
        m, n = x.shape[-2:]
        return m, n, m if self.full_matrices else min(m, n)

    def infer(self, *avals: Aval) -> tuple[Aval, ...]:
        (x,) = avals
        self.check(x)
        m, n, k = self.sizes(x)
        stack = x.shape[:-2]
        return Aval((*stack, m, k), x.dtype), Aval((*stack, k, n), x.dtype)

    def jvp(self, primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
        (x,), (dx,) = primals, tangents
        _, n, k = self.sizes(x)
        expected = "at least as many columns as rows, or full_matrices=False, to differentiate"
        require(k <= n, self, expected, x.aval)
        q, r = self(x)
        # The first k columns of x have the same Q and a square R.
        moved = TriangularSolve(False, False, False, False, False)(columns(r, k), columns(dx, k))
        change = matmul(adjoint(q), moved)
        below = lower_triangle(change, -1)
        turn = Sub()(below, adjoint(below))
        if is_complex(x.dtype):
            angle = Imag()(change)
            angle = Complex()(broadcast_scalar(scalar_like(angle, 0), angle.shape), angle)
            turn = where(diagonal_mask(turn.shape), angle, turn)
        dq = Add()(matmul(q, Sub()(turn, change)), moved)
        dr = matmul(Sub()(change, turn), columns(r, k))
        if n > k:
            # The other columns: dR = Q^H dX - (Q^H dQ) R, where k = m and Q is square.
            after = matmul(adjoint(q), columns(dx, n, k))
            after = Sub()(after, matmul(turn, columns(r, n, k)))
            dr = Concatenate(x.ndim - 1)(dr, after)
        return (q, r), (dq, dr)

    def lower(self, *operands: kernel.Tensor) -> Any:
        (x,) = operands
        m, n, k = self.sizes(x)
        results = [((m, k), x.dtype), ((k, n), x.dtype)]
        return self.call((x,), results, m, n, int(self.full_matrices), 1)

    def reference(self, *operands: Any) -> Any:
        x = np.asarray(operands[0])
        return tuple(np.linalg.qr(x, mode="complete" if self.full_matrices else "reduced"))

    def printed_params(self) -> dict[str, Any]:
        return {"full_matrices": self.full_matrices, "pivoting": False, "use_magma": None}
