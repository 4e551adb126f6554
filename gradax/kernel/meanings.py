"""What the kernel functions compute, in NumPy: the oracle of compiled code.

`meaning(fn)` gives a function of arrays of one dtype (broadcast against each other); the result has
the dtype that `functions.result_dtype` states. SciPy is loaded by the first special function.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np

from gradax.kernel.functions import (
    APPROXIMATED,
    clz,
    convert_array,
    int_div,
    int_rem,
    is_complex,
    is_float,
    is_integer,
    shift,
    shr,
    unsigned,
)

Array = np.ndarray[Any, Any]
Compute = Callable[..., Any]


def meaning(fn: str) -> Compute:
    """Return what a kernel function computes, without NumPy's floating-point warnings."""
    compute = _MEANINGS[fn]

    def run(*args: Any) -> Any:
        with np.errstate(all="ignore"):
            return compute(*args)

    return run


def special(name: str) -> Compute:
    """Return a function of scipy.special, computed in double precision at least for its result."""

    def run(*args: Array) -> Any:
        function = getattr(import_module("scipy.special"), name)
        dtype = args[0].dtype
        wide = [a.astype(np.float64) for a in args]
        return np.asarray(function(*wide)).astype(dtype)

    return run


def lgamma(x: Array) -> Any:
    """Return log|gamma(x)|: infinite at both infinities."""
    infinity = np.asarray(np.inf, x.dtype)
    return np.where(np.isinf(x), infinity, special("gammaln")(x)).astype(x.dtype)


def digamma(x: Array) -> Any:
    """Return the derivative of log gamma: NaN at all of its poles."""
    return np.where(x == 0, np.asarray(np.nan, x.dtype), special("digamma")(x)).astype(x.dtype)


def sar(x: Array, n: Array) -> Any:
    """Shift right, filling with the first bit, of unsigned integers as well."""
    signed = np.dtype(f"i{x.dtype.itemsize}")
    wide = n.astype(np.int64) if n.dtype != np.uint64 else np.minimum(n, 64).astype(np.int64)
    shifted = shift_signed(np.ascontiguousarray(x).view(signed).reshape(x.shape), wide)
    return shifted.view(x.dtype)


def shift_signed(x: Array, n: Array) -> Array:
    """Shift signed integers right; all sign where the distance is out of range."""
    bits = x.dtype.itemsize * 8
    n = np.where((n < 0) | (n >= bits), bits - 1, n)
    return np.asarray(np.right_shift(x, n.astype(x.dtype)))


def divide(x: Array, y: Array) -> Any:
    """Divide, truncating for integers."""
    return int_div(x, y) if is_integer(x.dtype) else np.divide(x, y)


def remainder(x: Array, y: Array) -> Any:
    """Return the remainder with the sign of the dividend."""
    return int_rem(x, y) if is_integer(x.dtype) else np.fmod(x, y)


def fma(x: Array, y: Array, z: Array) -> Any:
    """Return x*y + z with one rounding (in float64: exactly when the product's error matters)."""
    if x.dtype != np.float64:
        return (x.astype(np.float64) * y.astype(np.float64) + z.astype(np.float64)).astype(x.dtype)
    plain = x * y + z
    error = product_error(x, y)
    total = x * y + z
    rest = total - x * y
    lost = (x * y - (total - rest)) + (z - rest)
    exact = total + (lost + error)
    return np.where(np.isfinite(exact), exact, plain)


def product_error(x: Array, y: Array) -> Any:
    """Return x*y minus its rounded value (Dekker's splitting)."""
    high_x, high_y = (t - (t - a) for a, t in ((x, x * 134217729.0), (y, y * 134217729.0)))
    low_x, low_y = x - high_x, y - high_y
    cross = ((high_x * high_y - x * y) + high_x * low_y) + low_x * high_y
    return cross + low_x * low_y


def shl(x: Array, n: Array) -> Any:
    """Shift left; zero when all bits go."""
    return shift(np.left_shift, x, n, np.zeros_like(x))


def mulhi(x: Array, y: Array) -> Any:
    """Return the upper half of the full product of integers."""
    bits = x.dtype.itemsize * 8
    if bits < 64:
        wide = np.dtype(np.int64 if x.dtype.kind == "i" else np.uint64)
        return (x.astype(wide) * y.astype(wide) >> wide.type(bits)).astype(x.dtype)
    u, v = np.asarray(x).astype(np.uint64), np.asarray(y).astype(np.uint64)
    half, mask = np.uint64(32), np.uint64(0xFFFFFFFF)
    a, b, c, d = u >> half, u & mask, v >> half, v & mask
    middle = a * d + (b * d >> half)
    other = b * c + (middle & mask)
    high = a * c + (middle >> half) + (other >> half)
    if x.dtype.kind == "i":
        zero = np.uint64(0)
        high = high - np.where(x < 0, v, zero) - np.where(y < 0, u, zero)
    return high.astype(x.dtype)


def popcount(x: Array) -> Any:
    """Count the bits that are set."""
    return np.bitwise_count(unsigned(x)).astype(x.dtype)  # of signed ones NumPy takes |x|


def absolute(x: Array) -> Any:
    """Return the magnitude; of unsigned integers themselves."""
    return np.abs(x)


