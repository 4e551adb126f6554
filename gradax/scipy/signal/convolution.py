"""Convolution and correlation, by sliding and by Fourier transforms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gradax import lax
from gradax import numpy as gnp
from gradax.errors import ArgumentError, ShapeError, at_user_line
from gradax.numpy.promotion import operands, promote_dtypes

MODES = ("full", "same", "valid")
METHODS = ("auto", "direct", "fft")
# SciPy's names of what is around an image, and ours.
BOUNDARIES = {"fill": "constant", "wrap": "wrap", "symm": "symmetric"}


def chosen(name: str, what: str, value: Any, among: Sequence[str]) -> None:
    """Raise for an option that is none of those there are."""
    if value not in among:
        names = ", ".join(map(repr, among))
        raise ArgumentError(f"{name}: {what} is one of {names}; got {value!r}.{at_user_line()}")


def signals(name: str, in1: Any, in2: Any, mode: str) -> tuple[Any, Any]:
    """Return two arguments as inexact arrays of one dtype and rank, none of them empty."""
    chosen(name, "mode", mode, MODES)
    x, y = promote_dtypes(*operands(name, in1, in2), inexact=True)
    if x.ndim != y.ndim or 0 in (x.size, y.size):
        raise ShapeError(
            f"{name}: expected two arrays of one rank, with elements; got shapes {x.shape} and"
            f" {y.shape}.{at_user_line()}"
        )
    return x, y


def in_order(name: str, x: Any, y: Any, mode: str, axes: Sequence[int]) -> tuple[Any, Any]:
    """Return the larger one first for the mode 'valid'. Errors: ValueError where neither is."""
    if mode != "valid" or all(x.shape[d] >= y.shape[d] for d in axes):
        return x, y
    if all(y.shape[d] >= x.shape[d] for d in axes):
        return y, x
    raise ShapeError(
        f"{name}: for mode 'valid' one input is at least as large as the other in every dimension;"
        f" got {x.shape} and {y.shape}.{at_user_line()}"
    )


def slid(x: Any, y: Any, mode: str, precision: Any) -> Any:
    """Return the convolution of arrays by sliding one over the other."""
    if x.ndim == 0:
        return x * y
    padding = []
    for k in y.shape:
        # The middle of the full result, rounded down as SciPy does.
        start = {"full": 0, "same": (k - 1) // 2, "valid": k - 1}[mode]
        high = {"full": k - 1, "same": start, "valid": 0}[mode]
        padding.append((k - 1 - start, high))
    out = lax.conv_general_dilated(
        x[None, None], gnp.flip(y)[None, None], (1,) * x.ndim, padding, precision=precision
    )
    return out[0, 0]


def convolve(
    in1: Any, in2: Any, mode: str = "full", method: str = "auto", precision: Any = None
) -> Any:
    """Return the convolution of two arrays of any one rank.

    `mode`: all places where they overlap (full), the middle ones, as many as in1 has (same), or
    those where one covers the other (valid). `method` "fft" goes through Fourier transforms;
    "auto" is "direct".
    Errors: ValueError for other options, ranks that differ, empty arrays, and in mode valid
    where neither covers the other.
    """
    chosen("convolve", "method", method, METHODS)
    x, y = signals("convolve", in1, in2, mode)
    if method == "fft":
        return fftconvolve(x, y, mode)
    return slid(*in_order("convolve", x, y, mode, range(x.ndim)), mode, precision)


def correlate(
    in1: Any, in2: Any, mode: str = "full", method: str = "auto", precision: Any = None
) -> Any:
    """Return the correlation of two arrays, the second conjugated; options are `convolve`'s."""
    chosen("correlate", "method", method, METHODS)
    x, y = signals("correlate", in1, in2, mode)
    y = gnp.flip(gnp.conj(y))
    if method == "fft":
        return fftconvolve(x, y, mode)
    return slid(*in_order("correlate", x, y, mode, range(x.ndim)), mode, precision)


def convolve2d(
    in1: Any,
    in2: Any,
    mode: str = "full",
    boundary: str = "fill",
    fillvalue: Any = 0,
    precision: Any = None,
) -> Any:
    """Return the convolution of two matrices.

    `boundary` is what is around in1: fillvalue (fill), itself again (wrap) or mirrored (symm).
    Errors: ValueError for other options, other ranks, and those of `convolve`.
    """
    return image_convolution("convolve2d", in1, in2, mode, boundary, fillvalue, precision)


