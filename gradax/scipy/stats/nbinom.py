"""The negative binomial distribution: failures before the n-th success of probability p."""

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
    k, n, p, loc = floats("nbinom.logpmf", k, n, p, loc)
    x = k - loc
    y = gnp.where(x < 0, 0, x)
    choices = lax.lgamma(y + n) - lax.lgamma(n) - lax.lgamma(y + 1)
    inside = choices + n * gnp.log(p) + special.xlog1py(y, -p)
    return gnp.where(x < 0, -gnp.inf, inside)


@jit
def pmf(k: Any, n: Any, p: Any, loc: Any = 0) -> Any:
    """Return the probability."""
    return gnp.exp(logpmf(k, n, p, loc))
