"""Poisson's distribution of mean mu."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradax import lax
from gradax import numpy as gnp
from gradax.api.jit import jit
from gradax.scipy import special
from gradax.scipy.arguments import floats

# The entropy is summed over so many counts up to a mean of 10 and of 100; then its series serves.
N_SUMMED = ((10.0, 40), (100.0, 240))


@jit
def logpmf(k: Any, mu: Any, loc: Any = 0) -> Any:
    """Return the logarithm of the probability."""
    k, mu, loc = floats("poisson.logpmf", k, mu, loc)
    x = k - loc
    outside = (x < 0) | (x != gnp.floor(x))
    y = gnp.where(outside, 0, x)
    return gnp.where(outside, -gnp.inf, special.xlogy(y, mu) - lax.lgamma(y + 1) - mu)


@jit
def pmf(k: Any, mu: Any, loc: Any = 0) -> Any:
    """Return the probability."""
    return gnp.exp(logpmf(k, mu, loc))


@jit
def cdf(k: Any, mu: Any, loc: Any = 0) -> Any:
    """Return the distribution function."""
    k, mu, loc = floats("poisson.cdf", k, mu, loc)
    x = k - loc
    inside = special.gammaincc(gnp.floor(gnp.maximum(x, 0)) + 1, mu)
    return gnp.where(x < 0, 0, inside)


@jit
def entropy(mu: Any, loc: Any = 0) -> Any:
    """Return the entropy, which loc leaves alone."""
    mu, _ = floats("poisson.entropy", mu, loc)
    far = gnp.maximum(mu, N_SUMMED[-1][0])
    series = -1 / (12 * far) - 1 / (24 * far**2) - 19 / (360 * far**3)
    out = 0.5 * gnp.log(2 * np.pi * np.e * far) + series
    for limit, n in reversed(N_SUMMED):
        near = gnp.minimum(mu, limit)[..., None]
        logs = logpmf(gnp.arange(n), near)
        out = gnp.where(mu <= limit, -gnp.sum(gnp.exp(logs) * gnp.maximum(logs, -1e30), -1), out)
    return gnp.where(mu < 0, gnp.nan, gnp.where(mu == 0, 0, out))
