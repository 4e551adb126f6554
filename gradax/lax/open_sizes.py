"""Sizes of open axes as numbers, and sizes that data decides."""

from __future__ import annotations

from typing import Any, ClassVar, final

import numpy as np

from gradax import dtypes, kernel
from gradax.core.aval import Aval
from gradax.core.op import Op, operation, unsupported
from gradax.core.staging import open_axes_now
from gradax.core.tangent import Zero
from gradax.core.value import check_fits
from gradax.errors import StaticSizeError, at_user_line, require
from gradax.lax.families import tangent_like
from gradax.sizes import Size, Stopped, escaped


@final
@operation
class SizeOf(Op):
    """The size of an open axis, or what is computed from such, as a number.

    Shapes: -> dtype[].
    """

    size: Any
    dtype: Any
    weak_type: bool = True

    def infer(self, *avals: Aval) -> Aval:
        return Aval((), self.dtype, self.weak_type)

    def jvp(self, primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
        out = self()
        return out, Zero(tangent_like(out))

    transpose = unsupported("it has no operands")
    batch = unsupported("it has no operands to map")

    def lower(self, *operands: kernel.Tensor) -> Any:
        size = kernel.const(self.size, kernel.INT)
        return kernel.compute((), lambda: kernel.convert(size, self.dtype))

    def reference(self, *operands: Any) -> Any:
        return np.asarray(int(self.size), self.dtype)


@final
@operation
class CountOpen(Op):
    """A mask, unchanged; how many of its elements are true is the size of an open axis.

    The program is run up to here, then that size is known and the rest is run.
    Shapes: bool[s] -> bool[s].
    """

    size: Any
    effects: ClassVar[frozenset[str]] = frozenset({"size"})

    def infer(self, *avals: Aval) -> Aval:
        (mask,) = avals
        require(mask.dtype == np.bool_, self, "a mask", mask)
        return mask

    def jvp(self, primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
        out = self(*primals)
        return out, Zero(Aval(out.shape, dtypes.float0))

    transpose = unsupported("it is not linear")

    def batch(self, args: tuple[Any, ...], dims: tuple[int | None, ...]) -> Any:
        raise StaticSizeError(
            "under vmap a mask selects as many elements for each example as it has, which no array"
            f" holds.{at_user_line()}\nUse jnp.where(mask, x, other), which keeps the shape, or"
            " jnp.nonzero(mask, size=n)."
        )

    def lower(self, *operands: kernel.Tensor) -> Any:
        return operands[0]

    def reference(self, *operands: Any) -> Any:
        return operands[0]


def counted(mask: Any) -> tuple[Any, Any] | None:
    """Return a mask and how many of its elements are true, as a size; None where sizes are fixed.

    Errors: TypeError inside of a loop, a branch, or another function's trace.
    """
    axes = open_axes_now()
    if axes is None:
        return None
    is_known = len(axes.counts) < len(axes.expected)
    size = axes.open_by_data("the number of elements that a mask selects")
    mask = CountOpen(size)(mask)
    if axes.stops and not is_known:
        raise Stopped
    return mask, size


def size_of(size: Size, kind: type = int) -> Any:
    """Return the size of an open axis as a traced number of a Python type.

    Errors: OverflowError for one that the type's dtype does not hold.
    """
    return number_of(size, np.dtype(dtypes.canonicalize_dtype(kind)))


def number_of(size: Size, dtype: Any, weak_type: bool = True) -> Any:
    """Return the size of an open axis as a traced number of a dtype.

    Errors: OverflowError for one that the dtype does not hold.
    """
    if not size.owner.is_traced:
        raise escaped(size)
    if dtypes.issubdtype(dtype, np.integer):
        check_fits(size, dtype)
    return SizeOf(size, dtype, weak_type)()


Size.to_array = size_of  # type: ignore[method-assign]
Size.to_number = number_of  # type: ignore[method-assign]
