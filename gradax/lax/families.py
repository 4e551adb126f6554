"""Families of operations: the rules that many share.

A member states only what is its own: the kernel function, the NumPy function, the derivative.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import copy_context
from typing import Any, ClassVar

import numpy as np

from gradax import dtypes, kernel
from gradax.core.aval import Aval
from gradax.core.op import Op
from gradax.core.tangent import Zero, is_linear, is_zero
from gradax.errors import DtypeError, ShapeError, at_user_line
from gradax.lax.shapes import BroadcastInDim, broadcast_scalar, move_batch_axis, sum_to_scalar

ANY = "any"
NUMBER = "number"
INEXACT = "inexact"
REAL = "real"
FLOAT = "float"
COMPLEX = "complex"
INTEGER = "integer"
BITS = "integer or bool"
BOOL_DTYPE = np.dtype(np.bool_)

_KINDS: dict[str, Callable[[Any], bool]] = {
    ANY: lambda d: True,
    NUMBER: lambda d: dtypes.issubdtype(d, np.number),
    INEXACT: lambda d: dtypes.issubdtype(d, np.inexact),
    REAL: lambda d: not dtypes.is_extended(d) and not dtypes.issubdtype(d, np.complexfloating),
    FLOAT: lambda d: dtypes.issubdtype(d, np.floating),
    COMPLEX: lambda d: dtypes.issubdtype(d, np.complexfloating),
    INTEGER: lambda d: dtypes.issubdtype(d, np.integer),
    BITS: lambda d: dtypes.issubdtype(d, np.integer) or d == BOOL_DTYPE,
}


def check_dtype(op: Op, accepts: str, *avals: Aval) -> None:
    """Raise a DtypeError unless each aval's dtype is of the accepted kind."""
    for aval in avals:
        if not _KINDS[accepts](aval.dtype):
            raise DtypeError(
                f"{op.name} accepts {accepts} dtypes; got {aval.dtype.name}{at_user_line()}"
            )


# A copy of a context in which NumPy does not warn is entered in a tenth of the time of np.errstate.
_silent = copy_context()
_silent.run(np.seterr, all="ignore")


def quiet(compute: Callable[..., Any]) -> Callable[..., Any]:
    """Run a NumPy function without its floating-point warnings."""

    def run(*args: Any) -> Any:
        return _silent.copy().run(compute, *args)

    return run


def batch_elementwise(op: Op, args: tuple[Any, ...], dims: tuple[int | None, ...]) -> Any:
    """Map an operation whose operands have one shape or rank 0."""
    mapped = [(x, d) for x, d in zip(args, dims, strict=True) if d is not None]
    first, dim = mapped[0]
    is_aligned = all(x.shape == first.shape and d == dim for x, d in mapped)
    others = [x for x, d in zip(args, dims, strict=True) if d is None]
    if is_aligned and all(np.ndim(x) == 0 for x in others):
        return op(*args), dim
    size = first.shape[dim]
    shapes = [
        np.shape(x) if d is None else (*x.shape[:d], *x.shape[d + 1 :])
        for x, d in zip(args, dims, strict=True)
    ]
    shape = next((s for s in shapes if s), ())
    return op(*(aligned(x, d, size, shape) for x, d in zip(args, dims, strict=True))), 0


def aligned(x: Any, dim: int | None, size: int, shape: tuple[int, ...]) -> Any:
    """Return an operand with the mapped axis first and all of `shape` behind it."""
    if dim is None:
        if np.ndim(x) == 0:
            return x
        return BroadcastInDim((size, *shape), tuple(range(1, len(shape) + 1)))(x)
    if x.ndim == 1 and shape:
        return BroadcastInDim((size, *shape), (0,))(x)
    return move_batch_axis(x, dim, 0)


class Elementwise(Op):
    """Operands of one shape (or rank 0), a result of that shape."""

    fn: ClassVar[str]
    numpy: ClassVar[Callable[..., Any]]
    accepts: ClassVar[str] = NUMBER

    def infer(self, *avals: Aval) -> Aval:
        """Check that dtypes are equal and shapes agree."""
        check_dtype(self, self.accepts, *avals)
        check_same_dtype(self, *avals)
        weak = all(a.weak_type for a in avals)
        return Aval(common_shape(self, *avals), self.result_dtype(avals[0].dtype), weak)

    def result_dtype(self, dtype: Any) -> Any:
        """Return the dtype of the result, given that of the operands."""
        return dtype

    def batch(self, args: tuple[Any, ...], dims: tuple[int | None, ...]) -> Any:
        """Apply to arrays with the mapped axis aligned."""
        return batch_elementwise(self, args, dims)

    def lower(self, *operands: kernel.Tensor) -> kernel.Tensor:
        """Apply the kernel function to each element."""
        return kernel.elementwise(self.scalar, *operands)

    def scalar(self, *args: kernel.Scalar) -> kernel.Scalar:
        """Return the result's element."""
        return kernel.apply(self.fn, *args)

    def reference(self, *operands: Any) -> Any:
        """Apply the NumPy function."""
        return _silent.copy().run(type(self).numpy, *operands)


