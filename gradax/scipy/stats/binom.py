"""The binomial distribution of n throws of probability p."""

from __future__ import annotations

from typing import Any

from gradax import lax
from gradax import numpy as gnp
from gradax.api.jit import jit
from gradax.scipy import special
from gradax.scipy.arguments import floats


@jit
def logpmf(k: Any, n: Any, p: Any, loc: Any = 0) -> Any:
    """Return the logarithm of the probability."""
    k, n, p, loc = floats("binom.logpmf", k, n, p, loc)
    x = k - loc
    outside = (x < 0) | (x > n)
    y = gnp.where(outside, 0, x)
    choices = lax.lgamma(n + 1) - lax.lgamma(y + 1) - lax.lgamma(n - y + 1)
    inside = choices + special.xlogy(y, p) + special.xlog1py(n - y, -p)
    return gnp.where(outside, -gnp.inf, inside)


@jit
def pmf(k: Any, n: Any, p: Any, loc: Any = 0) -> Any:
    """Return the probability."""
    return gnp.exp(logpmf(k, n, p, loc))
