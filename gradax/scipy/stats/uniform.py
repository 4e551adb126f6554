"""The uniform distribution on loc … loc + scale."""

from __future__ import annotations

from typing import Any

from gradax import numpy as gnp
from gradax.api.jit import jit
from gradax.scipy.arguments import floats


@jit
def logpdf(x: Any, loc: Any = 0, scale: Any = 1) -> Any:
    """Return the logarithm of the density."""
    x, loc, scale = floats("uniform.logpdf", x, loc, scale)
    return gnp.where((x < loc) | (x > loc + scale), -gnp.inf, -gnp.log(scale))


@jit
def pdf(x: Any, loc: Any = 0, scale: Any = 1) -> Any:
    """Return the density."""
    return gnp.exp(logpdf(x, loc, scale))


@jit
def cdf(x: Any, loc: Any = 0, scale: Any = 1) -> Any:
    """Return the distribution function."""
    x, loc, scale = floats("uniform.cdf", x, loc, scale)
    return gnp.clip((x - loc) / scale, 0, 1)


@jit
def ppf(q: Any, loc: Any = 0, scale: Any = 1) -> Any:
    """Return the quantile; NaN outside 0 … 1."""
    q, loc, scale = floats("uniform.ppf", q, loc, scale)
    return gnp.where((q < 0) | (q > 1), gnp.nan, loc + q * scale)
