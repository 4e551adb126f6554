"""Cauchy's distribution wrapped around the circle, 0 … 2 pi."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradax import numpy as gnp
from gradax.api.jit import jit
from gradax.scipy.arguments import floats


@jit
def logpdf(x: Any, c: Any) -> Any:
    """Return the logarithm of the density; NaN unless 0 < c < 1."""
    x, c = floats("wrapcauchy.logpdf", x, c)
    inside = gnp.log1p(-c * c) - np.log(2 * np.pi) - gnp.log1p(c * c - 2 * c * gnp.cos(x))
    on_circle = gnp.where((x >= 0) & (x <= 2 * np.pi), inside, -gnp.inf)
    return gnp.where((c > 0) & (c < 1), on_circle, gnp.nan)


@jit
def pdf(x: Any, c: Any) -> Any:
    """Return the density."""
    return gnp.exp(logpdf(x, c))
