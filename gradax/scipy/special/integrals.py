"""Exponential integrals and the dilogarithm.

Source: Abramowitz and Stegun, chapter 5 (series, continued fractions, asymptotic series), 27.7.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gradax import lax
from gradax import numpy as gnp
from gradax.api.custom_jvp import custom_jvp
from gradax.api.jit import jit
from gradax.numpy.promotion import operands
from gradax.scipy.arguments import a_float, floats

# Below 2 the series, from there the continued fraction; Ei takes its series up to 40.
SERIES_UP_TO = 2.0
N_SERIES, N_FRACTION = 30, 80
EI_SERIES_UP_TO, N_EI, N_EI_FAR = 40.0, 140, 40


def e1_fraction(n: Any, x: Any) -> Any:
    """Return exp(x) E_n(x) for x >= SERIES_UP_TO, by the fraction from its last term on."""

    def step(i: Any, rest: Any) -> Any:
        k = N_FRACTION - lax.convert_element_type(i, x.dtype)
        return x + n + 2 * (k - 1) - k * (n + k - 1) / rest

    return 1 / lax.fori_loop(0, N_FRACTION, step, x + n + 2 * N_FRACTION)


def power_sum(x: Any, n_terms: int) -> Any:
    """Return the sum of x**k / (k k!) over k from 1."""
    start = (gnp.zeros_like(x), gnp.ones_like(x))

    def step(k: Any, state: Any) -> Any:
        total, term = state
        order = lax.convert_element_type(k, x.dtype)
        term = term * x / order
        return total + term / order, term

    return lax.fori_loop(1, n_terms + 1, step, start)[0]


def inverse_power_sum(x: Any, n_terms: int) -> Any:
    """Return the sum of k! / x**k over k from 0."""

    def step(k: Any, state: Any) -> Any:
        total, term = state
        term = term * lax.convert_element_type(k, x.dtype) / x
        return total + term, term

    one = gnp.ones_like(x)
    return lax.fori_loop(1, n_terms, step, (one, one))[0]


@custom_jvp
@jit
def exp1(x: Any) -> Any:
    """Return E1(x), the integral of exp(-t) / t from x > 0; NaN below 0."""
    x = a_float("exp1", x)
    near = gnp.clip(x, np.finfo(np.float32).tiny, SERIES_UP_TO)
    far = gnp.maximum(x, SERIES_UP_TO)
    series = -np.euler_gamma - gnp.log(near) - power_sum(-near, N_SERIES)
    out = gnp.where(x < SERIES_UP_TO, series, gnp.exp(-far) * e1_fraction(1, far))
    out = gnp.where(x == gnp.inf, 0, out)
    return gnp.where(x == 0, gnp.inf, gnp.where(x < 0, gnp.nan, out)).astype(x.dtype)


@exp1.defjvp
def _exp1_jvp(primals: Any, tangents: Any) -> Any:
    (x,), (dx,) = primals, tangents
    return exp1(x), -dx * gnp.exp(-x) / x


@custom_jvp
@jit
def expi(x: Any) -> Any:
    """Return Ei(x), the principal value of the integral of exp(t) / t up to x."""
    x = a_float("expi", x)
    near = gnp.clip(x, np.finfo(np.float32).tiny, EI_SERIES_UP_TO)
    series = np.euler_gamma + gnp.log(near) + power_sum(near, N_EI)
    far = gnp.maximum(x, EI_SERIES_UP_TO)
    asymptotic = gnp.exp(far) / far * inverse_power_sum(far, N_EI_FAR)
    positive = gnp.where(x < EI_SERIES_UP_TO, series, asymptotic)
    out = gnp.where(x < 0, -exp1(gnp.maximum(-x, 0)), positive)
    return gnp.where(x == 0, -gnp.inf, gnp.where(x == gnp.inf, x, out)).astype(x.dtype)


@expi.defjvp
def _expi_jvp(primals: Any, tangents: Any) -> Any:
    (x,), (dx,) = primals, tangents
    return expi(x), dx * gnp.exp(x) / x


@jit
def expn(n: Any, x: Any) -> Any:
    """Return E_n(x), the integral of exp(-x t) / t**n from 1, for whole n >= 0 and x >= 0."""
    n, x = floats("expn", *operands("expn", n, x))
    return _expn(lax.stop_gradient(n), x)


@custom_jvp
def _expn(n: Any, x: Any) -> Any:
    near = gnp.clip(x, np.finfo(np.float32).tiny, SERIES_UP_TO)
    far = gnp.maximum(x, SERIES_UP_TO)
    out = gnp.where(x < SERIES_UP_TO, expn_series(n, near), gnp.exp(-far) * e1_fraction(n, far))
    out = gnp.where(n == 0, gnp.exp(-x) / x, out)
    at_zero = gnp.where(n <= 1, gnp.inf, 1 / gnp.maximum(n - 1, 1))
    out = gnp.where(x == 0, at_zero, gnp.where(x == gnp.inf, 0, out))
    return gnp.where((x < 0) | (n < 0), gnp.nan, out).astype(x.dtype)


def expn_series(n: Any, x: Any) -> Any:
    """Return E_n(x) of small x: (-x)**(n-1) / (n-1)! (ψ(n) - log x) less a power series."""
    order = n - 1
    sign = gnp.where(gnp.mod(order, 2) == 0, 1, -1)
    lead = sign * gnp.exp(order * gnp.log(x) - lax.lgamma(n)) * (lax.digamma(n) - gnp.log(x))
    start = (gnp.zeros_like(x), gnp.ones_like(x))

    def step(k: Any, state: Any) -> Any:
        total, power = state
        m = lax.convert_element_type(k, x.dtype)
        gap = m - order
        total = total + gnp.where(gap == 0, 0, power / gnp.where(gap == 0, 1, gap))
        return total, -power * x / (m + 1)

    return gnp.where(n == 0, 0, lead - lax.fori_loop(0, N_SERIES, step, start)[0])


@_expn.defjvp
def _expn_jvp(primals: Any, tangents: Any) -> Any:
    (n, x), (_, dx) = primals, tangents
    return _expn(n, x), -dx * _expn(gnp.maximum(n - 1, 0), x)


N_DILOGARITHM = 60


@custom_jvp
@jit
def spence(x: Any) -> Any:
    """Return the integral of log(t) / (1 - t) from 1 to x, the dilogarithm of 1 - x.

    NaN below 0 and, as SciPy has it, at infinity.
    """
    x = a_float("spence", x)
    is_large = x > 1.5
    y = gnp.where(is_large, 1 / gnp.where(is_large, x, 1), gnp.maximum(x, 0))
    # Now 0 <= y <= 1.5; near 0 by reflection, so that the series is of numbers within 1/2.
    is_small = y < 0.5
    z = gnp.where(is_small, y, 1 - y)
    series = dilogarithm(z)
    log_y = gnp.log(gnp.where(y > 0, y, 1))
    reflected = np.pi**2 / 6 - log_y * gnp.log1p(-gnp.where(is_small, y, 0)) - series
    out = gnp.where(is_small, reflected, series)
    log_x = gnp.log(gnp.where(is_large, x, 1))
    out = gnp.where(is_large, -0.5 * log_x * log_x - out, out)
    return gnp.where((x < 0) | (x == gnp.inf), gnp.nan, out).astype(x.dtype)


def dilogarithm(z: Any) -> Any:
    """Return the sum of z**k / k² for |z| <= 1/2."""
    start = (gnp.zeros_like(z), gnp.ones_like(z))

    def step(k: Any, state: Any) -> Any:
        total, power = state
        power = power * z
        order = lax.convert_element_type(k, z.dtype)
        return total + power / (order * order), power

    return lax.fori_loop(1, N_DILOGARITHM, step, start)[0]


@spence.defjvp
def _spence_jvp(primals: Any, tangents: Any) -> Any:
    (x,), (dx,) = primals, tangents
    is_one = x == 1
    slope = gnp.log(x) / gnp.where(is_one, 1, 1 - x)
    return spence(x), dx * gnp.where(is_one, -1, slope)
