"""The normal distribution between a and b, in standard units."""

from __future__ import annotations

from typing import Any

from gradax import numpy as gnp
from gradax.api.jit import jit
from gradax.nn.activations import log1mexp
from gradax.scipy import special
from gradax.scipy.arguments import floats
from gradax.scipy.stats import norm


def log_difference(x: Any, y: Any) -> Any:
    """Return log(exp(x) - exp(y)) for x >= y."""
    gap = gnp.where(x == -gnp.inf, 0, x - gnp.where(x == -gnp.inf, 0, y))
    return x + gnp.where(gap > 0, log1mexp(gnp.where(gap > 0, gap, 1)), -gnp.inf)


def log_mass(a: Any, b: Any) -> Any:
    """Return the logarithm of the normal distribution's mass between a and b.

    The tail that it lies in is taken, so that no digits are lost.
    """
    is_right = a > 0
    low, high = gnp.where(is_right, -b, a), gnp.where(is_right, -a, b)
    is_tail = high <= 0
    tail = log_difference(special.log_ndtr(gnp.where(is_tail, high, 0)),
                          special.log_ndtr(gnp.where(is_tail, low, -1)))  # fmt: skip
    rest = special.ndtr(low) + special.ndtr(-high)
    return gnp.where(is_tail, tail, gnp.log1p(-gnp.where(is_tail, 0, rest)))


@jit
def logpdf(x: Any, a: Any, b: Any, loc: Any = 0, scale: Any = 1) -> Any:
    """Return the logarithm of the density."""
    x, a, b, loc, scale = floats("truncnorm.logpdf", x, a, b, loc, scale)
    z = (x - loc) / scale
    inside = norm.logpdf(z) - log_mass(a, b) - gnp.log(scale)
    return checked(gnp.where((z < a) | (z > b), -gnp.inf, inside), a, b)


def checked(value: Any, a: Any, b: Any) -> Any:
    """Return a value, NaN where the bounds are none."""
    return gnp.where(a < b, value, gnp.nan)


@jit
def pdf(x: Any, a: Any, b: Any, loc: Any = 0, scale: Any = 1) -> Any:
    """Return the density."""
    return gnp.exp(logpdf(x, a, b, loc, scale))


@jit
def logcdf(x: Any, a: Any, b: Any, loc: Any = 0, scale: Any = 1) -> Any:
    """Return the logarithm of the distribution function."""
    x, a, b, loc, scale = floats("truncnorm.logcdf", x, a, b, loc, scale)
    z = gnp.clip((x - loc) / scale, a, b)
    below = log_mass(a, z) - log_mass(a, b)
    above = log_mass(z, b) - log_mass(a, b)
    # The smaller part has the digits.
    near_end = gnp.log1p(-gnp.exp(gnp.minimum(above, -0.1)))
    return checked(gnp.where(below > -0.1, gnp.where(above < -0.1, near_end, below), below), a, b)


@jit
def cdf(x: Any, a: Any, b: Any, loc: Any = 0, scale: Any = 1) -> Any:
    """Return the distribution function."""
    return gnp.exp(logcdf(x, a, b, loc, scale))


@jit
def logsf(x: Any, a: Any, b: Any, loc: Any = 0, scale: Any = 1) -> Any:
    """Return the logarithm of 1 less the distribution function."""
    x, a, b, loc, scale = floats("truncnorm.logsf", x, a, b, loc, scale)
    return logcdf(-x, -b, -a, -loc, scale)


@jit
def sf(x: Any, a: Any, b: Any, loc: Any = 0, scale: Any = 1) -> Any:
    """Return 1 less the distribution function."""
    return gnp.exp(logsf(x, a, b, loc, scale))
