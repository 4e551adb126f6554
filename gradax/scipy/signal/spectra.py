"""Spectra of overlapping segments.

Source: Welch, "The use of fast Fourier transform for the estimation of power spectra" (1967);
Griffin and Lim, "Signal estimation from modified short-time Fourier transform" (1984).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gradax import numpy as gnp
from gradax.errors import ArgumentError, ShapeError, at_user_line
from gradax.numpy.promotion import operands, promote_dtypes
from gradax.scipy.arguments import a_float
from gradax.scipy.signal.convolution import chosen
from gradax.scipy.signal.segments import (
    detrended,
    n_fft_of,
    overlap_of,
    segments_of,
    window_of,
)

# What stft puts before and after a signal, as padding of ours; None for none.
BOUNDARIES = ("zeros", "even", "odd", "constant", None)


def is_complex(x: Any) -> bool:
    """Say whether an array is complex."""
    return np.issubdtype(x.dtype, np.complexfloating)


def frequencies(n: int, fs: Any, one_sided: bool) -> Any:
    """Return the frequencies of a transform of n samples."""
    return gnp.fft.rfftfreq(n, 1 / fs) if one_sided else gnp.fft.fftfreq(n, 1 / fs)


def transforms_of(segments: Any, window: Any, n_fft: int, one_sided: bool) -> Any:
    """Return the transforms of windowed segments."""
    windowed = segments * gnp.asarray(window, segments.real.dtype)
    return (gnp.fft.rfft if one_sided else gnp.fft.fft)(windowed, n_fft)


def median_bias(n: int) -> float:
    """Return by how much the median of n squares of a normal variable is below their mean."""
    even = 2 * np.arange(1, (n - 1) // 2 + 1)
    return 1 + float(np.sum(1 / (even + 1) - 1 / even))


def csd(
    x: Any,
    y: Any,
    fs: Any = 1.0,
    window: Any = "hann",
    nperseg: int | None = None,
    noverlap: int | None = None,
    nfft: int | None = None,
    detrend: Any = "constant",
    return_onesided: bool = True,
    scaling: str = "density",
    axis: int = -1,
    average: str = "mean",
) -> tuple[Any, Any]:
    """Return frequencies and the cross spectrum of two signals, averaged over segments.

    Segments have `nperseg` samples (256, or all there are) and overlap by `noverlap` (half). The
    spectrum is per frequency (scaling "density") or per bin ("spectrum"); `average` is mean or
    median. `y` None stands for x. One-sided only where both are real.
    Errors: ValueError for other options, and lengths that do not go together.
    """
    chosen("csd", "scaling", scaling, ("density", "spectrum"))
    chosen("csd", "average", average, ("mean", "median"))
    same = y is None or y is x
    x, y = promote_dtypes(*operands("csd", x, x if y is None else y), inexact=True)
    x, y = gnp.moveaxis(x, axis, -1), gnp.moveaxis(y, axis, -1)
    if x.size == 0 or y.size == 0:
        raise ShapeError(f"csd: the signals have no samples.{at_user_line()}")
    length = max(x.shape[-1], y.shape[-1])
    x, y = (gnp.pad(v, [(0, 0)] * (v.ndim - 1) + [(0, length - v.shape[-1])]) for v in (x, y))
    n = segment_length("csd", window, nperseg, length)
    values = window_of("csd", window, n)
    overlap, n_fft = overlap_of("csd", n, noverlap), n_fft_of("csd", n, nfft)
    one_sided = return_onesided and not is_complex(x)
    pieces = [segments_of(v, n, overlap) for v in ((x,) if same else (x, y))]
    spectra = [
        transforms_of(detrended("csd", v, detrend), values, n_fft, one_sided) for v in pieces
    ]
    power = gnp.conj(spectra[0]) * spectra[-1]
    power = gnp.real(power) if same else power
    if scaling == "density":
        power = power / (fs * gnp.sum(gnp.asarray(values) ** 2)).astype(x.real.dtype)
    else:
        power = power / (gnp.sum(gnp.asarray(values)) ** 2).astype(x.real.dtype)
    if one_sided:
        # The negative frequencies' share; the first and, of even lengths, the last have none.
        twice = np.full(n_fft // 2 + 1, 2)
        twice[0] = 1
        if n_fft % 2 == 0:
            twice[-1] = 1
        power = power * twice.astype(x.real.dtype)
    return frequencies(n_fft, fs, one_sided), gnp.moveaxis(averaged(power, average), -1, axis)


def segment_length(name: str, window: Any, n_segment: int | None, length: int) -> int:
    """Return the length of segments: as given, the window's, or 256; no more than the signal's."""
    is_given = not isinstance(window, str | tuple)
    if n_segment is None:
        n_segment = gnp.size(window) if is_given else 256
    if n_segment < 1:
        raise ArgumentError(f"{name}: nperseg is positive; got {n_segment}.{at_user_line()}")
    if is_given and n_segment > length:
        raise ArgumentError(
            f"{name}: the window of {n_segment} is longer than the signal of {length}."
            f"{at_user_line()}"
        )
    return min(n_segment, length)


def averaged(power: Any, average: str) -> Any:
    """Return the mean or the corrected median over the segments, the last axis but one."""
    if average == "mean":
        return gnp.mean(power, -2)
    bias = median_bias(power.shape[-2])
    if is_complex(power):
        real, imag = gnp.median(gnp.real(power), -2), gnp.median(gnp.imag(power), -2)
        return (real + 1j * imag) / bias
    return gnp.median(power, -2) / bias


def welch(
    x: Any,
    fs: Any = 1.0,
    window: Any = "hann",
    nperseg: int | None = None,
    noverlap: int | None = None,
    nfft: int | None = None,
    detrend: Any = "constant",
    return_onesided: bool = True,
    scaling: str = "density",
    axis: int = -1,
    average: str = "mean",
) -> tuple[Any, Any]:
    """Return frequencies and the power spectrum of a signal; arguments and errors are csd's."""
    return csd(
        x, None, fs, window, nperseg, noverlap, nfft, detrend, return_onesided, scaling, axis,
        average,
    )  # fmt: skip


