"""The gamma function's logarithm, its derivatives, and the Hurwitz zeta function."""

from __future__ import annotations

from typing import Any, ClassVar, final

import numpy as np

from gradax import kernel
from gradax.core.op import operation
from gradax.core.value import as_value
from gradax.errors import UnsupportedRule
from gradax.kernel.libraries import dtype_code
from gradax.kernel.meanings import meaning, special
from gradax.lax.arithmetic import Add, Mul, Neg, scalar_like
from gradax.lax.families import FLOAT, Binary, Elementwise, Unary
from gradax.lax.operands import operands


@final
@operation
class Lgamma(Unary):
    """The logarithm of the magnitude of the gamma function."""

    fn = "lgamma"
    numpy = meaning("lgamma")
    accepts = FLOAT

    def derivative(self, x: Any, y: Any) -> Any:
        return Digamma()(x)


@final
@operation
class Digamma(Unary):
    """The logarithmic derivative of the gamma function; NaN at its poles."""

    fn = "digamma"
    numpy = meaning("digamma")
    accepts = FLOAT

    def derivative(self, x: Any, y: Any) -> Any:
        return Polygamma()(scalar_like(x, 1), x)


class LoopedElementwise(Elementwise):
    """A function whose loops differ from element to element: the library kernel `special`."""

    code: ClassVar[int]
    accepts = FLOAT

    def lower(self, *operands: kernel.Tensor) -> Any:
        """Call the library kernel on dense operands of float32 or float64."""
        dtype = operands[0].dtype
        wide = np.dtype(np.float64 if dtype == np.float64 else np.float32)
        shape = next((x.shape for x in operands if x.shape), ())

        def dense(x: kernel.Tensor) -> kernel.Tensor:
            return kernel.compute(
                shape, lambda *i: kernel.convert(x[i] if x.shape else x[()], wide)
            )

        size = int(np.prod(shape))
        params = (self.code, dtype_code(wide), size)
        node = kernel.Library("special", [dense(x) for x in operands], [(shape, wide)], params)
        out = kernel.one_result(node)
        return out if wide == dtype else kernel.cast(out, dtype)

    def no_derivative(self, operand: str) -> UnsupportedRule:
        """Make the error for an operand without a derivative."""
        return UnsupportedRule(f"{self.name}: it has no derivative with respect to {operand}")


@final
@operation
class Polygamma(LoopedElementwise, Binary):
    """The m-th derivative of digamma at x, for m = 0, 1, 2 …; NaN for other m."""

    code = 0
    numpy = special("polygamma")

    def first_term(self, dx: Any, x: Any, y: Any, out: Any) -> Any:
        raise self.no_derivative("m, its order")

    def second_term(self, dy: Any, x: Any, y: Any, out: Any) -> Any:
        return Mul()(dy, Polygamma()(Add()(x, scalar_like(x, 1)), y))

    def reference(self, *operands: Any) -> Any:
        m, x = operands
        digamma, zeta, gamma = (special(name) for name in ("digamma", "zeta", "gamma"))
        with np.errstate(all="ignore"):
            one = np.ones((), np.float64)
            wide_m, wide_x = m.astype(np.float64), x.astype(np.float64)
            sign = np.where(wide_m % 2 == 0, -one, one)
            rest = sign * gamma(wide_m + 1) * zeta(wide_m + 1, wide_x)
            out = np.where(wide_m == 0, digamma(wide_x), rest)
            valid = (wide_m >= 0) & (wide_m == np.floor(wide_m))
            return np.where(valid, out, np.nan).astype(x.dtype)


@final
@operation
class Zeta(LoopedElementwise, Binary):
    """The Hurwitz zeta function: the sum of (q + k)**-x over all k >= 0."""

    code = 1
    numpy = special("zeta")

    def first_term(self, dx: Any, x: Any, y: Any, out: Any) -> Any:
        raise self.no_derivative("x, its exponent")

    def second_term(self, dy: Any, x: Any, y: Any, out: Any) -> Any:
        return Mul()(dy, Mul()(Neg()(x), Zeta()(Add()(x, scalar_like(x, 1)), y)))


def lgamma(x: Any) -> Any:
    """Return log|gamma(x)| elementwise."""
    return Lgamma()(as_value(x))


def digamma(x: Any) -> Any:
    """Return the derivative of log gamma elementwise."""
    return Digamma()(as_value(x))


def polygamma(m: Any, x: Any) -> Any:
    """Return the m-th derivative of digamma elementwise; `m` holds whole numbers."""
    return Polygamma()(*operands(m, x))


def zeta(x: Any, q: Any) -> Any:
    """Return the Hurwitz zeta function elementwise."""
    return Zeta()(*operands(x, q))
