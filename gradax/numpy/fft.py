"""Fourier transforms: `jax.numpy.fft`'s names."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from gradax import dtypes
from gradax.errors import ArgumentError, at_user_line
from gradax.lax.creation import Iota
from gradax.lax.fft import Fft, FftType
from gradax.lax.slicing import Pad, Slice
from gradax.numpy.arithmetic import conjugate, constant
from gradax.numpy.axes import canonical_axes, canonical_axis, static_int
from gradax.numpy.creation import asarray
from gradax.numpy.joining import roll
from gradax.numpy.logic import where_select
from gradax.numpy.promotion import COMPLEX, INEXACT, convert, operand, to_inexact
from gradax.numpy.shaping import moveaxis
from gradax.sizes import is_open

_NORMS = (None, "backward", "ortho", "forward")


def fft(a: Any, n: int | None = None, axis: int = -1, norm: str | None = None) -> Any:
    """Return the discrete Fourier transform along an axis, cut or padded with 0 to length n."""
    return along("fft", FftType.FFT, a, n, axis, norm)


def ifft(a: Any, n: int | None = None, axis: int = -1, norm: str | None = None) -> Any:
    """Return the inverse transform along an axis."""
    return along("ifft", FftType.IFFT, a, n, axis, norm)


def rfft(a: Any, n: int | None = None, axis: int = -1, norm: str | None = None) -> Any:
    """Return the first n // 2 + 1 elements of the transform of real numbers."""
    return along("rfft", FftType.RFFT, a, n, axis, norm)


def irfft(a: Any, n: int | None = None, axis: int = -1, norm: str | None = None) -> Any:
    """Return the real inverse of `rfft`, of length n (2 (m - 1) unless given)."""
    return along("irfft", FftType.IRFFT, a, n, axis, norm)


def hfft(a: Any, n: int | None = None, axis: int = -1, norm: str | None = None) -> Any:
    """Return the real transform of what is Hermitian, given by its first half."""
    x = transformable("hfft", a, FftType.IRFFT)
    n = 2 * (x.shape[canonical_axis("hfft", axis, x.ndim)] - 1) if n is None else n
    swapped = {"ortho": "ortho", "forward": "backward"}.get(str(norm), "forward")
    return along("hfft", FftType.IRFFT, conjugate(x), n, axis, swapped)


def ihfft(a: Any, n: int | None = None, axis: int = -1, norm: str | None = None) -> Any:
    """Return the inverse of `hfft`: the first half of what is Hermitian."""
    swapped = {"ortho": "ortho", "forward": "backward"}.get(str(norm), "forward")
    return conjugate(along("ihfft", FftType.RFFT, a, n, axis, swapped))


def fft2(
    a: Any, s: Sequence[int] | None = None, axes: Sequence[int] = (-2, -1), norm: str | None = None
) -> Any:
    """Return the transform along two axes."""
    return over("fft2", FftType.FFT, a, s, axes, norm)


def ifft2(
    a: Any, s: Sequence[int] | None = None, axes: Sequence[int] = (-2, -1), norm: str | None = None
) -> Any:
    """Return the inverse transform along two axes."""
    return over("ifft2", FftType.IFFT, a, s, axes, norm)


def rfft2(
    a: Any, s: Sequence[int] | None = None, axes: Sequence[int] = (-2, -1), norm: str | None = None
) -> Any:
    """Return the transform of real numbers along two axes, half of it along the last."""
    return over("rfft2", FftType.RFFT, a, s, axes, norm)


def irfft2(
    a: Any, s: Sequence[int] | None = None, axes: Sequence[int] = (-2, -1), norm: str | None = None
) -> Any:
    """Return the real inverse of `rfft2`."""
    return over("irfft2", FftType.IRFFT, a, s, axes, norm)


def fftn(
    a: Any,
    s: Sequence[int] | None = None,
    axes: Sequence[int] | None = None,
    norm: str | None = None,
) -> Any:
    """Return the transform along several axes, or all."""
    return over("fftn", FftType.FFT, a, s, axes, norm)


