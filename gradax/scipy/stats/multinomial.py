"""The multinomial distribution of n throws of outcomes of probabilities p."""

from __future__ import annotations

from typing import Any

from gradax import lax
from gradax import numpy as gnp
from gradax.api.jit import jit
from gradax.scipy import special
from gradax.scipy.arguments import floats


@jit
def logpmf(x: Any, n: Any, p: Any) -> Any:
    """Return the logarithm of the probability of counts x; -inf unless they sum to n.

    Shapes: x, p T[.., k], n T[..] -> T[..].
    """
    x, p = floats("multinomial.logpmf", x, p)
    n = gnp.asarray(n).astype(x.dtype)
    terms = special.xlogy(x, p) - lax.lgamma(x + 1)
    return gnp.where(gnp.sum(x, -1) == n, lax.lgamma(n + 1) + gnp.sum(terms, -1), -gnp.inf)


@jit
def pmf(x: Any, n: Any, p: Any) -> Any:
    """Return the probability."""
    return gnp.exp(logpmf(x, n, p))
