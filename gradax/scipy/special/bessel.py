"""Modified Bessel functions."""

from __future__ import annotations

from typing import Any

from gradax import lax
from gradax import numpy as gnp
from gradax.api.custom_jvp import custom_jvp
from gradax.api.jit import jit
from gradax.scipy.arguments import a_float


@jit
def i0e(x: Any) -> Any:
    """Return exp(-|x|) times the modified Bessel function of order 0."""
    return lax.bessel_i0e(a_float("i0e", x))


@custom_jvp
@jit
def i0(x: Any) -> Any:
    """Return the modified Bessel function of order 0."""
    x = a_float("i0", x)
    return gnp.exp(abs(x)) * lax.bessel_i0e(x)


@i0.defjvp
def _i0_jvp(primals: Any, tangents: Any) -> Any:
    (x,), (dx,) = primals, tangents
    return i0(x), dx * i1(x)


@jit
def i1e(x: Any) -> Any:
    """Return exp(-|x|) times the modified Bessel function of order 1."""
    return lax.bessel_i1e(a_float("i1e", x))


@custom_jvp
@jit
def i1(x: Any) -> Any:
    """Return the modified Bessel function of order 1."""
    x = a_float("i1", x)
    return gnp.exp(abs(x)) * lax.bessel_i1e(x)


@i1.defjvp
def _i1_jvp(primals: Any, tangents: Any) -> Any:
    (x,), (dx,) = primals, tangents
    y = i1(x)
    is_zero = x == 0
    return y, dx * (i0(x) - gnp.where(is_zero, 0.5, y / gnp.where(is_zero, 1, x)))
