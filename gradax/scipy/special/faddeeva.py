"""Faddeeva's and Owen's functions.

Source: Weideman, "Computation of the complex error function" (1994); Owen, "Tables for computing
bivariate normal probabilities" (1956).
"""

from __future__ import annotations

from functools import cache
from math import pi, sqrt
from typing import Any

import numpy as np

from gradax import numpy as gnp
from gradax.api.custom_jvp import custom_jvp
from gradax.api.jit import jit
from gradax.scipy.arguments import a_float, floats
from gradax.scipy.special.error import erf, erfc

# Terms of Weideman's expansion for single and double precision.
TERMS = {np.dtype(np.complex64): 24, np.dtype(np.complex128): 64}
# Nodes of Gauss's quadrature in Owen's integral.
NODES = 32


@cache
def expansion(n: int) -> tuple[float, list[float]]:
    """Return the scale L and the coefficients, highest power first, of (L + iz)/(L - iz)."""
    m = 4 * n
    k = np.arange(-m + 1, m)
    scale = sqrt(n / sqrt(2))
    t = scale * np.tan(k * pi / m / 2)
    f = np.concatenate([[0.0], np.exp(-t * t) * (scale * scale + t * t)])
    a = np.real(np.fft.fft(np.fft.fftshift(f))) / (2 * m)
    return scale, [float(v) for v in a[1 : n + 1][::-1]]


@custom_jvp
@jit
def _wofz(z: Any) -> Any:
    scale, coefficients = expansion(TERMS[z.dtype])
    # In the upper half plane; below, w(z) = 2 exp(-z^2) - w(-z).
    is_below = z.imag < 0
    u = gnp.where(is_below, -z, z)
    i = gnp.asarray(1j, z.dtype)
    ratio = (scale + i * u) / (scale - i * u)
    total = gnp.zeros_like(z)
    for c in coefficients:
        total = total * ratio + c
    w = 2 * total / (scale - i * u) ** 2 + (1 / sqrt(pi)) / (scale - i * u)
    # On the axis the real part is small beside the imaginary one, and known.
    on_axis = u.imag == 0
    exact = gnp.exp(-(gnp.where(on_axis, u.real, 0.0) ** 2)) + i * w.imag
    w = gnp.where(on_axis, exact, w)
    square = gnp.where(is_below, z * z, 0)
    return gnp.where(is_below, 2 * gnp.exp(-square) - w, w)


@_wofz.defjvp
def _wofz_jvp(primals: Any, tangents: Any) -> Any:
    (z,), (dz,) = primals, tangents
    w = _wofz(z)
    return w, (gnp.asarray(2j / sqrt(pi), z.dtype) - 2 * z * w) * dz


def wofz(z: Any) -> Any:
    """Return Faddeeva's function exp(-z^2) erfc(-iz), always complex."""
    x = a_float("wofz", z)
    kind = np.promote_types(x.dtype, np.complex64) if x.dtype.kind in "fc" else np.complex64
    return _wofz(x.astype(kind))


def normal_above(x: Any) -> Any:
    """Return the probability that a normal number is above x."""
    return erfc(x * (0.5**0.5)) / 2


@custom_jvp
@jit
def _owens_t(h: Any, a: Any) -> Any:
    size, slope = gnp.abs(h), gnp.abs(a)
    is_steep = slope > 1
    # Beyond 1 the integral is reflected: T(h, a) + T(ah, 1/a) is known.
    product = gnp.where(size == 0, 0.0, size * slope)
    at = gnp.where(is_steep, product, size)
    upper = gnp.where(is_steep, 1 / gnp.where(is_steep, slope, 1.0), slope)
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    total = gnp.zeros_like(h)
    for node, weight in zip((nodes + 1) / 2, weights / 2, strict=True):
        square = 1 + (upper * float(node)) ** 2
        total = total + float(weight) * gnp.exp(-0.5 * at * at * square) / square
    inner = total * upper / (2 * pi)
    q, p = normal_above(size), normal_above(product)
    both = 0.5 * ((1 - q) * p + (1 - p) * q)
    return gnp.sign(a) * gnp.where(is_steep, both - inner, inner)


@_owens_t.defjvp
def _owens_t_jvp(primals: Any, tangents: Any) -> Any:
    (h, a), (dh, da) = primals, tangents
    by_h = -gnp.exp(-0.5 * h * h) * erf(a * h * (0.5**0.5)) / (2 * sqrt(2 * pi))
    by_a = gnp.exp(-0.5 * h * h * (1 + a * a)) / (2 * pi * (1 + a * a))
    return _owens_t(h, a), by_h * dh + by_a * da


def owens_t(h: Any, a: Any) -> Any:
    """Return Owen's function, the integral of exp(-h^2 (1 + x^2) / 2) / (1 + x^2) / 2π over 0 … a.

    Accuracy: 1e-7 absolute in float32, 1e-15 in float64.
    """
    return _owens_t(*floats("owens_t", h, a))
