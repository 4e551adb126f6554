"""The generalized normal distribution, of density proportional to exp(-|x|**beta)."""

from __future__ import annotations

from typing import Any

from gradax import lax
from gradax import numpy as gnp
from gradax.api.jit import jit
from gradax.scipy import special
from gradax.scipy.arguments import floats


@jit
def logpdf(x: Any, beta: Any) -> Any:
    """Return the logarithm of the density."""
    x, beta = floats("gennorm.logpdf", x, beta)
    return gnp.log(0.5 * beta) - lax.lgamma(1 / beta) - abs(x) ** beta


@jit
def pdf(x: Any, beta: Any) -> Any:
    """Return the density."""
    return gnp.exp(logpdf(x, beta))


@jit
def cdf(x: Any, beta: Any) -> Any:
    """Return the distribution function."""
    x, beta = floats("gennorm.cdf", x, beta)
    return 0.5 * (1 + gnp.sign(x) * special.gammainc(1 / beta, abs(x) ** beta))
