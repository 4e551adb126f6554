"""The normal distribution."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradax import numpy as gnp
from gradax.api.jit import jit
from gradax.scipy import special
from gradax.scipy.arguments import floats

HALF_LOG_2PI = 0.5 * np.log(2 * np.pi)


@jit
def logpdf(x: Any, loc: Any = 0, scale: Any = 1) -> Any:
    """Return the logarithm of the density."""
    x, loc, scale = floats("norm.logpdf", x, loc, scale)
    z = (x - loc) / scale
    return -0.5 * z * z - gnp.log(scale) - HALF_LOG_2PI


@jit
def pdf(x: Any, loc: Any = 0, scale: Any = 1) -> Any:
    """Return the density."""
    return gnp.exp(logpdf(x, loc, scale))


@jit
def cdf(x: Any, loc: Any = 0, scale: Any = 1) -> Any:
    """Return the distribution function."""
    x, loc, scale = floats("norm.cdf", x, loc, scale)
    return special.ndtr((x - loc) / scale)


@jit
def logcdf(x: Any, loc: Any = 0, scale: Any = 1) -> Any:
    """Return the logarithm of the distribution function."""
    x, loc, scale = floats("norm.logcdf", x, loc, scale)
    return special.log_ndtr((x - loc) / scale)


@jit
def sf(x: Any, loc: Any = 0, scale: Any = 1) -> Any:
    """Return 1 less the distribution function."""
    x, loc, scale = floats("norm.sf", x, loc, scale)
    return special.ndtr((loc - x) / scale)


@jit
def logsf(x: Any, loc: Any = 0, scale: Any = 1) -> Any:
    """Return the logarithm of 1 less the distribution function."""
    x, loc, scale = floats("norm.logsf", x, loc, scale)
    return special.log_ndtr((loc - x) / scale)


@jit
def ppf(q: Any, loc: Any = 0, scale: Any = 1) -> Any:
    """Return the quantile."""
    q, loc, scale = floats("norm.ppf", q, loc, scale)
    return special.ndtri(q) * scale + loc


@jit
def isf(q: Any, loc: Any = 0, scale: Any = 1) -> Any:
    """Return the quantile of 1 - q."""
    q, loc, scale = floats("norm.isf", q, loc, scale)
    return loc - special.ndtri(q) * scale
