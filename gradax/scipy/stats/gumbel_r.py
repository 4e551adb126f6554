"""Gumbel's distribution of maxima."""

from __future__ import annotations

from typing import Any

from gradax import numpy as gnp
from gradax.api.jit import jit
from gradax.nn.activations import log1mexp
from gradax.scipy.arguments import floats


@jit
def logpdf(x: Any, loc: Any = 0, scale: Any = 1) -> Any:
    """Return the logarithm of the density."""
    x, loc, scale = floats("gumbel_r.logpdf", x, loc, scale)
    z = (x - loc) / scale
    return -(z + gnp.exp(-z)) - gnp.log(scale)


@jit
def pdf(x: Any, loc: Any = 0, scale: Any = 1) -> Any:
    """Return the density."""
    return gnp.exp(logpdf(x, loc, scale))


@jit
def logcdf(x: Any, loc: Any = 0, scale: Any = 1) -> Any:
    """Return the logarithm of the distribution function."""
    x, loc, scale = floats("gumbel_r.logcdf", x, loc, scale)
    return -gnp.exp(-(x - loc) / scale)


@jit
def cdf(x: Any, loc: Any = 0, scale: Any = 1) -> Any:
    """Return the distribution function."""
    return gnp.exp(logcdf(x, loc, scale))


@jit
def sf(x: Any, loc: Any = 0, scale: Any = 1) -> Any:
    """Return 1 less the distribution function."""
    return -gnp.expm1(logcdf(x, loc, scale))


@jit
def logsf(x: Any, loc: Any = 0, scale: Any = 1) -> Any:
    """Return the logarithm of 1 less the distribution function."""
    return log1mexp(-logcdf(x, loc, scale))


@jit
def ppf(p: Any, loc: Any = 0, scale: Any = 1) -> Any:
    """Return the quantile; NaN outside 0 … 1."""
    p, loc, scale = floats("gumbel_r.ppf", p, loc, scale)
    return loc - scale * gnp.log(-gnp.log(p))
