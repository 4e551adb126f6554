"""The geometric distribution: throws up to the first success of probability p."""

from __future__ import annotations

from typing import Any

from gradax import numpy as gnp
from gradax.api.jit import jit
from gradax.scipy import special
from gradax.scipy.arguments import floats


@jit
def logpmf(k: Any, p: Any, loc: Any = 0) -> Any:
    """Return the logarithm of the probability."""
    k, p, loc = floats("geom.logpmf", k, p, loc)
    x = k - loc
    inside = special.xlog1py(gnp.maximum(x, 1) - 1, -p) + gnp.log(p)
    return gnp.where(x <= 0, -gnp.inf, inside)


@jit
def pmf(k: Any, p: Any, loc: Any = 0) -> Any:
    """Return the probability."""
    return gnp.exp(logpmf(k, p, loc))
