"""The chi-square distribution of df degrees of freedom: a gamma distribution."""

from __future__ import annotations

from typing import Any

from gradax import numpy as gnp
from gradax.api.jit import jit
from gradax.scipy.stats import gamma


def half(df: Any, scale: Any) -> tuple[Any, Any]:
    """Return the gamma distribution's parameters."""
    return gnp.divide(df, 2), gnp.multiply(scale, 2)


@jit
def logpdf(x: Any, df: Any, loc: Any = 0, scale: Any = 1) -> Any:
    """Return the logarithm of the density."""
    a, scale = half(df, scale)
    return gamma.logpdf(x, a, loc, scale)


@jit
def pdf(x: Any, df: Any, loc: Any = 0, scale: Any = 1) -> Any:
    """Return the density."""
    return gnp.exp(logpdf(x, df, loc, scale))


@jit
def cdf(x: Any, df: Any, loc: Any = 0, scale: Any = 1) -> Any:
    """Return the distribution function."""
    a, scale = half(df, scale)
    return gamma.cdf(x, a, loc, scale)


@jit
def sf(x: Any, df: Any, loc: Any = 0, scale: Any = 1) -> Any:
    """Return 1 less the distribution function."""
    a, scale = half(df, scale)
    return gamma.sf(x, a, loc, scale)


@jit
def logcdf(x: Any, df: Any, loc: Any = 0, scale: Any = 1) -> Any:
    """Return the logarithm of the distribution function."""
    return gnp.log(cdf(x, df, loc, scale))


@jit
def logsf(x: Any, df: Any, loc: Any = 0, scale: Any = 1) -> Any:
    """Return the logarithm of 1 less the distribution function."""
    return gnp.log(sf(x, df, loc, scale))
