"""Measure the approximations over all float32 numbers, against float64.

Usage: python tools/ulp.py [--stride N] [NAME …]. Every N-th bit pattern is tried (1: all 2**32,
some minutes a function). Prints each function's largest error in units of the last place, and
where; fails when one is above its bound in gradax.kernel.math.bounds. The zeros of lgamma at
negative numbers, where the terms of its reflection cancel, are left out.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import special

import gradax
from gradax.kernel import Input, elementwise
from gradax.kernel.interpret import interpret
from gradax.kernel.math import expand
from gradax.kernel.math.bounds import FLOAT32
from gradax.lax import elementary, gamma, rounding, trigonometric
from gradax.lax import special as special_functions

Array = np.ndarray[Any, Any]
# Small enough that NumPy's temporaries stay in the cache.
CHUNK = 1 << 16
LEAST = 2.0**-149


def logistic(x: Array) -> Array:
    """Return 1 / (1 + exp(-x)), 0 where float32's exp(-x) is infinite."""
    return np.where(-x > 88.722839, 0.0, 1 / (1 + np.exp(-x)))


def log_gamma(x: Array) -> Array:
    """Return log|gamma|, NaN (not compared) near its zeros at negative numbers."""
    y = special.gammaln(x)
    y = np.where(x == -np.inf, np.inf, y)
    return np.where((x < -2) & (np.abs(y) < np.log(-x) + 1), np.nan, y)


def round_away(x: Array) -> Array:
    """Round halves away from zero."""
    return np.trunc(x + np.copysign(0.5, x))


REFERENCES: dict[str, Callable[[Array], Array]] = {
    "exp": np.exp, "exp2": np.exp2, "expm1": np.expm1, "log": np.log, "log1p": np.log1p,
    "logistic": logistic, "tanh": np.tanh, "sinh": np.sinh, "cosh": np.cosh, "asinh": np.arcsinh,
    "acosh": np.arccosh, "atanh": np.arctanh, "sin": np.sin, "cos": np.cos, "tan": np.tan,
    "asin": np.arcsin, "acos": np.arccos, "atan": np.arctan, "cbrt": np.cbrt,
    "rsqrt": lambda x: 1 / np.sqrt(x), "erf": special.erf, "erfc": special.erfc,
    "lgamma": log_gamma, "digamma": lambda x: np.where(x == 0, np.nan, special.digamma(x)),
    "bessel_i0e": special.i0e, "bessel_i1e": special.i1e, "round": round_away,
}  # fmt: skip


@dataclass
class Worst:
    """The largest error seen, and where."""

    error: float = 0.0
    at: float = 0.0
    got: float = 0.0
    want: float = 0.0


def ulp_errors(got: Array, want: Array) -> Array:
    """Return errors in units of the last place of the float32 result; NaN must meet NaN."""
    narrow = want.astype(np.float32)
    unit = np.spacing(np.abs(narrow).clip(max=np.finfo(np.float32).max)).astype(np.float64)
    error = np.abs(got.astype(np.float64) - want) / unit
    error = np.where(np.abs(narrow) < 2.0**-126, np.maximum(error - 1, 0), error)
    same = (got == narrow) | np.isnan(want)
    error = np.where(same, 0.0, error)
    return np.where(np.isnan(error), np.inf, error)


def compiled(name: str) -> Callable[[Array], Array]:
    """Return a function as gradax compiles it."""
    for module in (elementary, gamma, special_functions, trigonometric):
        if hasattr(module, name):
            jitted = gradax.jit(getattr(module, name))
            return lambda x: np.asarray(jitted(x))
    assert name == "round"
    jitted = gradax.jit(rounding.round)
    return lambda x: np.asarray(jitted(x))


def interpreted(name: str) -> Callable[[Array], Array]:
    """Return a function as the kernel interpreter computes its expansion."""

    def run(x: Array) -> Array:
        tensor = elementwise(lambda a: expand(name, (a,)), Input(x.shape, x.dtype, 0))
        return interpret([tensor], [x])[0]

    return run


def measure(name: str, run: Callable[[Array], Array], stride: int, offset: int = 0) -> Worst:
    """Return the largest error of a function over every `stride`-th float32."""
    worst = Worst()
    reference = REFERENCES[name]
    span = CHUNK * stride
    for start in range(offset, 1 << 32, span):
        words = np.arange(start, min(start + span, 1 << 32), stride, dtype=np.uint64)
        x = words.astype(np.uint32).view(np.float32)
        with np.errstate(all="ignore"):
            got, want = run(x), reference(x.astype(np.float64))
            errors = ulp_errors(got, want)
        k = int(np.argmax(errors))
        if errors[k] > worst.error:
            worst = Worst(float(errors[k]), float(x[k]), float(got[k]), float(want[k]))
    return worst


def main() -> int:
    """Measure the named functions, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stride", type=int, default=1)
    parser.add_argument("--interpreter", action="store_true", help="do not compile")
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    failed = False
    for name in options.names or REFERENCES:
        began = time.perf_counter()
        run = interpreted(name) if options.interpreter else compiled(name)
        worst = measure(name, run, options.stride)
        bad = worst.error > FLOAT32[name]
        failed |= bad
        print(
            f"{name:12} {worst.error:8.3f} ulp (bound {FLOAT32[name]}){' ABOVE' if bad else ''}"
            f"  at {worst.at!r}: {worst.got!r}, exactly {worst.want!r}"
            f"  [{time.perf_counter() - began:.0f} s]",
            flush=True,
        )
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
