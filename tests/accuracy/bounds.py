"""The accuracy that is promised of each elementary function in float32, and how it is measured.

The error is that of the float32 result against a float64 reference, in units of the last place of
the exact result. Functions of two arguments are held to their bound on random pairs.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import special

Floats = np.ndarray[Any, Any]
Exact = Callable[..., Floats]

LARGEST = float(np.finfo(np.float32).max)
LEAST = 2.0**-149


def no_floor(*xs: Floats) -> float:
    """Count the last place of the result itself."""
    return 0.0


def lgamma_floor(x: Floats) -> Floats:
    """Return the size of the terms that cancel near the zeros of negative x."""
    return np.where(x < 0, np.maximum(1.0, np.abs(special.gammaln(np.abs(x)))), 0.0)


@dataclass(frozen=True)
class Bound:
    """Say that `gradax.lax.NAME` is within `ulp` of `exact`.

    `floor(x)` is the least magnitude whose last place counts, where terms cancel.
    """

    name: str
    ulp: float
    exact: Exact
    floor: Callable[..., Any] = no_floor
    n_arguments: int = 1


def lgamma(x: Floats) -> Floats:
    """Return log|gamma(x)|, which C has infinite at minus infinity."""
    return np.where(np.isinf(x), np.inf, special.gammaln(x))


def logistic(x: Floats) -> Floats:
    """Return 1 / (1 + e**-x), which may be 0 where e**-x is too large for float32."""
    grown = np.exp(-x)
    return np.where(grown > LARGEST, 0.0, 1 / (1 + grown))


BOUNDS = [
    Bound("exp", 1, np.exp),
    Bound("exp2", 1, np.exp2),
    Bound("expm1", 2, np.expm1),
    Bound("logistic", 2, logistic),
    Bound("log", 1, np.log),
    Bound("log1p", 2, np.log1p),
    Bound("sin", 2, np.sin),
    Bound("cos", 2, np.cos),
    Bound("tan", 3, np.tan),
    Bound("asin", 3, np.arcsin),
    Bound("acos", 3, np.arccos),
    Bound("atan", 3, np.arctan),
    Bound("sinh", 2, np.sinh),
    Bound("cosh", 2, np.cosh),
    Bound("tanh", 2, np.tanh),
    Bound("asinh", 2, np.arcsinh),
    Bound("acosh", 2, np.arccosh),
    Bound("atanh", 2, np.arctanh),
    Bound("sqrt", 0.5, np.sqrt),
    Bound("rsqrt", 1, lambda x: 1 / np.sqrt(x)),
    Bound("cbrt", 1, np.cbrt),
    Bound("erf", 7, special.erf),
    Bound("erfc", 5, special.erfc),
    # 4e-7 of the result, which is at most 7 of its last places.
    Bound("erf_inv", 7, special.erfinv),
    Bound("lgamma", 7, lgamma, floor=lgamma_floor),
    # The reference itself loses digits around the zeros.
    Bound("digamma", 1, special.psi, floor=lambda x: 2.0**-20),
    Bound("bessel_i0e", 3, special.i0e),
    Bound("bessel_i1e", 4, special.i1e),
    Bound("pow", 1, np.power, n_arguments=2),
    Bound("atan2", 3, np.arctan2, n_arguments=2),
]


def errors(bound: Bound, ours: Floats, *xs: Floats) -> Floats:
    """Return the error of each element in units of the last place; infinite where it is wrong.

    What is not a number must not be one here either. What is too large for float32 may be the
    largest finite number's neighbour: infinity counts as one step above it.
    """
    with np.errstate(all="ignore"):
        wide = [x.astype(np.float64) for x in xs]
        exact = bound.exact(*wide)
        size = np.maximum(np.abs(exact), bound.floor(*wide))
        exponent = np.frexp(np.clip(size, 2.0**-126, LARGEST))[1]
        unit = np.ldexp(1.0, exponent - 24)
        beyond = 2.0**128
        ours_wide = np.clip(ours.astype(np.float64), -beyond, beyond)
        found = np.abs(ours_wide - np.clip(exact, -beyond, beyond)) / unit
    same_nan = np.isnan(ours) == np.isnan(exact)
    return np.where(same_nan, np.where(np.isnan(exact), 0.0, found), np.inf)
