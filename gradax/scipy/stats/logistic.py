"""The logistic distribution."""

from __future__ import annotations

from typing import Any

from gradax import lax
from gradax import numpy as gnp
from gradax.api.jit import jit
from gradax.scipy import special
from gradax.scipy.arguments import floats


@jit
def logpdf(x: Any, loc: Any = 0, scale: Any = 1) -> Any:
    """Return the logarithm of the density."""
    x, loc, scale = floats("logistic.logpdf", x, loc, scale)
    z = (x - loc) / scale
    half = z / 2
    return -2 * gnp.logaddexp(half, -half) - gnp.log(scale)


@jit
def pdf(x: Any, loc: Any = 0, scale: Any = 1) -> Any:
    """Return the density."""
    return gnp.exp(logpdf(x, loc, scale))


@jit
def cdf(x: Any, loc: Any = 0, scale: Any = 1) -> Any:
    """Return the distribution function."""
    x, loc, scale = floats("logistic.cdf", x, loc, scale)
    return lax.logistic((x - loc) / scale)


@jit
def sf(x: Any, loc: Any = 0, scale: Any = 1) -> Any:
    """Return 1 less the distribution function."""
    x, loc, scale = floats("logistic.sf", x, loc, scale)
    return lax.logistic((loc - x) / scale)


@jit
def ppf(x: Any, loc: Any = 0, scale: Any = 1) -> Any:
    """Return the quantile."""
    x, loc, scale = floats("logistic.ppf", x, loc, scale)
    return special.logit(x) * scale + loc


@jit
def isf(x: Any, loc: Any = 0, scale: Any = 1) -> Any:
    """Return the quantile of 1 - x."""
    x, loc, scale = floats("logistic.isf", x, loc, scale)
    return loc - special.logit(x) * scale
