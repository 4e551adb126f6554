"""Laplace's distribution."""

from __future__ import annotations

from typing import Any

from gradax import numpy as gnp
from gradax.api.jit import jit
from gradax.scipy.arguments import floats


@jit
def logpdf(x: Any, loc: Any = 0, scale: Any = 1) -> Any:
    """Return the logarithm of the density."""
    x, loc, scale = floats("laplace.logpdf", x, loc, scale)
    return -abs(x - loc) / scale - gnp.log(2 * scale)


@jit
def pdf(x: Any, loc: Any = 0, scale: Any = 1) -> Any:
    """Return the density."""
    return gnp.exp(logpdf(x, loc, scale))


@jit
def cdf(x: Any, loc: Any = 0, scale: Any = 1) -> Any:
    """Return the distribution function."""
    x, loc, scale = floats("laplace.cdf", x, loc, scale)
    z = (x - loc) / scale
    half = 0.5 * gnp.exp(-abs(z))
    return gnp.where(z <= 0, half, 1 - half)
