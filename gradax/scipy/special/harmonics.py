"""Bessel functions of integer order and spherical harmonics, by recurrences.

Source: Miller's backward recurrence; Hankel's expansion for large arguments (NIST Digital Library
of Mathematical Functions, 10.17.3); the recurrence of normalized Legendre functions (14.10.3).
"""

from __future__ import annotations

import operator
from functools import partial
from math import pi, sqrt
from typing import Any

import numpy as np

from gradax import lax
from gradax import numpy as gnp
from gradax.api.custom_jvp import custom_jvp
from gradax.api.jit import jit
from gradax.errors import (
    ArgumentError,
    ArgumentTypeError,
    UnsupportedArgumentError,
    at_user_line,
)
from gradax.numpy.promotion import broadcast_operands, operands
from gradax.scipy.arguments import a_float

# From here on Hankel's expansion with this many terms is exact to rounding.
LARGE, HANKEL_TERMS = 25.0, 24


def miller(z: Any, v: int, start: int) -> Any:
    """Return the orders 0 … v for |z| < LARGE, by the recurrence from `start` down."""
    inverse = 2.0 / gnp.where(z == 0, 1.0, z)
    tiny = gnp.asarray(gnp.finfo(z.dtype).tiny, z.dtype) * 2.0**20
    large = 1.0 / gnp.sqrt(tiny)

    def step(carry: Any, k: Any) -> Any:
        above, here, total, kept = carry
        below = k.astype(z.dtype) * inverse * here - above
        weight = gnp.where((k - 1) % 2 == 0, gnp.where(k == 1, 1.0, 2.0), 0.0)
        kept = gnp.where(gnp.arange(v + 1).reshape((-1,) + (1,) * z.ndim) == k - 1, below, kept)
        total = total + weight.astype(z.dtype) * below
        # Only ratios count: what grew too large is scaled down with all that came before.
        factor = gnp.where(gnp.abs(below) > large, 1.0 / large, 1.0)
        return (here * factor, below * factor, total * factor, kept * factor), None

    zero = gnp.zeros_like(z)
    carry = (zero, gnp.full_like(z, tiny), zero, gnp.zeros((v + 1, *z.shape), z.dtype))
    (_, _, total, kept), _ = lax.scan(step, carry, gnp.arange(start, 0, -1))
    return kept / total


def hankel(z: Any, order: int) -> Any:
    """Return the Bessel function of order 0 or 1 for z >= LARGE."""
    mu, term = 4.0 * order * order, gnp.ones_like(z)
    p, q = gnp.zeros_like(z), gnp.zeros_like(z)
    for k in range(HANKEL_TERMS):
        sign = -1.0 if k % 4 >= 2 else 1.0
        p, q = (p + sign * term, q) if k % 2 == 0 else (p, q + sign * term)
        term = term * ((mu - (2 * k + 1) ** 2) / (8.0 * (k + 1))) / z
    angle = z - (order / 2 + 0.25) * pi
    return gnp.sqrt(2 / (pi * z)) * (p * gnp.cos(angle) - q * gnp.sin(angle))


def bessel_orders(z: Any, v: int, n_iter: int) -> Any:
    """Return the orders 0 … v."""
    x = gnp.abs(z)
    is_large = x >= LARGE
    small = miller(gnp.where(is_large, 1.0, x), v, max(n_iter, v + 30, 80))
    far = gnp.where(is_large, x, LARGE)
    rows = [hankel(far, 0), hankel(far, 1)]
    for k in range(1, v):
        rows.append(2 * k / far * rows[k] - rows[k - 1])
    out = gnp.where(is_large, gnp.stack(rows[: v + 1]), small)
    place = gnp.arange(v + 1).reshape((-1,) + (1,) * z.ndim)
    out = gnp.where(x == 0, (place == 0).astype(z.dtype), out)
    return gnp.where((z < 0) & (place % 2 == 1), -out, out)


@partial(custom_jvp, nondiff_argnums=(1, 2))
@jit(static_argnums=(1, 2))
def _bessel_jn(z: Any, v: int, n_iter: int) -> Any:
    return bessel_orders(z, v, n_iter)


