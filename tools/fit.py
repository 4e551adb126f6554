"""Fit the polynomials of gradax.kernel.math and write them to its file of coefficients.

Usage: python tools/fit.py [NAME …]; without names all are fitted. Prints each fit's largest error.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mpmath as mp
import numpy as np
from minimax import fit, fit_rational, powers

OUT = Path(__file__).resolve().parent.parent / "gradax" / "kernel" / "math" / "coefficients.py"
HEAD = '''"""Coefficients of the approximations, lowest power first. Written by tools/fit.py."""

# fmt: off
COEFFICIENTS: dict[str, dict[str, tuple[float, ...]]] = {
'''
F32, F64 = "float32", "float64"
Real = Callable[[Any], Any]


@dataclass(frozen=True)
class Fit:
    """One polynomial: what it approximates, the weight of its error, where, and how many terms."""

    target: Real
    weight: Real
    intervals: dict[str, tuple[Any, Any]]
    terms: dict[str, int]


@dataclass(frozen=True)
class Ratio:
    """One rational function; `terms` are the degrees of numerator and denominator."""

    target: Real
    weight: Real
    intervals: dict[str, tuple[Any, Any]]
    terms: dict[str, tuple[int, int]]


def both(low: Any, high: Any) -> dict[str, tuple[Any, Any]]:
    """Return one interval for both dtypes."""
    return {F32: (low, high), F64: (low, high)}


HALF_LN2 = mp.log(2) / 2 * mp.mpf("1.0005")
ROOT = mp.sqrt(2)
TINY = mp.mpf("1e-40")


def atanh_tail(z: Any) -> Any:
    """Return (2 atanh(s) / s - 2) / z for z = s*s."""
    if z < TINY:
        return mp.mpf(2) / 3
    s = mp.sqrt(z)
    return (2 * mp.atanh(s) / s - 2) / z


def odd_tail(f: Real, limit: Any) -> Real:
    """Return (f(x) / x - 1) / x**2 as a function of z = x*x."""

    def tail(z: Any) -> Any:
        if z < TINY:
            return limit
        x = mp.sqrt(z)
        return (f(x) / x - 1) / z

    return tail


def odd_weight(f: Real) -> Real:
    """Return the weight that makes errors of `odd_tail` relative to f."""
    return lambda z: z if z < TINY else z * mp.sqrt(z) / f(mp.sqrt(z))


def erfcx_scaled(shift: Any) -> tuple[Real, Real]:
    """Return (x + k) erfcx(x) as a function of t = (x - k) / (x + k), k = shift; and its weight."""

    def value(t: Any) -> Any:
        if t >= 1 - mp.mpf("1e-25"):
            return 1 / mp.sqrt(mp.pi)
        x = shift * (1 + t) / (1 - t)
        if x > 50:
            y = 1 / (2 * x * x)
            series = mp.fsum((-1) ** k * mp.fac2(2 * k - 1) * y**k for k in range(20))
            return (1 + shift / x) / mp.sqrt(mp.pi) * series
        return (x + shift) * mp.exp(x * x) * mp.erfc(x)

    return value, lambda t: 1 / value(t)


def stirling_tail(y: Any) -> Any:
    """Return z (lgamma(z) - (z - 1/2) log z + z - log(2 pi)/2) as a function of y = 1/z**2."""
    if y < mp.mpf("1e-30"):
        return mp.mpf(1) / 12
    z = 1 / mp.sqrt(y)
    return z * (mp.loggamma(z) - (z - 0.5) * mp.log(z) + z - mp.log(2 * mp.pi) / 2)


def digamma_tail(y: Any) -> Any:
    """Return z**2 (log z - 1/(2 z) - digamma(z)) as a function of y = 1/z**2."""
    if y < mp.mpf("1e-30"):
        return mp.mpf(1) / 12
    z = 1 / mp.sqrt(y)
    return (mp.log(z) - 1 / (2 * z) - mp.digamma(z)) / y


def bessel_near(order: int) -> Real:
    """Return I(x), divided by x for order 1, as a function of z = x*x."""

    def value(z: Any) -> Any:
        if order and z < TINY:
            return mp.mpf(0.5)
        x = mp.sqrt(z)
        return mp.besseli(order, x) / (x if order else 1)

    return value


def bessel_far(order: int) -> Real:
    """Return sqrt(x) e**-x I(x) as a function of t = 16/x - 1."""

    def value(t: Any) -> Any:
        if t <= -1 + mp.mpf("1e-8"):
            return 1 / mp.sqrt(2 * mp.pi)
        x = 16 / (t + 1)
        return mp.sqrt(x) * mp.exp(-x) * mp.besseli(order, x)

    return value


def relative(f: Real) -> Real:
    """Return the weight of relative errors."""
    return lambda x: 1 / f(x)


def erf_ratio(z: Any) -> Any:
    """Return erf(x)/x for z = x*x."""
    return 2 / mp.sqrt(mp.pi) if z < TINY else mp.erf(mp.sqrt(z)) / mp.sqrt(z)


def erf_inv_ratio(w: Any) -> Any:
    """Return erf_inv(x)/x for w = -log(1 - x*x)."""
    if w < mp.mpf("1e-25"):
        return mp.sqrt(mp.pi) / 2
    x = mp.sqrt(-mp.expm1(-w))
    # 1 - x loses its digits for large w; erfc(y) = 1 - x is solved instead.
    rest = mp.exp(-w) / (1 + x)
    y = mp.sqrt(w) * mp.mpf("0.9") if w > 1 else x * mp.sqrt(mp.pi) / 2
    for _ in range(60):
        step = (mp.erfc(y) - rest) * mp.sqrt(mp.pi) / 2 * mp.exp(y * y)
        step = step / (1 + y * step)
        y += step
        if abs(step) < abs(y) * mp.mpf("1e-45"):
            break
    return y / x


def cbrt_tail(d: Any) -> Any:
    """Return ((1 + d)**(1/3) - 1) / d."""
    return mp.mpf(1) / 3 if abs(d) < TINY else mp.expm1(mp.log1p(d) / 3) / d


ERFCX, ERFCX_WEIGHT = erfcx_scaled(mp.mpf(2))
ERFCX_LONG, ERFCX_LONG_WEIGHT = erfcx_scaled(mp.mpf(3))
TAN_EIGHTH = (ROOT - 1) ** 2 * mp.mpf("1.001")
HALF_PI2 = mp.mpf("1.6") ** 2

FITS: dict[str, Fit | Ratio] = {
    "exp": Fit(
        lambda r: (mp.expm1(r) - r) / r**2,
        lambda r: r**2 / mp.exp(r),
        both(-HALF_LN2, HALF_LN2),
        {F32: 5, F64: 10},
    ),
    "exp2": Fit(
        lambda r: (mp.power(2, r) - 1) / r,
        lambda r: r / mp.power(2, r),
        both(-0.5005, 0.5005),
        {F32: 6, F64: 12},
    ),
    # For the power of float32, computed in float64: 2**-30 is enough.
    "exp2_short": Fit(
        lambda r: mp.power(2, r),
        lambda r: mp.power(2, -r),
        {F64: (-0.5, 0.5)},
        {F64: 7},
    ),
    "log2_short": Fit(
        lambda f: mp.log1p(f) / mp.log(2) / f,
        lambda f: f / mp.log1p(f),
        {F64: (1 / ROOT - 1, ROOT - 1)},
        {F64: 14},
    ),
    "log": Fit(
        lambda f: (mp.log1p(f) - f + f * f / 2) / f**3,
        lambda f: f**3 / mp.log1p(f),
        {F32: (1 / ROOT - 1, ROOT - 1)},
        {F32: 8},
    ),
    "atanh": Fit(atanh_tail, lambda z: z, {F64: (0, 0.0296)}, {F64: 7}),
    "atanh_second": Fit(
        lambda z: (atanh_tail(z) - mp.mpf(2) / 3) / z if z > TINY else mp.mpf(2) / 5,
        lambda z: z * z,
        {F64: (0, 0.0296)},
        {F64: 8},
    ),
    "sin": Fit(
        odd_tail(mp.sin, -mp.mpf(1) / 6), odd_weight(mp.sin), both(0, HALF_PI2), {F32: 4, F64: 8}
    ),
    "tan": Ratio(
        lambda z: mp.tan(mp.sqrt(z)) / mp.sqrt(z) if z > TINY else mp.mpf(1),
        lambda z: mp.sqrt(z) / mp.tan(mp.sqrt(z)) if z > TINY else mp.mpf(1),
        both(0, mp.mpf("0.795") ** 2),
        {F32: (1, 2), F64: (3, 3)},
    ),
    "asin": Fit(
        odd_tail(mp.asin, mp.mpf(1) / 6), odd_weight(mp.asin), both(0, 0.2501), {F32: 5, F64: 12}
    ),
    "atan": Fit(
        odd_tail(mp.atan, -mp.mpf(1) / 3),
        odd_weight(mp.atan),
        both(0, TAN_EIGHTH),
        {F32: 5, F64: 11},
    ),
    "erf": Ratio(erf_ratio, relative(erf_ratio), {F32: (0, mp.mpf("3.93") ** 2)}, {F32: (5, 5)}),
    "erf_near": Fit(erf_ratio, relative(erf_ratio), {F64: (0, 1.0)}, {F64: 14}),
    "erfcx": Fit(ERFCX, ERFCX_WEIGHT, {F32: (-1, 0.68)}, {F32: 10}),
    "erfcx_long": Fit(ERFCX_LONG, ERFCX_LONG_WEIGHT, {F64: (-1, 0.81)}, {F64: 25}),
    "erf_inv_near": Fit(
        lambda t: erf_inv_ratio(t + mp.mpf("3.125")),
        lambda t: 1 / erf_inv_ratio(t + mp.mpf("3.125")),
        {F64: (-3.125, 3.125)},
        {F64: 23},
    ),
    "erf_inv_middle": Fit(
        lambda t: erf_inv_ratio((t + mp.mpf("3.25")) ** 2),
        lambda t: 1 / erf_inv_ratio((t + mp.mpf("3.25")) ** 2),
        {F64: (-0.75, 0.75)},
        {F64: 19},
    ),
    "erf_inv_far": Fit(
        lambda t: erf_inv_ratio((t + 5) ** 2),
        lambda t: 1 / erf_inv_ratio((t + 5) ** 2),
        {F64: (-1.0, 1.1)},
        {F64: 17},
    ),
    "lgamma": Fit(
        lambda u: mp.loggamma(2 + u) / u,
        lambda u: u / mp.loggamma(2 + u),
        both(-0.5, 0.5),
        {F32: 10, F64: 22},
    ),
    "stirling": Fit(stirling_tail, lambda y: mp.mpf(1), both(0, mp.mpf(1) / 64), {F32: 3, F64: 8}),
    # For float32, computed in float64: shifted to 5 only.
    "digamma_short": Fit(digamma_tail, lambda y: y, {F64: (0, mp.mpf(1) / 25)}, {F64: 6}),
    "digamma": Fit(digamma_tail, lambda y: y, {F64: (0, mp.mpf(1) / 100)}, {F64: 8}),
    "bessel_i0e": Fit(bessel_near(0), relative(bessel_near(0)), both(0, 64), {F32: 12, F64: 21}),
    "bessel_i1e": Fit(bessel_near(1), relative(bessel_near(1)), both(0, 64), {F32: 12, F64: 21}),
    "bessel_i0e_far": Fit(bessel_far(0), relative(bessel_far(0)), both(-1, 1), {F32: 8, F64: 23}),
    "bessel_i1e_far": Fit(bessel_far(1), relative(bessel_far(1)), both(-1, 1), {F32: 8, F64: 23}),
    "cbrt": Fit(cbrt_tail, lambda d: d, {F32: (-0.12, 0.13), F64: (-1e-4, 1e-4)}, {F32: 6, F64: 4}),
}


def solve(name: str, dtype: str) -> dict[str, list[float]]:
    """Fit one entry in one dtype; a rational one gives two lists."""
    entry = FITS[name]
    kind = np.dtype(dtype)
    if isinstance(entry, Ratio):
        top, low, error = fit_rational(
            entry.target, entry.weight, entry.terms[dtype], entry.intervals[dtype], kind
        )
        found = {name: top, f"{name}_low": low}
    else:
        terms = powers(range(entry.terms[dtype]))
        values, error = fit(entry.target, entry.weight, terms, entry.intervals[dtype], kind)
        found = {name: values}
    print(f"{name:16} {dtype} {entry.terms[dtype]!s:8} error {error:.2e}", flush=True)
    return found


def written(coefficients: dict[str, dict[str, list[float]]]) -> str:
    """Return the text of the file of coefficients."""
    lines = [HEAD.rstrip("\n")]
    for name in sorted(coefficients):
        lines.append(f'    "{name}": {{')
        for dtype, values in sorted(coefficients[name].items()):
            texts = [repr(float(np.dtype(dtype).type(v))) for v in values]
            if dtype == F32:
                texts = [str(np.float32(v)) for v in values]
            lines.append(f'        "{dtype}": (')
            lines += [
                f"            {', '.join(texts[k : k + 3])}," for k in range(0, len(texts), 3)
            ]
            lines.append("        ),")
        lines.append("    },")
    return "\n".join([*lines, "}", ""])


def main(names: list[str]) -> None:
    """Fit the named entries, keep the others as they are, and write the file."""
    coefficients: dict[str, dict[str, Any]] = {}
    if names and OUT.exists():
        space: dict[str, Any] = {}
        exec(OUT.read_text(), space)
        coefficients = space["COEFFICIENTS"]
    for name in names or FITS:
        for dtype in FITS[name].terms:
            for key, values in solve(name, dtype).items():
                coefficients.setdefault(key, {})[dtype] = values
    OUT.write_text(written(coefficients))


if __name__ == "__main__":
    main(sys.argv[1:])