def correlate2d(
    in1: Any,
    in2: Any,
    mode: str = "full",
    boundary: str = "fill",
    fillvalue: Any = 0,
    precision: Any = None,
) -> Any:
    """Return the correlation of two matrices, the second conjugated; options: `convolve2d`'s."""
    name = "correlate2d"
    turned = gnp.conj(gnp.asarray(in2))[..., ::-1, ::-1] if gnp.ndim(in2) == 2 else in2
    x, y = signals(name, in1, turned, mode)
    if mode == "same" and y.ndim == 2:
        # The middle of a correlation is the other one of the two where there are two.
        full = image_convolution(name, x, y, "full", boundary, fillvalue, precision)
        starts = [k // 2 for k in y.shape]
        return full[starts[0] : starts[0] + x.shape[0], starts[1] : starts[1] + x.shape[1]]
    return image_convolution(name, x, y, mode, boundary, fillvalue, precision)


def image_convolution(
    name: str, in1: Any, in2: Any, mode: str, boundary: str, fillvalue: Any, precision: Any
) -> Any:
    """Return the convolution of two matrices, the first continued outside."""
    chosen(name, "boundary", boundary, tuple(BOUNDARIES))
    x, y = signals(name, in1, in2, mode)
    if x.ndim != 2:
        raise ShapeError(f"{name}: expected two matrices; got shape {x.shape}.{at_user_line()}")
    is_zero = boundary == "fill" and isinstance(fillvalue, int | float) and fillvalue == 0
    if mode == "valid" or is_zero:
        return slid(*in_order(name, x, y, mode, range(2)), mode, precision)
    around = [(k - 1, k - 1) for k in y.shape]
    if boundary == "fill":
        wide = gnp.pad(x, around, constant_values=fillvalue)
    else:
        wide = gnp.pad(x, around, mode=BOUNDARIES[boundary])
    full = slid(wide, y, "valid", precision)
    if mode == "full":
        return full
    starts = [(k - 1) // 2 for k in y.shape]
    return full[starts[0] : starts[0] + x.shape[0], starts[1] : starts[1] + x.shape[1]]


def fast_size(n: int) -> int:
    """Return the next number with no prime factor beyond 5."""
    while True:
        rest = n
        for p in (2, 3, 5):
            while rest % p == 0:
                rest //= p
        if rest == 1:
            return n
        n += 1


def fftconvolve(in1: Any, in2: Any, mode: str = "full", axes: Any = None) -> Any:
    """Return the convolution of two arrays along `axes`, by default all, by Fourier transforms.

    Along other axes they broadcast. `mode` is that of `convolve`.
    Accuracy: some ulp of the largest element of the result, not of each.
    Errors: those of `convolve`; ValueError for axes named twice.
    """
    name = "fftconvolve"
    x, y = signals(name, in1, in2, mode)
    axes = range(x.ndim) if axes is None else np.atleast_1d(axes)
    axes = [int(d) % x.ndim if -x.ndim <= d < x.ndim else -1 for d in axes]
    if -1 in axes or len(set(axes)) != len(axes) or (x.ndim and not axes):
        raise ArgumentError(
            f"{name}: expected different axes within {x.ndim} dimensions; got {axes}."
            f"{at_user_line()}"
        )
    if x.ndim == 0:
        return x * y
    n1, n2 = x.shape, y.shape
    x, y = in_order(name, x, y, mode, axes)
    full = [x.shape[d] + y.shape[d] - 1 for d in axes]
    sizes = [fast_size(n) for n in full]
    if np.issubdtype(x.dtype, np.complexfloating):
        out = gnp.fft.ifftn(gnp.fft.fftn(x, sizes, axes) * gnp.fft.fftn(y, sizes, axes), axes=axes)
    else:
        spectrum = gnp.fft.rfftn(x, sizes, axes) * gnp.fft.rfftn(y, sizes, axes)
        out = gnp.fft.irfftn(spectrum, sizes, axes)
    for d, n in zip(axes, full, strict=True):
        length = {"full": n, "same": n1[d], "valid": abs(n1[d] - n2[d]) + 1}[mode]
        start = (n - length) // 2
        out = lax.slice_in_dim(out, start, start + length, axis=d)
    return out.astype(x.dtype)
