"""Cauchy's distribution."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradax import numpy as gnp
from gradax.api.jit import jit
from gradax.scipy.arguments import floats


@jit
def logpdf(x: Any, loc: Any = 0, scale: Any = 1) -> Any:
    """Return the logarithm of the density."""
    x, loc, scale = floats("cauchy.logpdf", x, loc, scale)
    z = (x - loc) / scale
    return -gnp.log(np.pi * scale) - gnp.log1p(z * z)


@jit
def pdf(x: Any, loc: Any = 0, scale: Any = 1) -> Any:
    """Return the density."""
    return gnp.exp(logpdf(x, loc, scale))


@jit
def cdf(x: Any, loc: Any = 0, scale: Any = 1) -> Any:
    """Return the distribution function, accurate far below loc as well."""
    x, loc, scale = floats("cauchy.cdf", x, loc, scale)
    return gnp.arctan2(gnp.ones_like(x), -(x - loc) / scale) / np.pi


@jit
def logcdf(x: Any, loc: Any = 0, scale: Any = 1) -> Any:
    """Return the logarithm of the distribution function."""
    return gnp.log(cdf(x, loc, scale))


@jit
def sf(x: Any, loc: Any = 0, scale: Any = 1) -> Any:
    """Return 1 less the distribution function."""
    x, loc, scale = floats("cauchy.sf", x, loc, scale)
    return cdf(-x, -loc, scale)


@jit
def logsf(x: Any, loc: Any = 0, scale: Any = 1) -> Any:
    """Return the logarithm of 1 less the distribution function."""
    return gnp.log(sf(x, loc, scale))


def standard_quantile(q: Any) -> Any:
    """Return the standard distribution's quantile, accurate near 0 and 1; NaN outside 0 … 1."""
    # Far from the middle by the cotangent of the smaller side, which is infinite at its end.
    side = gnp.minimum(q, 1 - q)
    is_far = side < 0.25
    cotangent = 1 / gnp.tan(np.pi * gnp.where(is_far, side, 0.25))
    middle = gnp.tan(np.pi * (gnp.where(is_far, 0.5, q) - 0.5))
    value = gnp.where(is_far, gnp.where(q < 0.5, -cotangent, cotangent), middle)
    return gnp.where((q < 0) | (q > 1), gnp.nan, value)


@jit
def ppf(q: Any, loc: Any = 0, scale: Any = 1) -> Any:
    """Return the quantile."""
    q, loc, scale = floats("cauchy.ppf", q, loc, scale)
    return loc + scale * standard_quantile(q)


@jit
def isf(q: Any, loc: Any = 0, scale: Any = 1) -> Any:
    """Return the quantile of 1 - q."""
    q, loc, scale = floats("cauchy.isf", q, loc, scale)
    return loc - scale * standard_quantile(q)
