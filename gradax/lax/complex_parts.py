"""Complex numbers and their parts: real, imag, complex, conj."""

from __future__ import annotations

from typing import Any, final

import numpy as np

from gradax import dtypes, kernel
from gradax.core.aval import Aval
from gradax.core.op import operation
from gradax.core.tangent import is_linear
from gradax.core.value import as_value
from gradax.errors import DtypeError, at_user_line
from gradax.lax.arithmetic import Neg
from gradax.lax.families import COMPLEX, Binary, LinearUnary, to_operand
from gradax.lax.operands import operands

_PARTS = (np.dtype(np.float32), np.dtype(np.float64))


def part_dtype(dtype: Any) -> Any:
    """Return the dtype of the parts of a complex dtype."""
    return np.dtype(np.float32 if dtype == np.complex64 else np.float64)


def is_complex(x: Any) -> bool:
    """Tell whether a value is complex."""
    return dtypes.issubdtype(x.dtype, np.complexfloating)


def zero_part(like: Any) -> Any:
    """Return the rank-0 zero that goes with a real or imaginary part."""
    return np.zeros((), like.dtype)


@final
@operation
class Real(LinearUnary):
    """The real part."""

    fn = "real"
    accepts = COMPLEX

    def result_dtype(self, dtype: Any) -> Any:
        return part_dtype(dtype)

    def transpose(self, ct: Any, *operands: Any) -> Any:
        return Complex()(ct, zero_part(ct))

    def reference(self, *operands: Any) -> Any:
        return np.ascontiguousarray(np.real(operands[0])).reshape(np.shape(operands[0]))


@final
@operation
class Imag(LinearUnary):
    """The imaginary part."""

    fn = "imag"
    accepts = COMPLEX

    def result_dtype(self, dtype: Any) -> Any:
        return part_dtype(dtype)

    def transpose(self, ct: Any, *operands: Any) -> Any:
        return Complex()(zero_part(ct), Neg()(ct))

    def reference(self, *operands: Any) -> Any:
        return np.ascontiguousarray(np.imag(operands[0])).reshape(np.shape(operands[0]))


@final
@operation
class Complex(Binary):
    """The complex number with real part `x` and imaginary part `y`."""

    fn = "complex"

    def infer(self, *avals: Aval) -> Aval:
        for aval in avals:
            if aval.dtype not in _PARTS:
                raise DtypeError(
                    "complex: expected parts of float32 or float64; got"
                    f" {aval.dtype.name}{at_user_line()}"
                )
        return Binary.infer(self, *avals)

    def result_dtype(self, dtype: Any) -> Any:
        return np.dtype(np.complex64 if dtype == np.float32 else np.complex128)

    def first_term(self, dx: Any, x: Any, y: Any, out: Any) -> Any:
        return Complex()(dx, zero_part(dx))

    def second_term(self, dy: Any, x: Any, y: Any, out: Any) -> Any:
        return Complex()(zero_part(dy), dy)

    def transpose(self, ct: Any, *operands: Any) -> Any:
        x, y = operands
        ct_x = to_operand(Real()(ct), x) if is_linear(x) else None
        return ct_x, to_operand(Imag()(Neg()(ct)), y) if is_linear(y) else None

    def reference(self, *operands: Any) -> Any:
        x, y = operands
        out = np.empty(np.broadcast_shapes(np.shape(x), np.shape(y)), self.result_dtype(x.dtype))
        out.real, out.imag = x, y
        return out


@final
@operation
class Conj(LinearUnary):
    """The complex conjugate; a real operand becomes complex."""

    input_dtype: Any

    def infer(self, *avals: Aval) -> Aval:
        (x,) = avals
        if x.dtype not in _PARTS and not dtypes.issubdtype(x.dtype, np.complexfloating):
            raise DtypeError(
                "conj: expected float32, float64 or a complex dtype; got"
                f" {x.dtype.name}{at_user_line()}"
            )
        return x.update(dtype=self.result_dtype(x.dtype))

    def result_dtype(self, dtype: Any) -> Any:
        return np.promote_types(dtype, np.complex64)

    def transpose(self, ct: Any, *operands: Any) -> Any:
        if dtypes.issubdtype(self.input_dtype, np.complexfloating):
            return conj(ct)
        return Real()(ct)

    def scalar(self, *args: kernel.Scalar) -> kernel.Scalar:
        (x,) = args
        if x.dtype.kind != "c":
            return kernel.apply("complex", x, 0)
        imaginary = kernel.apply("neg", kernel.apply("imag", x))
        return kernel.apply("complex", kernel.apply("real", x), imaginary)

    def reference(self, *operands: Any) -> Any:
        x = operands[0]
        return np.conj(x).astype(self.result_dtype(x.dtype))


def real(x: Any) -> Any:
    """Return the real parts of a complex array."""
    return Real()(as_value(x))


def imag(x: Any) -> Any:
    """Return the imaginary parts of a complex array."""
    return Imag()(as_value(x))


def complex(x: Any, y: Any) -> Any:
    """Join real parts `x` and imaginary parts `y`, of one shape and float dtype."""
    return Complex()(*operands(x, y))


def conj(x: Any) -> Any:
    """Return the complex conjugate; a real array becomes complex."""
    x = as_value(x)
    return Conj(x.dtype)(x)
