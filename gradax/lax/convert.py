"""Conversions between dtypes."""

from __future__ import annotations

import warnings
from typing import Any, final

import numpy as np
from numpy.exceptions import ComplexWarning

from gradax import dtypes, kernel
from gradax.core.aval import Aval
from gradax.core.op import Op, operation
from gradax.core.tangent import Zero
from gradax.core.value import as_value
from gradax.errors import DtypeError, at_user_line, require, user_stacklevel
from gradax.lax.families import tangent_like
from gradax.lax.shapes import move_batch_axis
from gradax.sizes import is_open


@final
@operation
class ConvertElementType(Op):
    """Convert to `new_dtype`; floats to integers saturate, complex to real drops the rest.

    Shapes: x: T[s] -> new_dtype[s].
    """

    new_dtype: Any
    weak_type: bool = False

    def infer(self, *avals: Aval) -> Aval:
        return Aval(avals[0].shape, self.new_dtype, self.weak_type)

    def jvp(self, primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
        out = self(primals[0])
        if not dtypes.issubdtype(self.new_dtype, np.inexact):
            return out, Zero(tangent_like(out))
        return out, self(tangents[0])

    def transpose(self, ct: Any, *operands: Any) -> Any:
        x = operands[0].aval
        return ConvertElementType(x.dtype, x.weak_type)(ct)

    def batch(self, args: tuple[Any, ...], dims: tuple[int | None, ...]) -> Any:
        return self(args[0]), dims[0]

    def lower(self, *operands: kernel.Tensor) -> Any:
        return kernel.cast(operands[0], self.new_dtype)

    def reference(self, *operands: Any) -> Any:
        with np.errstate(all="ignore"):
            return kernel.convert_array(operands[0], np.dtype(self.new_dtype))


@final
@operation
class BitcastConvertType(Op):
    """Read the bits as `new_dtype`; a change of width adds or removes a last axis.

    Shapes: x: T[s] -> U[s], U[s, T.size/U.size], or T[s, U.size/T.size] -> U[s].
    """

    new_dtype: Any

    def infer(self, *avals: Aval) -> Aval:
        (x,) = avals
        old, new = x.dtype.itemsize, np.dtype(self.new_dtype).itemsize
        if old > new:
            return Aval((*x.shape, old // new), self.new_dtype)
        if old < new:
            fits = x.ndim > 0 and x.shape[-1] == new // old
            require(fits, self, f"a last axis of {new // old} to make {self.new_dtype}", x)
            return Aval(x.shape[:-1], self.new_dtype)
        return Aval(x.shape, self.new_dtype)

    def jvp(self, primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
        out = self(primals[0])
        return out, Zero(Aval(out.shape, dtypes.float0))

    def batch(self, args: tuple[Any, ...], dims: tuple[int | None, ...]) -> Any:
        (x,), (dim,) = args, dims
        assert dim is not None
        return self(move_batch_axis(x, dim, 0)), 0

    def lower(self, *operands: kernel.Tensor) -> Any:
        (x,) = operands
        out = self.infer(Aval(x.shape, x.dtype))
        if out.shape == x.shape:
            return kernel.elementwise(lambda a: kernel.bitcast(a, self.new_dtype), x)
        return kernel.View(x, out.shape, self.new_dtype)

    def reference(self, *operands: Any) -> Any:
        x = np.asarray(operands[0], order="C")
        shape = self.infer(Aval(x.shape, x.dtype)).shape
        return x.reshape(-1).view(np.dtype(self.new_dtype)).reshape(shape)


def scalar_of(n: Any, dtype: Any) -> Any:
    """Return a size as a number of `dtype`, traced where the axis is open."""
    return ConvertElementType(dtype)(as_value(n)) if is_open(n) else np.asarray(n, dtype)


def convert_element_type(operand: Any, new_dtype: Any) -> Any:
    """Convert to `new_dtype`; floats to integers saturate, complex to real warns and drops parts.

    Errors: TypeError for a dtype that is none.
    """
    x = as_value(operand)
    dtype = dtypes.canonicalize_dtype(new_dtype)
    if dtypes.is_extended(dtype) or dtypes.is_extended(x.dtype):
        if x.dtype == dtype:
            return x
        raise DtypeError(f"Cannot convert {x.aval} to {dtype}.{at_user_line()}")
    real = not dtypes.issubdtype(dtype, np.complexfloating) and dtype != np.bool_
    if real and dtypes.issubdtype(x.dtype, np.complexfloating):
        text = f"Converting {x.dtype.name} to {dtype.name} discards the imaginary part"
        warnings.warn(text, ComplexWarning, stacklevel=user_stacklevel())
    return x if x.dtype == dtype and not x.aval.weak_type else ConvertElementType(dtype)(x)


def bitcast_convert_type(operand: Any, new_dtype: Any) -> Any:
    """Read the bits as `new_dtype`; a change of width adds or removes a last axis.

    Shapes: x: T[s] -> U[s], U[s, T.size/U.size], or T[s, U.size/T.size] -> U[s].
    Errors: TypeError when the last axis does not fit.
    """
    return BitcastConvertType(dtypes.canonicalize_dtype(new_dtype))(as_value(operand))
