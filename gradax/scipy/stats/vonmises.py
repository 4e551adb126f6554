"""Von Mises' distribution on the circle, of concentration kappa."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradax import lax
from gradax import numpy as gnp
from gradax.api.jit import jit
from gradax.scipy.arguments import floats


@jit
def logpdf(x: Any, kappa: Any) -> Any:
    """Return the logarithm of the density."""
    x, kappa = floats("vonmises.logpdf", x, kappa)
    # cos(x) - 1, kept accurate near 0.
    fall = -2 * gnp.square(gnp.sin(x / 2))
    return kappa * fall - (np.log(2 * np.pi) + gnp.log(lax.bessel_i0e(kappa)))


@jit
def pdf(x: Any, kappa: Any) -> Any:
    """Return the density."""
    return gnp.exp(logpdf(x, kappa))
