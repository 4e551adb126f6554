"""Bernoulli's distribution: 1 with probability p, else 0."""

from __future__ import annotations

from typing import Any

from gradax import numpy as gnp
from gradax.api.jit import jit
from gradax.scipy import special
from gradax.scipy.arguments import floats


@jit
def logpmf(k: Any, p: Any, loc: Any = 0) -> Any:
    """Return the logarithm of the probability."""
    k, p, loc = floats("bernoulli.logpmf", k, p, loc)
    x = k - loc
    inside = special.xlogy(x, p) + special.xlog1py(1 - x, -p)
    return gnp.where((x == 0) | (x == 1), inside, -gnp.inf)


@jit
def pmf(k: Any, p: Any, loc: Any = 0) -> Any:
    """Return the probability."""
    return gnp.exp(logpmf(k, p, loc))


@jit
def cdf(k: Any, p: Any) -> Any:
    """Return the distribution function; NaN unless 0 <= p <= 1."""
    k, p = floats("bernoulli.cdf", k, p)
    value = gnp.where(k < 0, 0, gnp.where(k < 1, 1 - p, 1))
    return gnp.where((p >= 0) & (p <= 1) & ~gnp.isnan(k), value, gnp.nan)


@jit
def ppf(q: Any, p: Any) -> Any:
    """Return the quantile; NaN unless 0 <= p, q <= 1."""
    q, p = floats("bernoulli.ppf", q, p)
    value = gnp.where(q == 0, -1, gnp.where(q <= 1 - p, 0, 1))
    inside = (p >= 0) & (p <= 1) & (q >= 0) & (q <= 1)
    return gnp.where(inside, value, gnp.nan)