def continued(x: Any, boundary: str | None, n: int) -> Any:
    """Return a signal with n samples before and after it."""
    if boundary is None or n == 0:
        return x
    if boundary == "constant":
        return gnp.pad(x, [(0, 0)] * (x.ndim - 1) + [(n, n)], mode="edge")
    if boundary == "zeros":
        return gnp.pad(x, [(0, 0)] * (x.ndim - 1) + [(n, n)])
    before, after = gnp.flip(x[..., 1 : n + 1], -1), gnp.flip(x[..., -n - 1 : -1], -1)
    if boundary == "odd":
        before, after = 2 * x[..., :1] - before, 2 * x[..., -1:] - after
    return gnp.concatenate([before, x, after], -1)


def stft(
    x: Any,
    fs: Any = 1.0,
    window: Any = "hann",
    nperseg: int = 256,
    noverlap: int | None = None,
    nfft: int | None = None,
    detrend: Any = False,
    return_onesided: bool = True,
    boundary: str | None = "zeros",
    padded: bool = True,
    axis: int = -1,
) -> tuple[Any, Any, Any]:
    """Return frequencies, times and the transforms of overlapping segments.

    Half a segment of zeros (or the even, odd or constant continuation) is put before and after
    the signal, and zeros at its end where `padded`, so that segments cover it.
    Shapes: x T[…, n] -> complex[…, frequencies, segments].
    Errors: ValueError for other options, and lengths that do not go together.
    """
    x = gnp.moveaxis(a_float("stft", x), axis, -1)
    if boundary not in BOUNDARIES:
        raise ArgumentError(
            f"stft: boundary is one of {BOUNDARIES}; got {boundary!r}.{at_user_line()}"
        )
    n = segment_length("stft", window, nperseg, x.shape[-1])
    values = window_of("stft", window, n)
    overlap, n_fft = overlap_of("stft", n, noverlap), n_fft_of("stft", n, nfft)
    x = continued(x, boundary, n // 2)
    if padded:
        missing = -(x.shape[-1] - n) % (n - overlap)
        x = gnp.pad(x, [(0, 0)] * (x.ndim - 1) + [(0, missing)])
    one_sided = return_onesided and not is_complex(x)
    segments = detrended("stft", segments_of(x, n, overlap), detrend)
    spectra = transforms_of(segments, values, n_fft, one_sided)
    spectra = spectra / gnp.sum(gnp.asarray(values)).astype(x.real.dtype)
    times = (gnp.arange(spectra.shape[-2]) * (n - overlap) + n / 2) / fs
    times = times if boundary is None else times - (n / 2) / fs
    spectra = gnp.moveaxis(spectra, -1, -2)
    if axis not in (-1, x.ndim - 1):
        spectra = gnp.moveaxis(spectra, -2, axis if axis >= 0 else axis - 1)
    return frequencies(n_fft, fs, one_sided), times, spectra


def istft(
    Zxx: Any,
    fs: Any = 1.0,
    window: Any = "hann",
    nperseg: int | None = None,
    noverlap: int | None = None,
    nfft: int | None = None,
    input_onesided: bool = True,
    boundary: bool = True,
    time_axis: int = -1,
    freq_axis: int = -2,
) -> tuple[Any, Any]:
    """Return times and the signal whose transforms are nearest to those given.

    Arguments are those that stft was called with; `boundary` says that half a segment was put at
    either end.
    Errors: ValueError for equal axes, fewer than two, and lengths that do not go together.
    """
    spectra = gnp.asarray(Zxx)
    if spectra.ndim < 2 or (time_axis - freq_axis) % spectra.ndim == 0:
        raise ShapeError(
            "istft: expected transforms with a time axis and another one of frequencies; got shape"
            f" {spectra.shape}, time_axis={time_axis} and freq_axis={freq_axis}.{at_user_line()}"
        )
    spectra = gnp.moveaxis(spectra, (time_axis, freq_axis), (-2, -1))
    n_bins, n_segments = spectra.shape[-1], spectra.shape[-2]
    default = 2 * (n_bins - 1) if input_onesided else n_bins
    n = default if nperseg is None else int(nperseg)
    is_odd = input_onesided and n == default + 1
    n_fft = n_fft_of("istft", n, (n if is_odd else default) if nfft is None else nfft)
    values = gnp.asarray(window_of("istft", window, n), spectra.real.dtype)
    step = n - overlap_of("istft", n, noverlap)
    inverse = gnp.fft.irfft if input_onesided else gnp.fft.ifft
    pieces = inverse(spectra, n_fft)[..., :n] * (values * gnp.sum(values))
    places = (np.arange(n_segments) * step)[:, None] + np.arange(n)
    length = (n_segments - 1) * step + n
    empty = gnp.zeros((*pieces.shape[:-2], length), pieces.dtype)
    total = empty.at[..., places].add(pieces)
    weight = gnp.zeros(length, values.dtype).at[places].add(values * values)
    total = total / gnp.where(weight > 1e-10, weight, 1)
    if boundary:
        total = total[..., n // 2 : length - n // 2]
    times = gnp.arange(total.shape[-1]) / fs
    place = time_axis % (total.ndim + 1)
    if place != total.ndim:
        total = gnp.moveaxis(total, -1, place - (freq_axis % (total.ndim + 1) < place))
    return times, total
