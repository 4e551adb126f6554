"""Pareto's distribution with exponent b."""

from __future__ import annotations

from typing import Any

from gradax import numpy as gnp
from gradax.api.jit import jit
from gradax.scipy.arguments import floats


@jit
def logpdf(x: Any, b: Any, loc: Any = 0, scale: Any = 1) -> Any:
    """Return the logarithm of the density."""
    x, b, loc, scale = floats("pareto.logpdf", x, b, loc, scale)
    z = (x - loc) / scale
    inside = gnp.log(b) - gnp.log(scale) - (b + 1) * gnp.log(gnp.where(z < 1, 1, z))
    return gnp.where(z < 1, -gnp.inf, inside)


@jit
def pdf(x: Any, b: Any, loc: Any = 0, scale: Any = 1) -> Any:
    """Return the density."""
    return gnp.exp(logpdf(x, b, loc, scale))


@jit
def logsf(x: Any, b: Any, loc: Any = 0, scale: Any = 1) -> Any:
    """Return the logarithm of 1 less the distribution function."""
    x, b, loc, scale = floats("pareto.logsf", x, b, loc, scale)
    return -b * gnp.log(gnp.maximum((x - loc) / scale, 1))


@jit
def sf(x: Any, b: Any, loc: Any = 0, scale: Any = 1) -> Any:
    """Return 1 less the distribution function."""
    return gnp.exp(logsf(x, b, loc, scale))


@jit
def cdf(x: Any, b: Any, loc: Any = 0, scale: Any = 1) -> Any:
    """Return the distribution function."""
    return -gnp.expm1(logsf(x, b, loc, scale))


@jit
def logcdf(x: Any, b: Any, loc: Any = 0, scale: Any = 1) -> Any:
    """Return the logarithm of the distribution function."""
    return gnp.log(cdf(x, b, loc, scale))


@jit
def ppf(q: Any, b: Any, loc: Any = 0, scale: Any = 1) -> Any:
    """Return the quantile; NaN outside 0 … 1."""
    q, b, loc, scale = floats("pareto.ppf", q, b, loc, scale)
    value = loc + scale * gnp.exp(-gnp.log1p(-q) / b)
    return gnp.where((q < 0) | (q > 1), gnp.nan, value)
