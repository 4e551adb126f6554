"""Incomplete gamma and beta functions, and what derivatives of gamma samples need."""

from __future__ import annotations

from typing import Any, final

import numpy as np

from gradax.core.op import operation, unsupported
from gradax.core.tangent import Zero, is_zero
from gradax.kernel.meanings import special
from gradax.lax.arithmetic import Add, Mul, Neg, Sub, scalar_like
from gradax.lax.elementary import Exp, Log, Log1p
from gradax.lax.families import Binary, tangent_like
from gradax.lax.gamma import Lgamma, LoopedElementwise
from gradax.lax.operands import operands
from gradax.lax.shapes import broadcast_scalar

# Terms of a series or steps of a continued fraction, at most; below `LARGE` they suffice.
MOST_STEPS = 4000
LARGE = 500.0


@final
@operation
class Igamma(LoopedElementwise, Binary):
    """The regularized lower incomplete gamma function P(a, x)."""

    code = 2
    numpy = special("gammainc")

    def first_term(self, dx: Any, x: Any, y: Any, out: Any) -> Any:
        return Mul()(dx, IgammaGradA()(x, y))

    def second_term(self, dy: Any, x: Any, y: Any, out: Any) -> Any:
        return Mul()(dy, gamma_density(x, y))


@final
@operation
class Igammac(LoopedElementwise, Binary):
    """The regularized upper incomplete gamma function Q(a, x) = 1 - P(a, x)."""

    code = 3
    numpy = special("gammaincc")

    def first_term(self, dx: Any, x: Any, y: Any, out: Any) -> Any:
        return Neg()(Mul()(dx, IgammaGradA()(x, y)))

    def second_term(self, dy: Any, x: Any, y: Any, out: Any) -> Any:
        return Neg()(Mul()(dy, gamma_density(x, y)))


def gamma_density(a: Any, x: Any) -> Any:
    """Return the derivative of P(a, x) with respect to x."""
    power = Mul()(Sub()(a, scalar_like(a, 1)), Log()(x))
    return Exp()(Sub()(Sub()(power, x), Lgamma()(a)))


@final
@operation
class IgammaGradA(LoopedElementwise, Binary):
    """The derivative of P(a, x) with respect to a."""

    code = 4
    jvp = unsupported("it has no derivative")

    def reference(self, *operands: Any) -> Any:
        a, x = operands
        return igamma_slope(a, x, sample=False)


@final
@operation
class RandomGammaGrad(LoopedElementwise, Binary):
    """The derivative of a sample of the gamma distribution with respect to its shape `a`."""

    code = 5
    jvp = unsupported("it has no derivative")

    def reference(self, *operands: Any) -> Any:
        a, x = operands
        return igamma_slope(a, x, sample=True)


@final
@operation
class RegularizedIncompleteBeta(LoopedElementwise):
    """The regularized incomplete beta function I_x(a, b)."""

    code = 6
    numpy = special("betainc")

    def jvp(self, primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
        a, b, x = primals
        da, db, dx = tangents
        if not (is_zero(da) and is_zero(db)):
            raise self.no_derivative("a and b")
        out = self(a, b, x)
        if is_zero(dx):
            return out, Zero(tangent_like(out))
        one = scalar_like(x, 1)
        left = Mul()(Sub()(b, one), Log1p()(Neg()(x)))
        right = Mul()(Sub()(a, one), Log()(x))
        log_beta = Sub()(Add()(Lgamma()(a), Lgamma()(b)), Lgamma()(Add()(a, b)))
        slope = Exp()(Sub()(Add()(left, right), log_beta))
        return out, broadcast_scalar(Mul()(dx, slope), out.shape)


def igamma_slope(a: Any, x: Any, sample: bool) -> Any:
    """Return dP/da, or with `sample` -(dP/da)/(dP/dx): how a sample moves with its shape.

    Accuracy: about 1e-10 relative; by the power series where x is small beside a, by the continued
    fraction elsewhere, by quadrature for large a.
    Source: Abramowitz and Stegun, 6.5.29 and 6.5.31, differentiated term by term.
    """
    dtype = x.dtype
    a, x = np.broadcast_arrays(np.asarray(a, np.float64), np.asarray(x, np.float64))
    with np.errstate(all="ignore"):
        gammaln, digamma = special("gammaln"), special("digamma")
        series = (x <= 1) | (x <= a)
        log_x = np.log(x)
        total, slope = power_series(a, np.where(series, x, 0))
        lower = total * (log_x - digamma(a + 1)) + slope
        fraction, bend = upper_fraction(a, np.where(series, a + 1, x))
        upper = fraction * (log_x - digamma(a)) + bend
        if sample:
            out = np.where(series, -lower * x / a, x * upper)
            out = np.where(x == 0, 0.0, out)
        else:
            size = np.exp(a * log_x - x - gammaln(a + 1))
            out = np.where(series, size * lower, -size * a * upper)
            out = np.where((x == 0) | np.isinf(x), 0.0, out)
        return np.where((a > 0) & (x >= 0), out, np.nan).astype(dtype)


def power_series(a: Any, x: Any) -> tuple[Any, Any]:
    """Return the sum of x**n / ((a+1) … (a+n)) and its derivative with respect to a."""
    term, total = np.ones_like(x), np.ones_like(x)
    dterm, slope = np.zeros_like(x), np.zeros_like(x)
    for n in range(1, MOST_STEPS):
        ratio = x / (a + n)
        term, dterm = term * ratio, ratio * (dterm - term / (a + n))
        total, slope = total + term, slope + dterm
        if not np.any((np.abs(dterm) > 1e-17 * np.abs(slope)) | (term > 1e-17 * total)):
            break
    return total, slope


def upper_fraction(a: Any, x: Any) -> tuple[Any, Any]:
    """Return Gamma(a, x) / (x**a e**-x) and its derivative with respect to a.

    The continued fraction is evaluated backwards from a depth that suffices for x >= max(1, a).
    """
    value, slope = np.zeros_like(x), np.zeros_like(x)
    for n in range(400, 0, -1):
        # x + 2n + 1 - a - (n+1)(n+1-a) / …, and how it changes with a.
        top, dtop = n * (a - n), float(n)
        below = x + 2 * n + 1 - a + value
        value, slope = top / below, dtop / below - top * (slope - 1) / (below * below)
    below = x + 1 - a + value
    return 1 / below, -(slope - 1) / (below * below)


def igamma(a: Any, x: Any) -> Any:
    """Return the regularized lower incomplete gamma function elementwise."""
    return Igamma()(*operands(a, x))


def igammac(a: Any, x: Any) -> Any:
    """Return the regularized upper incomplete gamma function elementwise."""
    return Igammac()(*operands(a, x))


def igamma_grad_a(a: Any, x: Any) -> Any:
    """Return the derivative of `igamma(a, x)` with respect to a, elementwise."""
    return IgammaGradA()(*operands(a, x))


def random_gamma_grad(a: Any, x: Any) -> Any:
    """Return how samples `x` of the gamma distribution move with their shape `a`, elementwise."""
    return RandomGammaGrad()(*operands(a, x))


def betainc(a: Any, b: Any, x: Any) -> Any:
    """Return the regularized incomplete beta function elementwise."""
    return RegularizedIncompleteBeta()(*operands(a, b, x))
