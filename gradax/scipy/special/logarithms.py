"""Logarithms and entropies with their limits, the logistic function, softmax."""

from __future__ import annotations

from typing import Any

from gradax import lax, nn
from gradax import numpy as gnp
from gradax.api.custom_jvp import custom_jvp
from gradax.api.jit import jit
from gradax.scipy.arguments import a_float, floats


@jit
def expit(x: Any) -> Any:
    """Return 1 / (1 + exp(-x))."""
    return lax.logistic(a_float("expit", x))


@custom_jvp
@jit
def logit(x: Any) -> Any:
    """Return log(x / (1 - x))."""
    x = a_float("logit", x)
    return gnp.log(x / (1 - x))


@logit.defjvp
def _logit_jvp(primals: Any, tangents: Any) -> Any:
    (x,), (dx,) = primals, tangents
    return logit(x), dx / (x * (1 - x))


@custom_jvp
def _xlogy(x: Any, y: Any) -> Any:
    is_zero = x == 0
    return gnp.where(is_zero, 0, x * gnp.log(gnp.where(is_zero, 1, y)))


@_xlogy.defjvp
def _xlogy_jvp(primals: Any, tangents: Any) -> Any:
    (x, y), (dx, dy) = primals, tangents
    return _xlogy(x, y), dx * gnp.log(y) + dy * (x / y)


@jit
def xlogy(x: Any, y: Any) -> Any:
    """Return x log(y), 0 where x is 0."""
    x, y = floats("xlogy", x, y)
    return gnp.where(gnp.isnan(y), gnp.nan, _xlogy(x, y))


@custom_jvp
def _xlog1py(x: Any, y: Any) -> Any:
    is_zero = x == 0
    return gnp.where(is_zero, 0, x * gnp.log1p(gnp.where(is_zero, 1, y)))


@_xlog1py.defjvp
def _xlog1py_jvp(primals: Any, tangents: Any) -> Any:
    (x, y), (dx, dy) = primals, tangents
    return _xlog1py(x, y), dx * gnp.log1p(y) + dy * (x / (1 + y))


@jit
def xlog1py(x: Any, y: Any) -> Any:
    """Return x log(1 + y), 0 where x is 0."""
    x, y = floats("xlog1py", x, y)
    return gnp.where(gnp.isnan(y), gnp.nan, _xlog1py(x, y))


@custom_jvp
def _xlogx(x: Any) -> Any:
    return _xlogy(x, x)


@_xlogx.defjvp
def _xlogx_jvp(primals: Any, tangents: Any) -> Any:
    (x,), (dx,) = primals, tangents
    return _xlogx(x), dx * (gnp.log(x) + 1)


@jit
def entr(x: Any) -> Any:
    """Return -x log(x), 0 at 0 and -inf below."""
    x = a_float("entr", x)
    return gnp.where(x < 0, -gnp.inf, -_xlogx(gnp.where(x < 0, 1, x)))


@jit
def rel_entr(p: Any, q: Any) -> Any:
    """Return p log(p / q), 0 where p is 0 and q is not negative, else inf outside p, q > 0."""
    p, q = floats("rel_entr", p, q)
    both = (p > 0) & (q > 0)
    safe_p, safe_q = gnp.where(both, p, 1), gnp.where(both, q, 1)
    inside = _xlogx(safe_p) - _xlogy(safe_p, safe_q)
    out = gnp.where(both, inside, gnp.where((p == 0) & (q >= 0), 0, gnp.inf))
    return gnp.where(gnp.isnan(p) | gnp.isnan(q), gnp.nan, out)


@jit
def kl_div(p: Any, q: Any) -> Any:
    """Return p log(p / q) - p + q, with the limits of rel_entr."""
    p, q = floats("kl_div", p, q)
    return rel_entr(p, q) - p + q


@jit
def boxcox(x: Any, lmbda: Any) -> Any:
    """Return (x**lmbda - 1) / lmbda, log(x) where lmbda is 0."""
    x, power = floats("boxcox", x, lmbda)
    return box_cox(gnp.log(x), power)


@jit
def boxcox1p(x: Any, lmbda: Any) -> Any:
    """Return ((1 + x)**lmbda - 1) / lmbda, log(1 + x) where lmbda is 0."""
    x, power = floats("boxcox1p", x, lmbda)
    return box_cox(gnp.log1p(x), power)


def box_cox(log_x: Any, power: Any) -> Any:
    """Return (exp(power * log_x) - 1) / power."""
    is_zero = power == 0
    safe = gnp.where(is_zero, 1, power)
    return gnp.where(is_zero, log_x, gnp.expm1(safe * log_x) / safe)


def softmax(x: Any, /, *, axis: Any = None) -> Any:
    """Return exp(x) over its sum along `axis`, by default over everything."""
    return nn.softmax(x, axis=tuple(range(gnp.ndim(x))) if axis is None else axis)


def log_softmax(x: Any, /, *, axis: Any = None) -> Any:
    """Return the logarithm of softmax along `axis`, by default over everything."""
    return nn.log_softmax(x, axis=tuple(range(gnp.ndim(x))) if axis is None else axis)
