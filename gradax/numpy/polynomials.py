"""Polynomials as vectors of coefficients, the highest power first."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradax import dtypes
from gradax.control.scan import scan
from gradax.errors import ArgumentError, at_user_line
from gradax.lax import linalg as lax_linalg
from gradax.numpy.at import at
from gradax.numpy.axes import known_array, static_int
from gradax.numpy.creation import asarray, zeros
from gradax.numpy.indexing import index
from gradax.numpy.joining import concatenate, trim_zeros
from gradax.numpy.linalg import eigvals, inv, lstsq
from gradax.numpy.products import outer
from gradax.numpy.promotion import (
    INEXACT,
    broadcast,
    broadcast_shape,
    convert,
    operand,
    operands,
    promote_dtypes,
    to_inexact,
)
from gradax.numpy.ranges import diag, vander
from gradax.numpy.reductions import sum
from gradax.numpy.shaping import atleast_1d, expand_dims
from gradax.numpy.signals import convolve

UNROLLED = 16


def polyval(p: Any, x: Any, *, unroll: int = 16) -> Any:
    """Return the values of a polynomial at `x`, by Horner's rule."""
    p, x = promote_dtypes(*operands("polyval", p, x))
    shape = broadcast_shape("polyval", x.shape, p.shape[1:])
    out = broadcast(convert(0, x.dtype), shape)
    n = p.shape[0]
    if n <= UNROLLED:
        for i in range(n):
            out = out * x + index(p, i)
        return out
    return scan(lambda y, c: (y * x + c, None), out, p, unroll=unroll)[0]


def polyadd(a1: Any, a2: Any) -> Any:
    """Add two polynomials."""
    x, y = same_length("polyadd", a1, a2)
    return x + y


def polysub(a1: Any, a2: Any) -> Any:
    """Subtract two polynomials."""
    x, y = same_length("polysub", a1, a2)
    return x - y


def same_length(name: str, a1: Any, a2: Any) -> list[Any]:
    """Return coefficients with zeros in front of the shorter ones."""
    pair = promote_dtypes(*operands(name, a1, a2))
    pair = [atleast_1d(x) for x in pair]
    n = max(x.shape[0] for x in pair)
    return [concatenate([zeros(n - x.shape[0], x.dtype), x]) for x in pair]


def polymul(a1: Any, a2: Any, *, trim_leading_zeros: bool = False) -> Any:
    """Multiply two polynomials."""
    x, y = promote_dtypes(*operands("polymul", a1, a2), inexact=True)
    if trim_leading_zeros and len(x) > 1 and len(y) > 1:
        x, y = trim_zeros(x, "f"), trim_zeros(y, "f")
    x = x if x.shape[0] else zeros(1, x.dtype)
    y = y if y.shape[0] else zeros(1, y.dtype)
    return convolve(x, y)


def polydiv(u: Any, v: Any, *, trim_leading_zeros: bool = False) -> tuple[Any, Any]:
    """Return the quotient and the remainder of two polynomials."""
    u, v = promote_dtypes(*operands("polydiv", u, v), inexact=True)
    m, n = u.shape[0] - 1, v.shape[0] - 1
    scale = 1.0 / index(v, 0)
    quotient = zeros(max(m - n + 1, 1), u.dtype)
    for k in range(m - n + 1):
        d = scale * index(u, k)
        quotient = at(quotient)[k].set(d)
        u = at(u)[k : k + n + 1].add(-d * v)
    return quotient, (trim_zeros(u, "f") if trim_leading_zeros else u)


def polyder(p: Any, m: int = 1) -> Any:
    """Return the m-th derivative of a polynomial."""
    m = static_int("polyder", m, "m")
    if m < 0:
        raise ArgumentError(f"polyder: expected m of at least 0, got {m}{at_user_line()}")
    x = operand("polyder", p)
    x = x if x.dtype in INEXACT else to_inexact("polyder", x)
    if m == 0:
        return x
    n = x.shape[0]
    if n <= m:
        return zeros(0, x.dtype)
    powers = np.arange(n - 1, m - 1, -1, dtype=np.float64)
    factors = np.prod([powers - k for k in range(m)], axis=0)
    return index(x, slice(0, n - m)) * asarray(factors, dtype=x.dtype)


def polyint(p: Any, m: int = 1, k: Any = None) -> Any:
    """Return the m-th integral of a polynomial, with constants `k` (0)."""
    m = static_int("polyint", m, "m")
    if m < 0:
        raise ArgumentError(f"polyint: expected m of at least 0, got {m}{at_user_line()}")
    x, given = operand("polyint", p), operand("polyint", 0 if k is None else asarray(k), 1)
    x, given = promote_dtypes(x, given, inexact=True)
    given = atleast_1d(given)
    if given.shape[0] not in (1, m):
        raise ArgumentError(f"polyint: expected 1 or {m} constants, got {given.shape[0]}")
    if m == 0:
        return x
    full = concatenate([x, broadcast(given, (m,))])
    powers = np.arange(full.shape[0] - 1, -1, -1, dtype=np.float64)
    # The coefficient of power e was divided by e, e - 1, … as often as it was integrated.
    times = np.concatenate([np.full(x.shape[0], m), np.arange(m - 1, -1, -1)])
    steps = [np.where(j < times, np.maximum(powers - j, 1), 1) for j in range(m)]
    return full / asarray(np.prod(steps, axis=0), dtype=full.dtype)


