"""The error function's family and the normal distribution function.

Source: Moshier, Cephes (ndtri); Abramowitz and Stegun, 7.1.14 (erfcx) and 26.2.12 (log_ndtr).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gradax import lax
from gradax import numpy as gnp
from gradax.api.custom_jvp import custom_jvp
from gradax.api.jit import jit
from gradax.errors import ArgumentError, at_user_line
from gradax.scipy.arguments import a_float

ROOT_2 = np.sqrt(2)
LOG_2PI = np.log(2 * np.pi)


@jit
def erf(x: Any) -> Any:
    """Return the error function."""
    return lax.erf(a_float("erf", x))


@jit
def erfc(x: Any) -> Any:
    """Return 1 - erf(x), accurate for large x."""
    return lax.erfc(a_float("erfc", x))


@jit
def erfinv(x: Any) -> Any:
    """Return the inverse of the error function."""
    return lax.erf_inv(a_float("erfinv", x))


# Beyond here the continued fraction is taken, of so many terms.
FRACTION_FROM = 2.5
N_FRACTION = 60


@custom_jvp
@jit
def erfcx(x: Any) -> Any:
    """Return exp(x²) erfc(x), which does not vanish as erfc does.

    Accuracy: 1e-14 in float64 where x > 0; for x < 0 that of exp(x²).
    """
    x = a_float("erfcx", x)
    large = gnp.maximum(x, FRACTION_FROM)

    def step(i: Any, rest: Any) -> Any:
        k = N_FRACTION - lax.convert_element_type(i, x.dtype)
        return large + (k / 2) / rest

    rest = lax.fori_loop(0, N_FRACTION, step, large)
    near = gnp.minimum(x, FRACTION_FROM)
    return gnp.where(
        x > FRACTION_FROM, 1 / (rest * np.sqrt(np.pi)), gnp.exp(near * near) * lax.erfc(near)
    )


@erfcx.defjvp
def _erfcx_jvp(primals: Any, tangents: Any) -> Any:
    (x,), (dx,) = primals, tangents
    y = erfcx(x)
    return y, (2 * x * y - 2 / np.sqrt(np.pi)) * dx


@jit
def ndtr(x: Any) -> Any:
    """Return the distribution function of the normal distribution."""
    x = a_float("ndtr", x)
    return 0.5 * lax.erfc(x * np.asarray(-1 / ROOT_2, x.dtype))


# Highest power first; of (p - 1/2)², and of 1 / sqrt(-2 log p) below and from 8.
NDTRI = (
    (
        (
            -5.99633501014107895267e1, 9.80010754185999661536e1, -5.66762857469070293439e1,
            1.39312609387279679503e1, -1.23916583867381258016e0,
        ),
        (
            1.0, 1.95448858338141759834e0, 4.67627912898881538453e0, 8.63602421390890590575e1,
            -2.25462687854119370527e2, 2.00260212380060660359e2, -8.20372256168333339912e1,
            1.59056225126211695515e1, -1.18331621121330003142e0,
        ),
    ),
    (
        (
            4.05544892305962419923e0, 3.15251094599893866154e1, 5.71628192246421288162e1,
            4.40805073893200834700e1, 1.46849561928858024014e1, 2.18663306850790267539e0,
            -1.40256079171354495875e-1, -3.50424626827848203418e-2, -8.57456785154685413611e-4,
        ),
        (
            1.0, 1.57799883256466749731e1, 4.53907635128879210584e1, 4.13172038254672030440e1,
            1.50425385692907503408e1, 2.50464946208309415979e0, -1.42182922854787788574e-1,
            -3.80806407691578277194e-2, -9.33259480895457427372e-4,
        ),
    ),
    (
        (
            3.23774891776946035970e0, 6.91522889068984211695e0, 3.93881025292474443415e0,
            1.33303460815807542389e0, 2.01485389549179081538e-1, 1.23716634817820021358e-2,
            3.01581553508235416007e-4, 2.65806974686737550832e-6, 6.23974539184983293730e-9,
        ),
        (
            1.0, 6.02427039364742014255e0, 3.67983563856160859403e0, 1.37702099489081330271e0,
            2.16236993594496635890e-1, 1.34204006088543189037e-2, 3.28014464682127739104e-4,
            2.89247864745380683936e-6, 6.79019408009981274425e-9,
        ),
    ),
)  # fmt: skip


def ratio(x: Any, region: int) -> Any:
    """Return a rational function of the quantile."""
    top, bottom = (np.asarray(c, x.dtype) for c in NDTRI[region])
    return gnp.polyval(top, x) / gnp.polyval(bottom, x)


@custom_jvp
@jit
def ndtri(p: Any) -> Any:
    """Return the quantile of the normal distribution, the inverse of ndtr; NaN outside 0 … 1.

    Accuracy: a few ulp.
    """
    p = a_float("ndtri", p)
    edge = np.exp(-2.0)
    q = gnp.where(p > 1 - edge, 1 - p, p)
    centred = q - 0.5
    square = centred * centred
    middle = (centred + centred * (square * ratio(square, 0))) * np.sqrt(2 * np.pi)
    safe = gnp.where((q > 0) & (q < 0.5), q, 0.5)
    root = gnp.sqrt(-2 * gnp.log(safe))
    z = 1 / root
    tail = (root - gnp.log(root) / root) - gnp.where(root < 8, z * ratio(z, 1), z * ratio(z, 2))
    out = gnp.where(q > edge, middle, gnp.where(p > 1 - edge, tail, -tail))
    out = gnp.where(p == 0, -gnp.inf, gnp.where(p == 1, gnp.inf, out))
    return gnp.where((p < 0) | (p > 1) | gnp.isnan(p), gnp.nan, out)


@ndtri.defjvp
def _ndtri_jvp(primals: Any, tangents: Any) -> Any:
    (p,), (dp,) = primals, tangents
    x = ndtri(p)
    return x, dp * (np.sqrt(2 * np.pi) * gnp.exp(x * x / 2)).astype(x.dtype)


def log_ndtr(x: Any, series_order: int = 3) -> Any:
    """Return log(ndtr(x)); far below 0 by an asymptotic series of `series_order` terms or more.

    Errors: ValueError for an order that is no integer from 0 to 30.
    """
    if not isinstance(series_order, int) or not 0 <= series_order <= 30:
        raise ArgumentError(
            f"log_ndtr: series_order is an integer from 0 to 30; got {series_order!r}."
            f"{at_user_line()}"
        )
    return _log_ndtr(series_order, a_float("log_ndtr", x))


def log_ndtr_of(order: int, x: Any) -> Any:
    """Return log(ndtr(x)) of an inexact array."""
    is_wide = x.dtype == np.float64
    low = -20.0 if is_wide else -10.0
    order = max(order, 10 if is_wide else 5)
    # Of the smaller side, which keeps its digits.
    side = ndtr(-abs(x))
    near = gnp.where(x > 0, gnp.log1p(-side), gnp.log(gnp.where(x > low, side, 1)))
    far = gnp.minimum(x, low)
    square = far * far
    total, term = gnp.ones_like(far), gnp.ones_like(far)
    for k in range(1, order + 1):
        term = -term * (2 * k - 1) / square
        total = total + term
    tail = -0.5 * square - gnp.log(-far) - 0.5 * LOG_2PI + gnp.log(total)
    return gnp.where(x > low, near, tail).astype(x.dtype)


_log_ndtr = custom_jvp(jit(log_ndtr_of, static_argnums=0), nondiff_argnums=(0,))


@_log_ndtr.defjvp
def _log_ndtr_jvp(order: int, primals: Any, tangents: Any) -> Any:
    (x,), (dx,) = primals, tangents
    y = _log_ndtr(order, x)
    return y, dx * gnp.exp(-0.5 * x * x - y - 0.5 * LOG_2PI).astype(x.dtype)
