"""Hypergeometric functions of real arguments.

Source: the power series, moved to where it converges by the transformations of Kummer, Pfaff and
Gauss (NIST Digital Library of Mathematical Functions, 13.2.39, 15.8.1, 15.8.4, 15.4.20).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from gradax import lax
from gradax import numpy as gnp
from gradax.api.custom_jvp import custom_jvp
from gradax.api.jit import jit
from gradax.api.jvp import jvp
from gradax.scipy.arguments import floats
from gradax.scipy.special.gamma import gammaln, gammasgn

# The most terms, which arguments next to the circle of convergence take.
MOST_TERMS = 10_000
# From here on 1 - x is the better variable of 2F1, unless c - a - b is this close to an integer.
NEAR_ONE, NEAR_INTEGER = 0.9, 0.05


def series(ratio: Callable[[Any], Any], like: Any) -> Any:
    """Sum terms, the first 1, each `ratio(k)` times the one before, until they do not count."""
    eps = float(gnp.finfo(like.dtype).eps)
    one = gnp.ones_like(like)

    def is_moving(state: Any) -> Any:
        k, _, _, quiet = state
        return (k < MOST_TERMS) & gnp.any(quiet < 3)

    def step(state: Any) -> Any:
        k, term, total, quiet = state
        term = term * ratio(k.astype(like.dtype))
        total = total + term
        # Terms may grow again, and derivatives lag behind: three small ones in a row end the sum.
        is_small = gnp.abs(term) <= eps / 16 * gnp.abs(total)
        quiet = gnp.where(is_small | ~gnp.isfinite(total), quiet + 1, 0)
        return k + 1, term, total, quiet

    start = (gnp.int32(0), one, one, gnp.zeros(like.shape, gnp.int32))
    return lax.while_loop(is_moving, step, start)[2]


def with_partials(fun: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
    """Return a function's value and tangent by forward mode, one argument after the other."""
    out = fun(*primals)
    total: Any = 0.0
    for i, dx in enumerate(tangents):
        units = tuple(gnp.full_like(p, float(j == i)) for j, p in enumerate(primals))
        total = total + jvp(fun, tuple(primals), units)[1] * dx
    return out, total


def confluent(a: Any, b: Any, x: Any) -> Any:
    """Return 1F1(a; b; x) for arguments of one shape."""
    is_left = x < 0
    top, z = gnp.where(is_left, b - a, a), gnp.abs(x)
    total = series(lambda k: (top + k) / (b + k) * z / (k + 1), x)
    return gnp.where(is_left, gnp.exp(gnp.where(is_left, x, 0)) * total, total)


@custom_jvp
@jit
def _hyp1f1(a: Any, b: Any, x: Any) -> Any:
    return confluent(a, b, x)


@_hyp1f1.defjvp
def _hyp1f1_jvp(primals: Any, tangents: Any) -> Any:
    a, b, x = primals
    da, db, dx = tangents
    out, partial = with_partials(lambda a, b: confluent(a, b, x), (a, b), (da, db))
    return out, partial + a / b * confluent(a + 1, b + 1, x) * dx


def hyp1f1(a: Any, b: Any, x: Any) -> Any:
    """Return the confluent hypergeometric function 1F1(a; b; x)."""
    return _hyp1f1(*floats("hyp1f1", a, b, x))


def of_gamma(above: Sequence[Any], below: Sequence[Any]) -> Any:
    """Return the product of gammas of some numbers divided by those of others; 0 at their poles."""
    size = sum(map(gammaln, above)) - sum(map(gammaln, below))
    sign: Any = 1.0
    for v in (*above, *below):
        sign = sign * gammasgn(v)
    is_pole = gnp.zeros(gnp.shape(size), bool)
    for v in below:
        is_pole = is_pole | ((v <= 0) & (v == gnp.floor(v)))
    return gnp.where(is_pole, 0.0, sign * gnp.exp(gnp.where(is_pole, 0.0, size)))


def gauss_series(a: Any, b: Any, c: Any, z: Any) -> Any:
    """Return the power series of 2F1 at |z| < 1."""
    return series(lambda k: (a + k) * (b + k) / ((c + k) * (k + 1)) * z, z)


def gauss(a: Any, b: Any, c: Any, x: Any) -> Any:
    """Return 2F1(a, b; c; x) for arguments of one shape; NaN for x > 1."""
    is_left = x < 0
    # Pfaff: from -inf … 0 to 0 … 1.
    b_in = gnp.where(is_left, c - b, b)
    z = gnp.where(is_left, x / (x - 1), x)
    gap = c - a - b_in
    is_near = (z > NEAR_ONE) & (z < 1) & (gnp.abs(gap - gnp.round(gap)) > NEAR_INTEGER)
    safe = gnp.where(is_near | (z >= 1), 0.5, z)
    plain = gauss_series(a, b_in, c, safe)
    rest = gnp.where(is_near, 1 - z, 0.5)
    split = gnp.where(is_near, gap, 0.5)
    first = of_gamma((c, split), (c - a, c - b_in)) * gauss_series(a, b_in, 1 - split, rest)
    second = of_gamma((c, -split), (a, b_in)) * gauss_series(c - a, c - b_in, split + 1, rest)
    found = gnp.where(is_near, first + rest**split * second, plain)
    positive = gnp.where(gap > 0, gap, 1.0)
    at_one = gnp.where(gap > 0, of_gamma((c, positive), (c - a, c - b_in)), gnp.inf)
    found = gnp.where(z == 1, at_one, gnp.where(z > 1, gnp.nan, found))
    return gnp.where(is_left, (1 - gnp.where(is_left, x, 0.0)) ** (-a) * found, found)


@custom_jvp
@jit
def _hyp2f1(a: Any, b: Any, c: Any, x: Any) -> Any:
    return gauss(a, b, c, x)


@_hyp2f1.defjvp
def _hyp2f1_jvp(primals: Any, tangents: Any) -> Any:
    a, b, c, x = primals
    da, db, dc, dx = tangents
    out, partial = with_partials(lambda a, b, c: gauss(a, b, c, x), (a, b, c), (da, db, dc))
    return out, partial + a * b / c * gauss(a + 1, b + 1, c + 1, x) * dx


def hyp2f1(a: Any, b: Any, c: Any, x: Any) -> Any:
    """Return Gauss's hypergeometric function 2F1(a, b; c; x), x <= 1; NaN beyond."""
    return _hyp2f1(*floats("hyp2f1", a, b, c, x))