@_bessel_jn.defjvp
def _bessel_jn_jvp(v: int, n_iter: int, primals: Any, tangents: Any) -> Any:
    (z,), (dz,) = primals, tangents
    orders = _bessel_jn(z, v + 1, n_iter)
    below = gnp.concatenate([-orders[1:2], orders[:v]])
    return orders[: v + 1], (below - orders[1:]) / 2 * dz


def bessel_jn(z: Any, *, v: int, n_iter: int = 50) -> Any:
    """Return the Bessel functions of the first kind of the orders 0 … v.

    Shapes: T[s] -> T[v + 1, s]. The recurrence begins at the order `n_iter` at least, and at 80.
    Accuracy: orders above |z| lose some where |z| > 25.
    Errors: TypeError for an order that is no integer; ValueError for complex z.
    """
    try:
        order = operator.index(v)
    except TypeError:
        raise ArgumentTypeError(
            f"bessel_jn: expected an integer order v; got {v!r}.{at_user_line()}"
        ) from None
    x = a_float("bessel_jn", z)
    if x.dtype.kind == "c":
        raise ArgumentError(f"bessel_jn: expected real z; got {x.dtype}.{at_user_line()}")
    return _bessel_jn(x, order, int(n_iter))


@jit(static_argnums=4)
def _sph_harm_y(n: Any, m: Any, theta: Any, phi: Any, n_max: int) -> Any:
    n, size = gnp.clip(n, 0, n_max), gnp.abs(m)
    x, y = gnp.cos(theta), gnp.sin(theta)
    order = size.astype(x.dtype)

    def step(carry: Any, degree: Any) -> Any:
        before, here, diagonal, found = carry
        d = degree.astype(x.dtype)
        is_above = degree > size
        gap = gnp.where(is_above, d * d - order * order, 1.0)
        a = gnp.sqrt(gnp.where(is_above, (4 * d * d - 1) / gap, 0.0))
        least = ((d - 1) ** 2 - order**2) / gnp.maximum(4 * (d - 1) ** 2 - 1, 1)
        b = gnp.sqrt(gnp.maximum(least, 0))
        above = gnp.where(is_above, a * (x * here - b * before), 0.0)
        is_rising = (degree <= size) & (degree > 0)
        growth = gnp.sqrt((2 * d + 1) / gnp.where(degree > 0, 2 * d, 1.0))
        diagonal = gnp.where(is_rising, -diagonal * y * growth, diagonal)
        new = gnp.where(degree == size, diagonal, above)
        return (here, new, diagonal, gnp.where(degree == n, new, found)), None

    zero = gnp.zeros_like(x)
    start = (zero, zero, gnp.full_like(x, 1 / sqrt(4 * pi)), zero)
    (_, _, _, legendre), _ = lax.scan(step, start, gnp.arange(n_max + 1))
    angle = order * phi
    out = lax.complex(legendre * gnp.cos(angle), legendre * gnp.sin(angle))
    mirrored = gnp.where(size % 2 == 0, 1.0, -1.0).astype(x.dtype) * gnp.conj(out)
    return gnp.where(m < 0, mirrored, out)


def sph_harm_y(
    n: Any, m: Any, theta: Any, phi: Any, diff_n: int | None = None, n_max: int | None = None
) -> Any:
    """Return the spherical harmonics of degree n and order m at polar angle theta, azimuth phi.

    `n_max` is the largest degree; where n is not known while tracing it must be given, and larger
    degrees are clipped to it.
    Errors: NotImplementedError for diff_n.
    """
    if diff_n is not None:
        raise UnsupportedArgumentError(f"sph_harm_y: diff_n is not supported.{at_user_line()}")
    if n_max is None:
        n_max = int(np.max(np.asarray(n), initial=0))
    degree, order, polar, azimuth = operands("sph_harm_y", n, m, theta, phi)
    polar, azimuth = a_float("sph_harm_y", polar), a_float("sph_harm_y", azimuth)
    kind = gnp.promote_types(polar.dtype, azimuth.dtype)
    args = (degree, order, polar.astype(kind), azimuth.astype(kind))
    return _sph_harm_y(*broadcast_operands("sph_harm_y", *args), int(n_max))