def logical_or_bitwise(logical: Compute, bitwise: Compute) -> Compute:
    """Make a function that is logical on bools and bitwise on integers."""
    return lambda *args: (logical if args[0].dtype == np.bool_ else bitwise)(*args)


def round_away(x: Array) -> Any:
    """Round to the nearest integer, halves away from zero."""
    whole = np.trunc(x)
    away = np.abs(x - whole) >= np.asarray(0.5, x.dtype)
    return np.copysign(whole + np.where(away, np.copysign(np.ones_like(x), x), np.zeros_like(x)), x)


def rsqrt(x: Array) -> Any:
    """Return 1/sqrt(x)."""
    return np.asarray(1, x.dtype) / np.sqrt(x)


def logistic(x: Array) -> Any:
    """Return 1/(1 + exp(-x))."""
    one = np.asarray(1, x.dtype)
    return one / (one + np.exp(-x))


def make_complex(x: Array, y: Array) -> Any:
    """Join real and imaginary parts."""
    dtype = np.complex128 if x.dtype == np.float64 else np.complex64
    out = np.empty(np.broadcast_shapes(x.shape, y.shape), dtype)
    out.real, out.imag = x, y
    return out


def complex_log1p(x: Array) -> Any:
    """Return log(1 + x), without NumPy's loss of accuracy for small complex numbers."""
    if not is_complex(x.dtype):
        return np.log1p(x)
    a, b = x.real.astype(np.float64), x.imag.astype(np.float64)
    size = np.hypot(1 + a, b)
    small = 0.5 * np.log1p(a * (2 + a) + b * b)
    real = np.where(size < 2, small, np.log(size))
    return make_complex(real, np.arctan2(b, 1 + a)).astype(x.dtype)


def cube_root(x: Array) -> Any:
    """Return the real cube root."""
    return np.cbrt(x)


_MEANINGS: dict[str, Compute] = {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "div": divide, "rem": remainder,
    "neg": np.negative, "abs": absolute, "min": np.minimum, "max": np.maximum, "fma": fma,
    "sqrt": np.sqrt, "floor": np.floor, "ceil": np.ceil, "trunc": np.trunc,
    "round_even": np.rint, "copysign": np.copysign,
    "and": logical_or_bitwise(np.logical_and, np.bitwise_and),
    "or": logical_or_bitwise(np.logical_or, np.bitwise_or),
    "xor": logical_or_bitwise(np.logical_xor, np.bitwise_xor),
    "not": logical_or_bitwise(np.logical_not, np.invert),
    "shl": shl, "shr": shr, "sar": sar, "mulhi": mulhi, "clz": clz,
    "popcount": popcount,
    "eq": np.equal, "ne": np.not_equal, "lt": np.less, "le": np.less_equal, "gt": np.greater,
    "ge": np.greater_equal, "select": np.where, "rare": np.where, "real": np.real, "imag": np.imag,
    "complex": make_complex,
    "exp": np.exp, "exp2": np.exp2, "expm1": np.expm1, "log": np.log, "log1p": complex_log1p,
    "sin": np.sin, "cos": np.cos, "tan": np.tan, "asin": np.arcsin, "acos": np.arccos,
    "atan": np.arctan, "atan2": np.arctan2, "sinh": np.sinh, "cosh": np.cosh, "tanh": np.tanh,
    "asinh": np.arcsinh, "acosh": np.arccosh, "atanh": np.arctanh, "pow": np.power,
    "cbrt": cube_root, "rsqrt": rsqrt, "logistic": logistic, "erf": special("erf"),
    "erfc": special("erfc"), "erf_inv": special("erfinv"), "lgamma": lgamma,
    "digamma": digamma, "bessel_i0e": special("i0e"), "bessel_i1e": special("i1e"),
    "nextafter": np.nextafter, "round": round_away,
}  # fmt: skip

# Functions of one operand and of three; all others have two.
_UNARY = frozenset(
    {
        "neg", "abs", "sqrt", "floor", "ceil", "trunc", "round_even", "not", "popcount", "clz",
        "convert", "bitcast", "real", "imag", *APPROXIMATED,
    }
    - {"atan2", "pow", "nextafter"}
)  # fmt: skip
_TERNARY = frozenset({"fma", "select", "rare"})


def arity(fn: str) -> int:
    """Return the number of operands of a kernel function."""
    if fn in _UNARY:
        return 1
    return 3 if fn in _TERNARY else 2


def compute_apply(fn: str, args: list[Array], dtype: np.dtype[Any]) -> Array:
    """Apply a kernel function, `convert` and `bitcast` included, to arrays."""
    if fn == "convert":
        with np.errstate(all="ignore"):
            return np.asarray(convert_array(args[0], dtype))
    if fn == "bitcast":
        return np.ascontiguousarray(args[0]).view(dtype).reshape(args[0].shape)
    out = np.asarray(meaning(fn)(*args))
    return out if out.dtype == dtype else convert_result(out, dtype)


def convert_result(out: Array, dtype: np.dtype[Any]) -> Array:
    """Return a result that NumPy computed in a wider dtype in its own."""
    assert is_float(dtype) or is_integer(dtype) or is_complex(dtype), (out.dtype, dtype)
    with np.errstate(all="ignore"):
        return out.astype(dtype)