def poly(seq_of_zeros: Any) -> Any:
    """Return the polynomial with the given zeros, or the characteristic one of a matrix."""
    x = operand("poly", seq_of_zeros)
    x = x if x.dtype in INEXACT else to_inexact("poly", x)
    if x.ndim == 2 and x.shape[0] == x.shape[1] and x.shape[0]:
        x = eigvals(x)
    if x.ndim != 1:
        raise ArgumentError(f"poly: expected a vector or a square matrix, got {x.shape}")
    out = convert(operand("poly", np.ones(1)), x.dtype)
    one = out
    for i in range(x.shape[0]):
        out = convolve(out, concatenate([one, -index(x, slice(i, i + 1))]))
    return out


def roots(p: Any, *, strip_zeros: bool = True) -> Any:
    """Return the complex zeros of a polynomial; leading zeros are known ones, or become NaN.

    strip_zeros: whether coefficients of 0 are taken off both ends, which must be known then.
    """
    x = atleast_1d(operand("roots", p))
    x = x if x.dtype in INEXACT else to_inexact("roots", x)
    if x.ndim != 1:
        raise ArgumentError(f"roots: expected a vector, got shape {x.shape}{at_user_line()}")
    n_zero = 0
    if strip_zeros:
        places = np.flatnonzero(known_array("roots", x, "the coefficients (or strip_zeros=False)"))
        if not places.size:
            return zeros(0, dtypes.to_complex_dtype(x.dtype))
        n_zero = x.shape[0] - 1 - int(places[-1])
        x = index(x, slice(int(places[0]), int(places[-1]) + 1))
    complex_dtype = dtypes.to_complex_dtype(x.dtype)
    n = x.shape[0]
    if n < 2:
        return zeros(n_zero, complex_dtype)
    companion = diag(convert(operand("roots", np.ones(n - 2)), x.dtype), -1)
    companion = at(companion)[0].set(-index(x, slice(1, None)) / index(x, 0))
    found = lax_linalg.eig(
        companion, compute_left_eigenvectors=False, compute_right_eigenvectors=False
    )[0]
    return concatenate([found, zeros(n_zero, found.dtype)]) if n_zero else found


def polyfit(
    x: Any,
    y: Any,
    deg: int,
    rcond: float | None = None,
    full: bool = False,
    w: Any = None,
    cov: bool | str = False,
) -> Any:
    """Return the polynomial of degree `deg` that is nearest to points, in the least squares.

    full: also residuals, rank, singular values and rcond; cov: also the covariance matrix.
    """
    points, values = promote_dtypes(*operands("polyfit", x, y), inexact=True)
    deg = static_int("polyfit", deg, "deg")
    if deg < 0 or points.ndim != 1 or values.ndim not in (1, 2) or points.size == 0:
        raise ArgumentError(
            f"polyfit: expected a degree of at least 0, a vector x and y of 1 or 2 axes; got {deg},"
            f" {points.shape} and {values.shape}{at_user_line()}"
        )
    if points.shape[0] != values.shape[0]:
        raise ArgumentError(f"polyfit: {points.shape[0]} places, {values.shape[0]} values")
    n = points.shape[0]
    rcond = n * float(dtypes.finfo(points.dtype).eps) if rcond is None else rcond
    lhs, rhs = vander(points, deg + 1), values
    if w is not None:
        weights = convert(operand("polyfit", w), lhs.dtype)
        lhs = lhs * expand_dims(weights, 1)
        rhs = rhs * (expand_dims(weights, 1) if rhs.ndim == 2 else weights)
    scale = sum(lhs * lhs, 0) ** 0.5
    c, residuals, rank, s = lstsq(lhs / scale, rhs, rcond)
    c = (c.T / scale).T
    if full:
        return c, residuals, rank, s, asarray(rcond)
    if not cov:
        return c
    base = inverse_square(lhs / scale) / outer(scale, scale)
    factor: Any = 1
    if cov != "unscaled":
        if n <= deg + 1:
            raise ArgumentError("polyfit: the covariance needs more points than coefficients")
        factor = residuals / (n - deg - 1)
    factor = index(factor, 0) if values.ndim == 1 and cov != "unscaled" else factor
    if values.ndim == 1:
        return c, base * factor
    return c, expand_dims(base, 2) * factor


def inverse_square(x: Any) -> Any:
    """Return the inverse of x^T x."""
    return inv(x.T @ x)
