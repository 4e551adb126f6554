"""The gamma function's family: factorials, beta functions, their incomplete forms, zeta."""

from __future__ import annotations

from fractions import Fraction
from math import comb as exact_comb
from typing import Any

import numpy as np

from gradax import dtypes, lax
from gradax import numpy as gnp
from gradax.api.custom_jvp import custom_jvp
from gradax.api.jit import jit
from gradax.errors import ArgumentError, UnsupportedArgumentError, at_user_line
from gradax.scipy.arguments import a_float, floats


@jit
def gammaln(x: Any) -> Any:
    """Return log|Γ(x)|."""
    return lax.lgamma(a_float("gammaln", x))


@jit
def loggamma(x: Any) -> Any:
    """Return log Γ(x) of real x; NaN where Γ is negative."""
    x = a_float("loggamma", x)
    return gnp.where(gammasgn(x) < 0, gnp.nan, lax.lgamma(x))


@jit
def gammasgn(x: Any) -> Any:
    """Return the sign of Γ(x): NaN at negative integers, that of zero's sign at 0."""
    x = a_float("gammasgn", x)
    whole = gnp.floor(x)
    sign = gnp.where((x < 0) & (gnp.mod(whole, 2) != 0), -1, 1).astype(x.dtype)
    at_zero = gnp.where(gnp.signbit(x), -1, 1).astype(x.dtype)
    is_pole = ((x < 0) & (x == whole)) | (x == -gnp.inf) | gnp.isnan(x)
    return gnp.where(x == 0, at_zero, gnp.where(is_pole, gnp.nan, sign))


@jit
def gamma(x: Any) -> Any:
    """Return Γ(x).

    Accuracy: the exponential of log Γ's, a few ulp times log Γ.
    """
    x = a_float("gamma", x)
    return gammasgn(x) * gnp.exp(lax.lgamma(x))


@jit
def digamma(x: Any) -> Any:
    """Return the derivative of log Γ(x)."""
    return lax.digamma(a_float("digamma", x))


@jit
def polygamma(n: Any, x: Any) -> Any:
    """Return the n-th derivative of digamma."""
    n, x = floats("polygamma", n, x)
    return lax.polygamma(n, x)


@jit
def betaln(a: Any, b: Any) -> Any:
    """Return log|B(a, b)|."""
    a, b = floats("betaln", a, b)
    # The smaller one apart, so that the two large terms nearly cancel exactly.
    a, b = gnp.minimum(a, b), gnp.maximum(a, b)
    return lax.lgamma(a) + (lax.lgamma(b) - lax.lgamma(a + b))


@jit
def beta(a: Any, b: Any) -> Any:
    """Return Γ(a) Γ(b) / Γ(a + b)."""
    a, b = floats("beta", a, b)
    return gammasgn(a) * gammasgn(b) * gammasgn(a + b) * gnp.exp(betaln(a, b))


@jit
def betainc(a: Any, b: Any, x: Any) -> Any:
    """Return the regularized incomplete beta function."""
    return lax.betainc(*floats("betainc", a, b, x))


@jit
def gammainc(a: Any, x: Any) -> Any:
    """Return the regularized lower incomplete gamma function."""
    return lax.igamma(*floats("gammainc", a, x))


@jit
def gammaincc(a: Any, x: Any) -> Any:
    """Return the regularized upper incomplete gamma function."""
    return lax.igammac(*floats("gammaincc", a, x))


@custom_jvp
@jit
def poch(z: Any, m: Any) -> Any:
    """Return Γ(z + m) / Γ(z)."""
    z, m = floats("poch", z, m)
    rest = z + m
    value = gammasgn(z) * gammasgn(rest) * gnp.exp(lax.lgamma(rest) - lax.lgamma(z))
    return gnp.where(m == 0, 1, value)


@poch.defjvp
def _poch_jvp(primals: Any, tangents: Any) -> Any:
    (z, m), (dz, dm) = primals, tangents
    y = poch(z, m)
    z, m = floats("poch", z, m)
    top = lax.digamma(z + m)
    return y, y * ((top - lax.digamma(z)) * dz + top * dm)


def factorial(n: Any, exact: bool = False) -> Any:
    """Return n! as floats; 0 for negative n.

    Errors: NotImplementedError for exact ones, which arrays of fixed width do not hold.
    """
    if exact:
        raise UnsupportedArgumentError(
            f"factorial: exact=True is not supported.{at_user_line()}\nUse math.factorial."
        )
    return _factorial(n)


@jit
def _factorial(n: Any) -> Any:
    n = a_float("factorial", n)
    return gnp.where(n < 0, 0, gnp.exp(lax.lgamma(n + 1)))


def comb(N: Any, k: Any, *, repetition: bool = False) -> Any:
    """Return the numbers of ways to choose k of N, of multisets with `repetition`."""
    return _comb(N, k) if not repetition else _comb(gnp.asarray(N) + k - 1, k)


@jit
def _comb(n: Any, k: Any) -> Any:
    n, k = floats("comb", n, k)
    inside = (k >= 0) & (k <= n) & (n >= 0)
    n, k = gnp.where(inside, n, 1), gnp.where(inside, k, 0)
    size = gnp.exp(-betaln(1 + n - k, 1 + k) - gnp.log1p(n))
    return gnp.where(inside, size, 0)


def multigammaln(a: Any, d: Any) -> Any:
    """Return the logarithm of the multivariate gamma function of d dimensions.

    Errors: ValueError for a d that is no positive integer.
    """
    try:
        size = int(d.__index__())
    except (AttributeError, TypeError):
        size = 0
    if size < 1:
        raise ArgumentError(f"multigammaln: d is a positive integer; got {d!r}.{at_user_line()}")
    return _multigammaln(a_float("multigammaln", a), size)


def multigammaln_of(a: Any, d: int) -> Any:
    """Return the logarithm of the multivariate gamma function of an inexact array."""
    constant = np.asarray(0.25 * d * (d - 1) * np.log(np.pi), a.dtype)
    halves = np.arange(d).astype(a.dtype) / 2
    return gnp.sum(lax.lgamma(gnp.expand_dims(a, -1) - halves), -1) + constant


_multigammaln = jit(multigammaln_of, static_argnums=1)


def zeta(x: Any, q: Any = None) -> Any:
    """Return Hurwitz' zeta function: the sum of (q + k)**-x over k >= 0.

    Errors: NotImplementedError without q.
    """
    if q is None:
        raise UnsupportedArgumentError(
            f"zeta: Riemann's function is not supported.{at_user_line()}\nPass q=1 for x > 1."
        )
    return lax.zeta(*floats("zeta", x, q))


def bernoulli(n: int) -> Any:
    """Return the first n + 1 Bernoulli numbers, B1 being -1/2.

    Errors: ValueError for an n that is no integer from 0.
    """
    if not isinstance(n, (int, np.integer)) or n < 0:
        raise ArgumentError(f"bernoulli: n is an integer from 0; got {n!r}.{at_user_line()}")
    numbers: list[Fraction] = []
    for k in range(int(n) + 1):
        rest = sum((exact_comb(k + 1, j) * b for j, b in enumerate(numbers)), Fraction(0))
        numbers.append((Fraction(1) if k == 0 else -rest) / (k + 1 if k else 1))
    dtype = dtypes.canonicalize_dtype(np.float64)
    return gnp.asarray(np.array([float(b) for b in numbers]).astype(dtype))
