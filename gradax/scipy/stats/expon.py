"""The exponential distribution from loc, of mean scale."""

from __future__ import annotations

from typing import Any

from gradax import numpy as gnp
from gradax.api.jit import jit
from gradax.nn.activations import log1mexp
from gradax.scipy.arguments import floats


@jit
def logpdf(x: Any, loc: Any = 0, scale: Any = 1) -> Any:
    """Return the logarithm of the density."""
    x, loc, scale = floats("expon.logpdf", x, loc, scale)
    return gnp.where(x < loc, -gnp.inf, -(x - loc) / scale - gnp.log(scale))


@jit
def pdf(x: Any, loc: Any = 0, scale: Any = 1) -> Any:
    """Return the density."""
    return gnp.exp(logpdf(x, loc, scale))


@jit
def cdf(x: Any, loc: Any = 0, scale: Any = 1) -> Any:
    """Return the distribution function."""
    x, loc, scale = floats("expon.cdf", x, loc, scale)
    return -gnp.expm1(-gnp.maximum(x - loc, 0) / scale)


@jit
def logcdf(x: Any, loc: Any = 0, scale: Any = 1) -> Any:
    """Return the logarithm of the distribution function."""
    return log1mexp(-logsf(x, loc, scale))


@jit
def logsf(x: Any, loc: Any = 0, scale: Any = 1) -> Any:
    """Return the logarithm of 1 less the distribution function."""
    x, loc, scale = floats("expon.logsf", x, loc, scale)
    return -gnp.maximum(x - loc, 0) / scale


@jit
def sf(x: Any, loc: Any = 0, scale: Any = 1) -> Any:
    """Return 1 less the distribution function."""
    return gnp.exp(logsf(x, loc, scale))


@jit
def ppf(q: Any, loc: Any = 0, scale: Any = 1) -> Any:
    """Return the quantile; NaN outside 0 … 1."""
    q, loc, scale = floats("expon.ppf", q, loc, scale)
    return gnp.where((q < 0) | (q > 1), gnp.nan, loc - scale * gnp.log1p(-q))