def ifftn(
    a: Any,
    s: Sequence[int] | None = None,
    axes: Sequence[int] | None = None,
    norm: str | None = None,
) -> Any:
    """Return the inverse transform along several axes, or all."""
    return over("ifftn", FftType.IFFT, a, s, axes, norm)


def rfftn(
    a: Any,
    s: Sequence[int] | None = None,
    axes: Sequence[int] | None = None,
    norm: str | None = None,
) -> Any:
    """Return the transform of real numbers along several axes, half of it along the last."""
    return over("rfftn", FftType.RFFT, a, s, axes, norm)


def irfftn(
    a: Any,
    s: Sequence[int] | None = None,
    axes: Sequence[int] | None = None,
    norm: str | None = None,
) -> Any:
    """Return the real inverse of `rfftn`."""
    return over("irfftn", FftType.IRFFT, a, s, axes, norm)


def transformable(name: str, a: Any, kind: FftType) -> Any:
    """Return an argument in a dtype that is transformed: single or double precision."""
    x = operand(name, a)
    x = x if x.dtype in INEXACT else to_inexact(name, x)
    if kind == FftType.RFFT:
        if x.dtype in COMPLEX:
            raise ArgumentError(f"{name} accepts real numbers; got {x.dtype.name}{at_user_line()}")
        return convert(x, np.dtype(np.float32)) if x.dtype.itemsize < 4 else convert(x, x.dtype)
    return convert(x, dtypes.to_complex_dtype(x.dtype))


def along(name: str, kind: FftType, a: Any, n: int | None, axis: int, norm: str | None) -> Any:
    """Transform along one axis."""
    if axis is not None and not isinstance(axis, int) and not hasattr(axis, "__index__"):
        raise ArgumentError(f"{name}: expected one axis, got {axis!r}{at_user_line()}")
    return over(name, kind, a, None if n is None else (n,), (axis,), norm)


def over(
    name: str,
    kind: FftType,
    a: Any,
    s: Sequence[int] | None,
    axes: Sequence[int] | None,
    norm: str | None,
) -> Any:
    """Transform along axes: up to three as one operation."""
    if norm not in _NORMS:
        raise ArgumentError(
            f"{name}: norm is 'backward', 'ortho' or 'forward', got {norm!r}{at_user_line()}"
        )
    x = transformable(name, a, kind)
    if axes is None:
        axes = range(x.ndim) if s is None else range(x.ndim - len(s), x.ndim)
    places = [canonical_axis(name, i, x.ndim) for i in axes]
    if s is not None and len(s) != len(places):
        raise ArgumentError(f"{name}: {len(s)} lengths for {len(places)} axes{at_user_line()}")
    if not places:
        return x
    lengths = lengths_of(name, kind, x, s, places)
    ends = tuple(range(x.ndim - len(places), x.ndim))
    x = moveaxis(x, tuple(places), ends) if places != list(ends) else x
    x = fitted(x, kind, lengths)
    out = transformed(x, kind, lengths)
    out = moveaxis(out, ends, tuple(places)) if places != list(ends) else out
    return scaled(out, kind, math.prod(lengths), norm)


def lengths_of(
    name: str, kind: FftType, x: Any, s: Sequence[int] | None, places: list[int]
) -> tuple[int, ...]:
    """Return the lengths of the transform on the side of the signal."""
    if s is not None:
        lengths = [static_int(name, n, "a length") for n in s]
    else:
        lengths = [x.shape[i] for i in places]
        if kind == FftType.IRFFT:
            lengths[-1] = max(0, 2 * (lengths[-1] - 1))
    if any(n < 1 for n in lengths):
        raise ArgumentError(
            f"{name}: expected lengths of at least 1, got {lengths}{at_user_line()}"
        )
    return tuple(lengths)


