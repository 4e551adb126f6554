"""Window functions of signal processing."""

from __future__ import annotations

import math
from typing import Any

from gradax import dtypes
from gradax.lax.creation import Iota
from gradax.numpy.axes import static_int
from gradax.numpy.creation import ones
from gradax.numpy.elementary import cos, i0
from gradax.numpy.logic import where_select
from gradax.numpy.promotion import convert


def line(name: str, M: Any) -> tuple[Any, int]:
    """Return 0 … M - 1 as floats, and M."""
    n = static_int(name, M, "M")
    return Iota(dtypes.default_dtype("f"), (max(n, 0),), 0)(), n


def bartlett(M: int) -> Any:
    """Return the triangular window of M points."""
    x, n = line("bartlett", M)
    if n <= 1:
        return ones(max(n, 0))
    return 1 - abs(2 * x + 1 - n) / (n - 1)


def blackman(M: int) -> Any:
    """Return the Blackman window of M points."""
    x, n = line("blackman", M)
    if n <= 1:
        return ones(max(n, 0))
    angle = 2 * math.pi / (n - 1) * x
    return 0.42 - 0.5 * cos(angle) + 0.08 * cos(2 * angle)


def hamming(M: int) -> Any:
    """Return the Hamming window of M points."""
    x, n = line("hamming", M)
    return ones(max(n, 0)) if n <= 1 else 0.54 - 0.46 * cos(2 * math.pi / (n - 1) * x)


def hanning(M: int) -> Any:
    """Return the Hann window of M points."""
    x, n = line("hanning", M)
    return ones(max(n, 0)) if n <= 1 else 0.5 - 0.5 * cos(2 * math.pi / (n - 1) * x)


def kaiser(M: int, beta: Any) -> Any:
    """Return the Kaiser window of M points and shape `beta`."""
    x, n = line("kaiser", M)
    if n <= 1:
        return ones(max(n, 0))
    alpha = 0.5 * (n - 1)
    inside = 1 - ((x - alpha) / alpha) ** 2
    root = where_select(inside > 0, inside, convert(0, inside.dtype)) ** 0.5
    return i0(beta * root) / i0(beta)
