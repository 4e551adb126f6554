"""Discrete Fourier transforms."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from math import prod
from typing import Any, final

import numpy as np

from gradax import kernel
from gradax.core.aval import Aval, Shape
from gradax.core.op import Op, operation
from gradax.core.value import as_value
from gradax.errors import DtypeError, at_user_line, require
from gradax.kernel.libraries import dtype_code
from gradax.lax.arithmetic import Mul, scalar_like
from gradax.lax.comparison import Gt, Lt, SelectN
from gradax.lax.complex_parts import Complex, Real, conj
from gradax.lax.creation import Iota
from gradax.lax.matrices import is_complex, real_dtype
from gradax.lax.shapes import BroadcastInDim, broadcast_scalar, move_batch_axis
from gradax.lax.slicing import Pad

# What the library's kernel does: to one axis, or (the last two) to several.
FORWARD, INVERSE, REAL_FORWARD, REAL_INVERSE, ALL_FORWARD, ALL_INVERSE = range(6)


class FftType(enum.IntEnum):
    """The kinds of transforms: complex, its inverse, of real numbers, back to real numbers."""

    FFT = 0
    IFFT = 1
    RFFT = 2
    IRFFT = 3


@final
@operation
class Fft(Op):
    """Transform the last axes, as many as there are lengths; inverses divide by the lengths.

    Shapes: FFT, IFFT: complex[.., lengths] -> the same; RFFT: real[.., lengths] ->
        complex[.., lengths with n // 2 + 1 for the last]; IRFFT: back.
    """

    fft_type: FftType
    fft_lengths: Shape

    def infer(self, *avals: Aval) -> Aval:
        (x,) = avals
        lengths, kind = self.fft_lengths, self.fft_type
        require(0 < len(lengths) <= x.ndim, self, f"1 to {x.ndim} lengths for {x}", lengths)
        require(all(n > 0 for n in lengths), self, "positive lengths", lengths)
        wants_real = kind == FftType.RFFT
        allowed = ("float32", "float64") if wants_real else ("complex64", "complex128")
        if x.dtype.name not in allowed:
            raise DtypeError(
                f"fft: {kind.name} expects {' or '.join(allowed)}; got {x.dtype.name}"
                f"{at_user_line()}"
            )
        stack = x.shape[: x.ndim - len(lengths)]
        halved = (*lengths[:-1], lengths[-1] // 2 + 1)
        expected = halved if kind == FftType.IRFFT else lengths
        fits = x.shape[len(stack) :] == expected
        require(fits, self, f"last axes of {expected} for {kind.name} of {lengths}", x.shape)
        if wants_real:
            return Aval((*stack, *halved), np.promote_types(x.dtype, np.complex64))
        dtype = real_dtype(x.dtype) if kind == FftType.IRFFT else x.dtype
        return Aval((*stack, *lengths), dtype)

    def jvp(self, primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
        return self(primals[0]), self(tangents[0])

    def transpose(self, ct: Any, *operands: Any) -> Any:
        lengths = self.fft_lengths
        if self.fft_type in (FftType.FFT, FftType.IFFT):
            return self(ct)
        if self.fft_type == FftType.RFFT:
            missing = lengths[-1] - ct.shape[-1]
            config = (*((0, 0, 0) for _ in ct.shape[:-1]), (0, missing, 0))
            return Real()(Fft(FftType.FFT, lengths)(Pad(config)(ct, scalar_like(ct, 0))))
        found = conj(Fft(FftType.RFFT, lengths)(ct))
        weights = BroadcastInDim(found.shape, (found.ndim - 1,))(half_weights(lengths, ct.dtype))
        zero = broadcast_scalar(scalar_like(weights, 0), weights.shape)
        return Mul()(found, Complex()(weights, zero))

    def batch(self, args: tuple[Any, ...], dims: tuple[int | None, ...]) -> Any:
        (x,), (dim,) = args, dims
        assert dim is not None
        return self(move_batch_axis(x, dim, 0)), 0

    def lower(self, *operands: kernel.Tensor) -> Any:
        (x,) = operands
        first, last = x.ndim - len(self.fft_lengths), x.ndim - 1
        if self.fft_type == FftType.RFFT:
            x = transform(x, last, REAL_FORWARD, self.fft_lengths[-1])
        is_complex_kind = self.fft_type in (FftType.FFT, FftType.IFFT)
        forward = self.fft_type in (FftType.FFT, FftType.RFFT)
        x = transform_axes(x, first, x.ndim if is_complex_kind else last, forward)
        if self.fft_type == FftType.IRFFT:
            x = transform(x, last, REAL_INVERSE, self.fft_lengths[-1])
        return x

    def reference(self, *operands: Any) -> Any:
        x = np.asarray(operands[0])
        axes = tuple(range(x.ndim - len(self.fft_lengths), x.ndim))
        functions = (np.fft.fftn, np.fft.ifftn, np.fft.rfftn, np.fft.irfftn)
        out = self.infer(Aval(x.shape, x.dtype))
        if x.size == 0:
            return np.zeros(out.shape, out.dtype)
        with np.errstate(all="ignore"):
            found = functions[self.fft_type](x, s=self.fft_lengths, axes=axes)
        return found.astype(out.dtype, copy=False)

    def printed_params(self) -> dict[str, Any]:
        return {"fft_lengths": self.fft_lengths, "fft_type": int(self.fft_type)}


def half_weights(lengths: Shape, dtype: Any) -> Any:
    """Return how often each term of a halved spectrum counts, over the product of the lengths."""
    n = lengths[-1]
    size = n // 2 + 1
    places = Iota(np.dtype(np.int32), (size,), 0)()
    once, twice = (broadcast_scalar(np.asarray(v / prod(lengths), dtype), (size,)) for v in (1, 2))
    zero = broadcast_scalar(np.zeros((), np.int32), (size,))
    middle = broadcast_scalar(np.asarray(n - n // 2, np.int32), (size,))
    inside = SelectN()(Gt()(places, zero), once, twice)
    return SelectN()(Lt()(places, middle), once, inside)


def transform(x: kernel.Tensor, axis: int, kind: int, n: int) -> kernel.Tensor:
    """Call the library's transform of one axis; `n` counts real numbers."""
    outer, inner = prod(x.shape[:axis]), prod(x.shape[axis + 1 :])
    size, dtype = n, x.dtype
    if kind == REAL_FORWARD:
        size, dtype = n // 2 + 1, np.promote_types(x.dtype, np.complex64)
    if kind == REAL_INVERSE:
        dtype = real_dtype(x.dtype)
    shape = (*x.shape[:axis], size, *x.shape[axis + 1 :])
    code = dtype_code(dtype if is_complex(dtype) else x.dtype)
    flat = kernel.reshape(x, (outer, x.shape[axis], inner))
    types = [((outer, size, inner), dtype)]
    node = kernel.Library("fft", (flat,), types, (code, kind, outer, n, inner))
    return kernel.reshape(kernel.one_result(node), shape)


def transform_axes(x: kernel.Tensor, begin: int, end: int, forward: bool) -> kernel.Tensor:
    """Call the library's complex transform of the axes from `begin` to `end` (exclusive)."""
    lengths = x.shape[begin:end]
    if not lengths:
        return x
    if len(lengths) == 1:
        return transform(x, begin, FORWARD if forward else INVERSE, lengths[0])
    outer, inner = prod(x.shape[:begin]), prod(x.shape[end:])
    kind = ALL_FORWARD if forward else ALL_INVERSE
    params = (dtype_code(x.dtype), kind, outer, len(lengths), inner, *lengths)
    node = kernel.Library("fft", (x,), [(x.shape, x.dtype)], params)
    return kernel.one_result(node)


def fft(x: Any, fft_type: FftType | str | int, fft_lengths: Sequence[int]) -> Any:
    """Transform the last axes of an array; see `Fft`.

    Errors: TypeError unless the last axes are as the lengths say; ValueError for an unknown type.
    """
    x = as_value(x)
    if isinstance(fft_type, str):
        if fft_type.upper() not in FftType.__members__:
            names = ", ".join(FftType.__members__)
            raise ValueError(f"fft: expected one of {names}; got {fft_type!r}{at_user_line()}")
        kind = FftType[fft_type.upper()]
    else:
        kind = FftType(int(fft_type))
    return Fft(kind, tuple(map(int, fft_lengths)))(x)
