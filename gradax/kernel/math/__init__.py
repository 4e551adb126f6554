"""Our own approximations of the functions that are no instructions, as scalar expressions.

`expand` writes a function of float32 or float64 in basic functions: no tables, no branches but
`select`, constants and fused multiply-adds, so that it runs in vectors. Shorter floats go by
float32, complex numbers by their parts (`expand_complex`). Each function's docstring states its
largest error in units of the last place; `make ulp` measures it over all of float32.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gradax.kernel.build import apply, convert
from gradax.kernel.functions import BASIC, is_complex
from gradax.kernel.ir import Scalar
from gradax.kernel.math import (
    bessel,
    error,
    exponential,
    gamma,
    logarithm,
    roots,
    trigonometric,
)
from gradax.kernel.math.complex import expand_complex as expand_complex
from gradax.kernel.math.parts import BITS, F32

Expansion = Callable[..., Scalar]

_EXPANSIONS: dict[str, Expansion] = {
    "exp": exponential.exp, "exp2": exponential.exp2, "expm1": exponential.expm1,
    "logistic": exponential.logistic, "tanh": exponential.tanh, "sinh": exponential.sinh,
    "cosh": exponential.cosh, "log": logarithm.log, "log1p": logarithm.log1p,
    "asinh": logarithm.asinh, "acosh": logarithm.acosh, "atanh": logarithm.atanh,
    "pow": logarithm.power, "sin": trigonometric.sin, "cos": trigonometric.cos,
    "tan": trigonometric.tan, "asin": trigonometric.asin, "acos": trigonometric.acos,
    "atan": trigonometric.atan, "atan2": trigonometric.atan2, "erf": error.erf,
    "erfc": error.erfc, "erf_inv": error.erf_inv, "lgamma": gamma.lgamma,
    "digamma": gamma.digamma, "bessel_i0e": bessel.bessel_i0e, "bessel_i1e": bessel.bessel_i1e,
    "cbrt": roots.cbrt, "rsqrt": roots.rsqrt, "round": roots.round_away,
    "nextafter": roots.nextafter,
}  # fmt: skip


def expand(fn: str, args: Sequence[Scalar]) -> Scalar:
    """Return fn(args) in basic functions.

    Errors: KeyError for a function that is not approximated.
    """
    dtype = args[0].dtype
    if is_complex(dtype) or fn == "complex":
        pairs = [(apply("real", a), apply("imag", a)) for a in args]
        out = expand_complex(fn, pairs)
        return apply("complex", *out) if isinstance(out, tuple) else out
    if fn in BASIC:
        return apply(fn, *args)
    make = _EXPANSIONS[fn]
    if dtype in BITS:
        return make(*args)
    return convert(make(*(convert(a, F32) for a in args)), dtype)
