"""The beta-binomial distribution: binomial, with a probability that is beta distributed."""

from __future__ import annotations

from typing import Any

from gradax import numpy as gnp
from gradax.api.jit import jit
from gradax.scipy import special
from gradax.scipy.arguments import floats


@jit
def logpmf(k: Any, n: Any, a: Any, b: Any, loc: Any = 0) -> Any:
    """Return the logarithm of the probability; NaN for parameters that are not positive."""
    k, n, a, b, loc = floats("betabinom.logpmf", k, n, a, b, loc)
    x = gnp.floor(k - loc)
    outside = (x < 0) | (x > n)
    y = gnp.where(outside, 0, x)
    choices = -gnp.log1p(n) - special.betaln(n - y + 1, y + 1)
    inside = choices + special.betaln(y + a, n - y + b) - special.betaln(a, b)
    value = gnp.where(outside, -gnp.inf, inside)
    return gnp.where((n < 0) | (a <= 0) | (b <= 0), gnp.nan, value)


@jit
def pmf(k: Any, n: Any, a: Any, b: Any, loc: Any = 0) -> Any:
    """Return the probability."""
    return gnp.exp(logpmf(k, n, a, b, loc))
