"""Student's distribution of df degrees of freedom."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradax import lax
from gradax import numpy as gnp
from gradax.api.jit import jit
from gradax.scipy.arguments import floats


@jit
def logpdf(x: Any, df: Any, loc: Any = 0, scale: Any = 1) -> Any:
    """Return the logarithm of the density."""
    x, df, loc, scale = floats("t.logpdf", x, df, loc, scale)
    z = (x - loc) / scale
    half = (df + 1) / 2
    norm = lax.lgamma(df / 2) - lax.lgamma(half) + 0.5 * gnp.log(np.pi * df) + gnp.log(scale)
    return -norm - half * gnp.log1p(z * z / df)


@jit
def pdf(x: Any, df: Any, loc: Any = 0, scale: Any = 1) -> Any:
    """Return the density."""
    return gnp.exp(logpdf(x, df, loc, scale))
