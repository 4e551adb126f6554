"""The gamma distribution."""

from __future__ import annotations

from typing import Any

from gradax import lax
from gradax import numpy as gnp
from gradax.api.jit import jit
from gradax.scipy import special
from gradax.scipy.arguments import floats


@jit
def logpdf(x: Any, a: Any, loc: Any = 0, scale: Any = 1) -> Any:
    """Return the logarithm of the density."""
    x, a, loc, scale = floats("gamma.logpdf", x, a, loc, scale)
    z = (x - loc) / scale
    safe = gnp.where(z < 0, 1, z)
    inside = special.xlogy(a - 1, safe) - safe - lax.lgamma(a) - gnp.log(scale)
    return gnp.where(z < 0, -gnp.inf, inside)


@jit
def pdf(x: Any, a: Any, loc: Any = 0, scale: Any = 1) -> Any:
    """Return the density."""
    return gnp.exp(logpdf(x, a, loc, scale))


@jit
def cdf(x: Any, a: Any, loc: Any = 0, scale: Any = 1) -> Any:
    """Return the distribution function."""
    x, a, loc, scale = floats("gamma.cdf", x, a, loc, scale)
    return special.gammainc(a, gnp.maximum((x - loc) / scale, 0))


@jit
def sf(x: Any, a: Any, loc: Any = 0, scale: Any = 1) -> Any:
    """Return 1 less the distribution function."""
    x, a, loc, scale = floats("gamma.sf", x, a, loc, scale)
    return special.gammaincc(a, gnp.maximum((x - loc) / scale, 0))


@jit
def logcdf(x: Any, a: Any, loc: Any = 0, scale: Any = 1) -> Any:
    """Return the logarithm of the distribution function."""
    return gnp.log(cdf(x, a, loc, scale))


@jit
def logsf(x: Any, a: Any, loc: Any = 0, scale: Any = 1) -> Any:
    """Return the logarithm of 1 less the distribution function."""
    return gnp.log(sf(x, a, loc, scale))