def fitted(x: Any, kind: FftType, lengths: tuple[int, ...]) -> Any:
    """Cut the last axes, or pad them with zeros, to what the transform takes."""
    wanted = list(lengths)
    if kind == FftType.IRFFT:
        wanted[-1] = wanted[-1] // 2 + 1
    full = (*x.shape[: x.ndim - len(wanted)], *wanted)
    kept = tuple(min(m, n) for m, n in zip(x.shape, full, strict=True))
    if kept != x.shape:
        x = Slice((0,) * x.ndim, kept)(x)
    if kept != full:
        extra = tuple((0, n - m, 0) for m, n in zip(kept, full, strict=True))
        x = Pad(extra)(x, constant(0, x))
    return x


def transformed(x: Any, kind: FftType, lengths: tuple[int, ...]) -> Any:
    """Transform the last axes; more than three in turn."""
    if len(lengths) <= 3:
        return Fft(kind, lengths)(x)
    rest, last = lengths[:-3], lengths[-3:]
    inner = FftType.FFT if kind in (FftType.FFT, FftType.RFFT) else FftType.IFFT
    n = len(lengths)
    if kind == FftType.RFFT:
        x = Fft(kind, last)(x)
    elif kind != FftType.IRFFT:
        x = Fft(inner, last)(x)
    for k, length in enumerate(rest):
        axis = x.ndim - n + k
        x = moveaxis(Fft(inner, (length,))(moveaxis(x, axis, -1)), -1, axis)
    return Fft(kind, last)(x) if kind == FftType.IRFFT else x


def scaled(x: Any, kind: FftType, n: int, norm: str | None) -> Any:
    """Scale as the norm says; the inverse operations divide by n themselves."""
    is_inverse = kind in (FftType.IFFT, FftType.IRFFT)
    if norm == "ortho":
        root = n**0.5 if is_open(n) else math.sqrt(n)
        return x * (root if is_inverse else 1 / root)
    if norm == "forward":
        return x * (n if is_inverse else 1 / n)
    return x


def fftfreq(n: int, d: Any = 1.0, *, dtype: Any = None, device: Any = None) -> Any:
    """Return the frequencies of the elements of `fft` for samples `d` apart."""
    n = static_int("fftfreq", n, "n")
    if is_open(n):
        line = Iota(np.dtype(np.int32), (n,), 0)()
        numbers = where_select(line < (n + 1) // 2, line, line - n)
    else:
        numbers = np.concatenate([np.arange((n - 1) // 2 + 1), np.arange(-(n // 2), 0)])
    return frequencies("fftfreq", numbers, n, d, dtype, device)


def rfftfreq(n: int, d: Any = 1.0, *, dtype: Any = None, device: Any = None) -> Any:
    """Return the frequencies of the elements of `rfft` for samples `d` apart."""
    n = static_int("rfftfreq", n, "n")
    count = n // 2 + 1
    numbers = Iota(np.dtype(np.int32), (count,), 0)() if is_open(count) else np.arange(count)
    return frequencies("rfftfreq", numbers, n, d, dtype, device)


def frequencies(name: str, numbers: Any, n: int, d: Any, dtype: Any, device: Any) -> Any:
    """Return numbers / (n d)."""
    wanted = dtypes.check_user_dtype(dtype, name) or dtypes.default_dtype("f")
    line = asarray(numbers, dtype=wanted, device=device)
    return line / convert(operand(name, d) * n, wanted)


def fftshift(x: Any, axes: Any = None) -> Any:
    """Move the element of frequency 0 to the middle."""
    v = operand("fftshift", x)
    places = canonical_axes("fftshift", axes, v.ndim)
    return roll(v, tuple(v.shape[i] // 2 for i in places), places)


def ifftshift(x: Any, axes: Any = None) -> Any:
    """Undo `fftshift`."""
    v = operand("ifftshift", x)
    places = canonical_axes("ifftshift", axes, v.ndim)
    return roll(v, tuple(-(v.shape[i] // 2) for i in places), places)
