"""New arrays: iota and constants."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, final

import numpy as np

from gradax import dtypes, kernel
from gradax.core.aval import Aval, Shape
from gradax.core.op import Op, operation, unsupported
from gradax.core.tangent import Zero
from gradax.core.value import as_value, aval_of, is_value, to_numpy
from gradax.errors import require
from gradax.lax.convert import ConvertElementType
from gradax.lax.families import NUMBER, check_dtype, tangent_like
from gradax.lax.shapes import broadcast_scalar
from gradax.lax.slicing import static_ints


@final
@operation
class Iota(Op):
    """The positions along an axis of a new array.

    Shapes: -> dtype[shape].
    """

    dtype: Any
    shape: Shape
    dimension: int

    def infer(self, *avals: Aval) -> Aval:
        require(all(n >= 0 for n in self.shape), self, "a shape of sizes of at least 0", self.shape)
        inside = 0 <= self.dimension < len(self.shape)
        require(inside, self, f"a dimension of the shape {self.shape}", self.dimension)
        out = Aval(self.shape, self.dtype)
        check_dtype(self, NUMBER, out)
        return out

    def jvp(self, primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
        out = self()
        return out, Zero(tangent_like(out))

    transpose = unsupported("it has no operands")
    batch = unsupported("it has no operands to map")

    def lower(self, *operands: kernel.Tensor) -> Any:
        dtype = np.dtype(self.dtype)
        return kernel.compute(self.shape, lambda *i: kernel.convert(i[self.dimension], dtype))

    def reference(self, *operands: Any) -> Any:
        n = self.shape[self.dimension]
        line = np.arange(n).astype(self.dtype)
        rest = len(self.shape) - self.dimension - 1
        return np.broadcast_to(line.reshape((n, *(1,) * rest)), self.shape)


def iota(dtype: Any, size: int) -> Any:
    """Return 0, 1, … size - 1.

    Shapes: -> dtype[size].
    """
    return broadcasted_iota(dtype, (size,), 0)


def broadcasted_iota(
    dtype: Any, shape: Sequence[int], dimension: int, *, out_sharding: Any = None
) -> Any:
    """Return the position along `dimension` of each element of an array of `shape`.

    Errors: TypeError for a dtype that is no number's, or a dimension that the shape has not.
    """
    sizes = static_ints("iota", shape)
    return Iota(dtypes.canonicalize_dtype(dtype), sizes, int(dimension))()


def full(shape: Sequence[int], fill_value: Any, dtype: Any = None, *, sharding: Any = None) -> Any:
    """Return an array of `shape` filled with a scalar, of the scalar's dtype unless one is given.

    Errors: TypeError when the fill value is no scalar.
    """
    sizes = static_ints("full", shape)
    require(all(n >= 0 for n in sizes), "full", "a shape of sizes of at least 0", sizes)
    value = converted(fill_value, dtype, dtype is None and aval_of(fill_value).weak_type)
    require(value.ndim == 0, "full", "a scalar fill value", value.aval)
    return broadcast_scalar(value, sizes)


def full_like(
    x: Any,
    fill_value: Any,
    dtype: Any = None,
    shape: Sequence[int] | None = None,
    sharding: Any = None,
) -> Any:
    """Return an array like `x`, of its shape and dtype unless given, filled with a scalar."""
    like = aval_of(x) if is_value(x) else Aval(x.shape, x.dtype)
    weak = dtype is None and like.weak_type
    value = converted(fill_value, like.dtype if dtype is None else dtype, weak)
    require(value.ndim == 0, "full_like", "a scalar fill value", value.aval)
    return broadcast_scalar(value, like.shape if shape is None else static_ints("full_like", shape))


def converted(value: Any, dtype: Any, weak_type: bool = False) -> Any:
    """Return a value in `dtype` (None: its own)."""
    aval = aval_of(value)
    if dtype is None:
        dtype = aval.dtype
    elif not dtypes.is_extended(dtype):
        dtype = dtypes.canonicalize_dtype(dtype)
    if type(value) in (bool, int, float, complex) and not weak_type:
        return as_value(to_numpy(value, dtype))
    x = as_value(value)
    if aval.dtype == dtype and aval.weak_type == weak_type:
        return x
    return ConvertElementType(dtype, weak_type)(x)


def empty(shape: Sequence[int], dtype: Any, *, out_sharding: Any = None) -> Any:
    """Return an array of `shape` and `dtype` of no particular values (zeros)."""
    return full(shape, 0, dtype)


def zeros_like_array(x: Any) -> Any:
    """Return zeros of the shape and dtype of `x`."""
    return full_like(x, 0)


def zeros_like_shaped_array(aval: Aval) -> Any:
    """Return zeros of the shape and dtype of an aval."""
    return full(aval.shape, 0, aval.dtype)
