"""Signals cut into overlapping segments, and their trends."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from gradax import numpy as gnp
from gradax.errors import ArgumentError, at_user_line
from gradax.scipy.arguments import a_float

# The windows most used are sums of cosines: the coefficients, of alternating signs.
COSINES = {
    "boxcar": (1.0,),
    "hann": (0.5, 0.5),
    "hamming": (0.54, 0.46),
    "blackman": (0.42, 0.50, 0.08),
    "nuttall": (0.3635819, 0.4891775, 0.1365995, 0.0106411),
    "blackmanharris": (0.35875, 0.48829, 0.14128, 0.01168),
}


def sum_of_cosines(coefficients: Sequence[float], n: int) -> np.ndarray[Any, Any]:
    """Return a periodic window of n samples; one sample is 1.

    Source: F. J. Harris, Proc. IEEE 66 (1978), section VI.
    """
    if n <= 1:
        return np.ones(n)
    phase = 2 * np.pi * np.arange(n) / n
    terms = [(-1) ** k * a * np.cos(k * phase) for k, a in enumerate(coefficients)]
    return np.sum(terms, axis=0)


def window_of(name: str, window: Any, n_segment: int) -> np.ndarray[Any, Any] | Any:
    """Return a window: an array as it is, SciPy's of a name or a (name, parameter).

    Errors: ValueError for an array of another length than the segments'.
    """
    if isinstance(window, str) and window in COSINES:
        return sum_of_cosines(COSINES[window], n_segment)
    if isinstance(window, str | tuple):
        # Heavy, and wanted here only.
        from scipy.signal import get_window

        return get_window(window, n_segment)
    values = gnp.asarray(window)
    if values.shape != (n_segment,):
        raise ArgumentError(
            f"{name}: the window has as many elements as a segment, {n_segment}; got shape"
            f" {values.shape}.{at_user_line()}"
        )
    return values


def overlap_of(name: str, n_segment: int, n_overlap: int | None) -> int:
    """Return by how many samples segments overlap, half by default.

    Errors: ValueError unless that is less than a segment.
    """
    found = n_segment // 2 if n_overlap is None else int(n_overlap)
    if not 0 <= found < n_segment:
        raise ArgumentError(
            f"{name}: noverlap is less than nperseg, {n_segment}; got {found}.{at_user_line()}"
        )
    return found


def n_fft_of(name: str, n_segment: int, n_fft: int | None) -> int:
    """Return the length of the transforms. Errors: ValueError for one shorter than a segment."""
    found = n_segment if n_fft is None else int(n_fft)
    if found < n_segment:
        raise ArgumentError(
            f"{name}: nfft is at least nperseg, {n_segment}; got {found}.{at_user_line()}"
        )
    return found


def segments_of(x: Any, n_segment: int, n_overlap: int) -> Any:
    """Return the segments along the last axis. Shapes: T[…, n] -> T[…, segments, n_segment]."""
    step = n_segment - n_overlap
    starts = np.arange(0, x.shape[-1] - n_segment + 1, step)
    return x[..., starts[:, None] + np.arange(n_segment)]


def detrend(
    data: Any, axis: int = -1, type: str = "linear", bp: Any = 0, overwrite_data: None = None
) -> Any:
    """Return data less its mean (constant) or its best line (linear) along an axis.

    `bp` are places where a new line begins. `overwrite_data` is accepted, unused.
    Errors: ValueError for another type and for places outside.
    """
    x = a_float("detrend", data)
    if type not in ("constant", "linear"):
        raise ArgumentError(
            f"detrend: type is 'constant' or 'linear'; got {type!r}.{at_user_line()}"
        )
    if type == "constant":
        return x - gnp.mean(x, axis, keepdims=True)
    x = gnp.moveaxis(x, axis, -1)
    n = x.shape[-1]
    breaks = sorted({0, n, *(int(b) for b in np.atleast_1d(bp))})
    if breaks[0] < 0 or breaks[-1] > n:
        raise ArgumentError(f"detrend: break points are from 0 to {n}; got {bp}.{at_user_line()}")
    parts = [without_line(x[..., a:b]) for a, b in pairwise(breaks)]
    return gnp.moveaxis(gnp.concatenate(parts, -1), -1, axis)


def without_line(x: Any) -> Any:
    """Return x less its best line along the last axis."""
    n = x.shape[-1]
    places = np.arange(n) - (n - 1) / 2
    slope_of = (places / max(float(places @ places), 1.0)).astype(x.dtype)
    slope = gnp.sum(x * slope_of, -1, keepdims=True)
    return x - gnp.mean(x, -1, keepdims=True) - slope * places.astype(x.dtype)


def detrended(name: str, x: Any, how: Any) -> Any:
    """Return segments less what `how` names or returns: False, a type of `detrend`, a function."""
    if how is False or how is None:
        return x
    if callable(how):
        return how(x)
    if how not in ("constant", "linear"):
        raise ArgumentError(
            f"{name}: detrend is False, 'constant', 'linear' or a function; got {how!r}."
            f"{at_user_line()}"
        )
    return detrend(x, -1, how)
