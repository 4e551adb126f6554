"""Dawson's integral, Fresnel's and the sine and cosine integrals.

Source: Rybicki, "Dawson's integral and the sampling theorem" (1989); Abramowitz and Stegun,
5.1.22, 5.2.14 to 5.2.23, 7.1.14 and 7.3.11 to 7.3.22.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gradax import lax
from gradax import numpy as gnp
from gradax.api.custom_jvp import custom_jvp
from gradax.api.jit import jit
from gradax.scipy.arguments import a_float

# Rybicki's sum is wrong by exp(-(pi / 2h)²); its terms reach down to exp(-(h n)²).
STEP, N_AROUND = 0.25, 13
DAWSON_SERIES_UP_TO, N_DAWSON = 0.5, 16
SICI_SERIES_UP_TO, N_SICI = 4.0, 18
FRESNEL_SERIES_UP_TO, N_FRESNEL = 1.7, 18
N_FRACTION = 100


def alternating(x: Any, n_terms: int, ratio: Any) -> Any:
    """Return Σ c_k (-x)**k from k = 0, c_k being the product of `ratio(j)` for j from 1 to k."""
    total: Any = 0.0
    for c in reversed([ratio(j) for j in range(1, n_terms)]):
        total = -x * c * (1 + total)
    return 1 + total


def sum_of_powers(x: Any, coefficients: list[float]) -> Any:
    """Return Σ c_k x**k."""
    total = gnp.full_like(x, coefficients[-1])
    for c in reversed(coefficients[:-1]):
        total = total * x + c
    return total


def signed_factorials(n_terms: int, start: int, extra: Any) -> list[float]:
    """Return (-1)**k / ((2k + start)! extra(k)) for k from 0."""
    out, factorial = [], 1.0
    for k in range(n_terms):
        for m in range(max(1, 2 * k + start - 1), 2 * k + start + 1) if k else range(1, start + 1):
            factorial *= m
        out.append((-1) ** k / (factorial * extra(k)))
    return out


@custom_jvp
@jit
def dawsn(x: Any) -> Any:
    """Return Dawson's integral, exp(-x²) times the integral of exp(t²) from 0 to x.

    Accuracy: 1e-14 in float64, 1e-6 in float32.
    """
    x = a_float("dawsn", x)
    size = abs(x)
    near = gnp.minimum(size, DAWSON_SERIES_UP_TO)
    series = near * alternating(near * near, N_DAWSON, lambda j: 2 / (2 * j + 1))
    # Finite, so that the sum's centre is; from here on the asymptotic series.
    middle = gnp.clip(size, DAWSON_SERIES_UP_TO, 20)
    centre = 2 * gnp.round(middle / (2 * STEP))
    rest = middle - centre * STEP
    total = gnp.zeros_like(x)
    for k in range(-2 * N_AROUND + 1, 2 * N_AROUND, 2):
        total = total + gnp.exp(-((rest - k * STEP) ** 2)) / (centre + k)
    sampled = total * np.asarray(1 / np.sqrt(np.pi), x.dtype)
    far = gnp.maximum(size, 20)
    inverse = 1 / far
    small = 0.5 * inverse * inverse
    tail = 0.5 * inverse * (1 + small * (1 + small * (3 + small * (15 + small * 105))))
    out = gnp.where(size < 20, sampled, tail)
    out = gnp.where(size < DAWSON_SERIES_UP_TO, series, out)
    return gnp.where(gnp.isnan(x), x, gnp.copysign(out, x))


@dawsn.defjvp
def _dawsn_jvp(primals: Any, tangents: Any) -> Any:
    (x,), (dx,) = primals, tangents
    y = dawsn(x)
    return y, dx * (1 - 2 * x * y)


def fraction(step: Any, last: Any) -> Any:
    """Return the fraction that `step(k, rest)` continues, from k = N_FRACTION down to 1."""
    return lax.fori_loop(
        0, N_FRACTION, lambda i, rest: step((N_FRACTION - i).astype(rest.real.dtype), rest), last
    )


@custom_jvp
@jit
def sici(x: Any) -> tuple[Any, Any]:
    """Return the sine integral and, of |x|, the cosine integral.

    Accuracy: a few ulp of 1, in absolute terms near the zeros.
    """
    x = a_float("sici", x)
    size = abs(x)
    near = gnp.clip(size, np.finfo(np.float32).tiny, SICI_SERIES_UP_TO)
    square = near * near
    sine = near * sum_of_powers(square, signed_factorials(N_SICI, 1, lambda k: 2 * k + 1))
    rest = signed_factorials(N_SICI + 1, 0, lambda k: 2 * k if k else 1)
    cosine = np.euler_gamma + gnp.log(near) + square * sum_of_powers(square, rest[1:])
    # E1(ix) = -Ci(x) + i (Si(x) - π/2).
    is_finite = gnp.isfinite(size)
    far = gnp.maximum(gnp.where(is_finite, size, 1), SICI_SERIES_UP_TO)
    z = lax.complex(gnp.zeros_like(far), far)
    found = fraction(lambda k, rest: z + 2 * k - 1 - k * k / rest, z + 2 * N_FRACTION + 1)
    integral = lax.complex(gnp.cos(far), -gnp.sin(far)) / found
    is_near = size < SICI_SERIES_UP_TO
    sine = gnp.where(is_near, sine, gnp.where(is_finite, np.pi / 2 + gnp.imag(integral), np.pi / 2))
    cosine = gnp.where(is_near, cosine, gnp.where(is_finite, -gnp.real(integral), 0))
    sine = gnp.where(x == 0, x, gnp.copysign(sine, x))
    cosine = gnp.where(x == 0, -gnp.inf, cosine)
    cosine = gnp.where(x == -gnp.inf, gnp.nan, cosine)
    return tuple(gnp.where(gnp.isnan(x), x, v).astype(x.dtype) for v in (sine, cosine))


@sici.defjvp
def _sici_jvp(primals: Any, tangents: Any) -> Any:
    (x,), (dx,) = primals, tangents
    return sici(x), (dx * gnp.sinc(x / np.pi), dx * gnp.cos(x) / x)


@custom_jvp
@jit
def fresnel(x: Any) -> tuple[Any, Any]:
    """Return the integrals of sin(πt²/2) and of cos(πt²/2) from 0 to x.

    Accuracy: a few ulp of 1 for |x| up to 10; beyond, πx²/2 loses digits as x² grows.
    """
    x = a_float("fresnel", x)
    size = abs(x)
    near = gnp.minimum(size, FRESNEL_SERIES_UP_TO)
    u = np.pi / 2 * near * near
    square = u * u
    sine = near * u * sum_of_powers(square, signed_factorials(N_FRESNEL, 1, lambda k: 4 * k + 3))
    cosine = near * sum_of_powers(square, signed_factorials(N_FRESNEL, 0, lambda k: 4 * k + 1))
    # C + iS = (1 + i)/2 erf(z) with z = √π/2 (1 - i) x, and exp(-z²) = exp(iπx²/2).
    is_finite = size < 1e6
    far = gnp.maximum(gnp.where(is_finite, size, 1), FRESNEL_SERIES_UP_TO)
    part = np.asarray(np.sqrt(np.pi) / 2, x.dtype) * far
    z = lax.complex(part, -part)
    found = fraction(lambda k, rest: z + k / 2 / rest, z)
    # The angle by what x² is beyond a multiple of 4, which keeps the digits that there are.
    angle = np.pi / 2 * gnp.remainder(far * far, 4)
    wave = lax.complex(gnp.cos(angle), gnp.sin(angle)) / (found * np.sqrt(np.pi))
    c, s = (1 - gnp.real(wave)) / 2, -gnp.imag(wave) / 2
    far_cosine, far_sine = c - s, c + s
    is_near = size < FRESNEL_SERIES_UP_TO
    out = []
    for low, high in ((sine, far_sine), (cosine, far_cosine)):
        value = gnp.where(is_near, low, gnp.where(is_finite, high, 0.5))
        out.append(gnp.where(gnp.isnan(x), x, gnp.copysign(value, x)).astype(x.dtype))
    return tuple(out)


@fresnel.defjvp
def _fresnel_jvp(primals: Any, tangents: Any) -> Any:
    (x,), (dx,) = primals, tangents
    angle = np.pi / 2 * gnp.remainder(x * x, 4)
    return fresnel(x), (dx * gnp.sin(angle), dx * gnp.cos(angle))