def check_same_dtype(op: Op, *avals: Aval) -> None:
    """Raise a DtypeError unless all dtypes are equal."""
    if any(a.dtype != avals[0].dtype for a in avals):
        got = ", ".join(a.dtype.name for a in avals)
        raise DtypeError(
            f"{op.name} requires operands of one dtype; got {got}{at_user_line()}\n"
            f"Convert one of them, or use the gradax.numpy function, which promotes."
        )


def common_shape(op: Op, *avals: Aval) -> tuple[int, ...]:
    """Return the shape that all operands of rank > 0 have."""
    shapes = {a.shape for a in avals if a.shape}
    if len(shapes) > 1:
        raise incompatible(op.name, *(a.shape for a in avals))
    return next(iter(shapes), ())


def incompatible(name: str, *shapes: tuple[int, ...], mend: str = "") -> ShapeError:
    """Make the error for shapes that do not go together; `mend` says what would."""
    got = " and ".join(map(str, shapes))
    end = f"\n{mend}" if mend else ""
    return ShapeError(f"Incompatible shapes for {name}: got {got}.{at_user_line()}{end}")


def unequal_axes(*shapes: tuple[int, ...]) -> str:
    """Say on which axis shapes do not broadcast, and how they would."""
    rank = max(map(len, shapes))
    for axis in range(1, rank + 1):
        sizes = {s[-axis] for s in shapes if len(s) >= axis} - {1}
        if len(sizes) > 1:
            found = " and ".join(map(str, sorted(sizes)))
            return (
                f"Axis {-axis} has the sizes {found}: counted from the last axis, sizes must be"
                " equal or 1. Reshape, transpose, or add an axis of size 1 with x[:, None]."
            )
    return ""


def unequal_factors(x: tuple[int, ...], i: int, y: tuple[int, ...], j: int) -> str:
    """Say which two axes of the factors of a product must be of one size."""
    return (
        f"Axis {i} of the first (size {x[i]}) must be as long as axis {j} of the second (size"
        f" {y[j]}). Transpose one of them if its axes are the other way round."
    )


class Unary(Elementwise):
    """A function of one operand; `derivative(x, y)` is dy/dx, None where it is zero."""

    derivative: Any = None

    def jvp(self, primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
        """Multiply the tangent by the derivative."""
        (x,), (dx,) = primals, tangents
        y = self(x)
        if self.derivative is None and type(self).tangent is Unary.tangent:
            return y, Zero(tangent_like(y))
        return y, self.tangent(dx, x, y)

    def tangent(self, dx: Any, x: Any, y: Any) -> Any:
        """Return the tangent of the result, which is not zero."""
        return arithmetic.mul(dx, self.derivative(x, y))


class LinearUnary(Elementwise):
    """A linear function of one operand; the member states `transpose`."""

    def jvp(self, primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
        """Apply the operation to the tangent."""
        return self(primals[0]), self(tangents[0])


class Binary(Elementwise):
    """A function of two operands; `partials` gives its terms of the tangent."""

    def jvp(self, primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
        """Add the terms of the operands whose tangent is not zero."""
        x, y = primals
        out = self(x, y)
        terms = [
            term(dx, x, y, out)
            for term, dx in zip((self.first_term, self.second_term), tangents, strict=True)
            if not is_zero(dx)
        ]
        terms = [broadcast_scalar(t, out.shape) for t in terms if t is not None]
        if not terms:
            return out, Zero(tangent_like(out))
        return out, terms[0] if len(terms) == 1 else arithmetic.add(*terms)

    def first_term(self, dx: Any, x: Any, y: Any, out: Any, /) -> Any:
        """Return the tangent's term of the first operand, None where it is zero."""
        return None

    def second_term(self, dy: Any, x: Any, y: Any, out: Any, /) -> Any:
        """Return the tangent's term of the second operand, None where it is zero."""
        return None


class Comparison(Binary):
    """A comparison: bool results, no derivative."""

    def result_dtype(self, dtype: Any) -> Any:
        """Comparisons give bool."""
        return BOOL_DTYPE

    def infer(self, *avals: Aval) -> Aval:
        """As elementwise; a bool is never weak."""
        return Elementwise.infer(self, *avals).strip_weak_type()

    def jvp(self, primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
        """Comparisons are constant almost everywhere."""
        out = self(*primals)
        return out, Zero(tangent_like(out))


def tangent_like(x: Any) -> Aval:
    """Return the tangent aval of a value."""
    from_aval = x.aval
    if dtypes.issubdtype(from_aval.dtype, np.inexact):
        return from_aval
    return Aval(from_aval.shape, dtypes.float0)


def linear_in(operands: tuple[Any, ...]) -> tuple[bool, ...]:
    """Tell which operands of a transpose rule are linear."""
    return tuple(map(is_linear, operands))


def to_operand(ct: Any, operand: Any) -> Any:
    """Return a cotangent summed down to an operand that was broadcast from rank 0."""
    return sum_to_scalar(ct) if operand.aval.shape == () and ct.shape else ct


class Arithmetic:
    """Addition and multiplication, which the families need and `arithmetic.py` defines on them."""

    add: Callable[[Any, Any], Any]
    mul: Callable[[Any, Any], Any]


arithmetic = Arithmetic()
