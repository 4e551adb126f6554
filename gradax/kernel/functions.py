"""The functions that scalars are made of: their result types, costs and NumPy meanings.

`BASIC` ones are instructions of the target (or a few). All others are approximations that
`kernel.math` writes in terms of basic ones.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ml_dtypes
import numpy as np

Array = np.ndarray[Any, Any]

COMPARISONS = frozenset({"eq", "ne", "lt", "le", "gt", "ge"})
# Both give args[1] where args[0] holds and args[2] elsewhere; `rare` expects that few elements do,
# so that args[1] is computed only where some element of a vector needs it.
CHOICES = frozenset({"select", "rare"})
COMPLEX_PARTS = frozenset({"real", "imag"})
BASIC: dict[str, int] = {  # name: cost in rough instructions
    "add": 1, "sub": 1, "mul": 1, "div": 8, "rem": 20, "neg": 1, "abs": 1, "min": 2, "max": 2,
    "fma": 1, "sqrt": 8, "floor": 1, "ceil": 1, "trunc": 1, "round_even": 1, "copysign": 2,
    "and": 1, "or": 1, "xor": 1, "not": 1, "shl": 1, "shr": 1, "sar": 1, "popcount": 3, "clz": 3,
    "mulhi": 4, "eq": 1, "ne": 1, "lt": 1, "le": 1, "gt": 1, "ge": 1, "select": 1, "rare": 1,
    "convert": 1, "bitcast": 0, "real": 0, "imag": 0, "complex": 0,
}  # fmt: skip
APPROXIMATED: dict[str, int] = {
    "exp": 20, "exp2": 20, "expm1": 28, "log": 22, "log1p": 28, "sin": 40, "cos": 40, "tan": 50,
    "asin": 30, "acos": 30, "atan": 30, "atan2": 40, "sinh": 30, "cosh": 30, "tanh": 30,
    "asinh": 40, "acosh": 40, "atanh": 40, "pow": 60, "cbrt": 30, "rsqrt": 10, "logistic": 25,
    "erf": 40, "erfc": 60, "erf_inv": 50, "lgamma": 120, "digamma": 120, "bessel_i0e": 80,
    "bessel_i1e": 80, "nextafter": 10, "round": 4,
}  # fmt: skip


def cost_of(fn: str) -> int:
    """Return the rough number of instructions of a function."""
    cost = BASIC.get(fn)
    return APPROXIMATED[fn] if cost is None else cost


def is_float(dtype: np.dtype[Any]) -> bool:
    """Tell whether a dtype is a real floating one (ml_dtypes' included)."""
    return dtype.kind == "f" or (dtype.kind == "V" and dtype.name.startswith(("bfloat", "float")))


def is_integer(dtype: np.dtype[Any]) -> bool:
    """Tell whether a dtype is an integer one (ml_dtypes' included), not bool."""
    return dtype.kind in "iu" or (dtype.kind == "V" and "int" in dtype.name)


def is_signed(dtype: np.dtype[Any]) -> bool:
    """Tell whether a dtype is a signed integer one."""
    return is_integer(dtype) and not dtype.name.startswith("uint")


def is_complex(dtype: np.dtype[Any]) -> bool:
    """Tell whether a dtype is complex."""
    return dtype.kind == "c"


def real_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the dtype of a complex number's parts."""
    return np.dtype(np.float32 if dtype == np.complex64 else np.float64)


def complex_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the complex dtype with parts of `dtype`."""
    return np.dtype(np.complex128 if dtype == np.float64 else np.complex64)


def result_dtype(fn: str, args: tuple[np.dtype[Any], ...]) -> np.dtype[Any]:
    """Return the dtype of a function's result (not of convert and bitcast, which state it)."""
    if fn in COMPARISONS:
        return np.dtype(np.bool_)
    if fn in CHOICES:
        return args[1]
    if fn in COMPLEX_PARTS or (fn == "abs" and is_complex(args[0])):
        return real_dtype(args[0]) if is_complex(args[0]) else args[0]
    if fn == "complex":
        return complex_dtype(args[0])
    return args[0]


def int_div(x: Array, y: Array) -> Array:
    """Divide integers, truncating; x/0 = -1 and INT_MIN/-1 = INT_MIN."""
    safe = np.where(y == 0, np.ones_like(y), y)
    quotient = np.asarray(np.floor_divide(x, safe))
    if x.dtype.kind == "i":
        inexact = (np.remainder(x, safe) != 0) & ((x < 0) != (safe < 0))
        quotient = np.where(inexact, quotient + np.ones_like(quotient), quotient)
        quotient = np.where(safe == -1, np.negative(x), quotient)
    return np.where(y == 0, ~np.zeros_like(x), quotient).astype(x.dtype)


def int_rem(x: Array, y: Array) -> Array:
    """Return the remainder with the sign of the dividend; x%0 = x."""
    safe = np.where(y == 0, np.ones_like(y), y)
    safe = (
        np.where(safe == np.asarray(-1).astype(y.dtype), np.ones_like(y), safe)
        if (x.dtype.kind == "i")
        else safe
    )
    return np.where(y == 0, x, np.fmod(x, safe)).astype(x.dtype)


def shift(compute: Callable[..., Any], x: Array, n: Array, overflow: Array) -> Array:
    """Shift where 0 <= n < bits, `overflow` elsewhere."""
    bits = x.dtype.itemsize * 8
    inside = (n >= 0) & (n < bits)
    return np.where(inside, compute(x, np.where(inside, n, np.zeros_like(n))), overflow)


def unsigned(x: Array) -> Array:
    """Return the bits of integers as unsigned ones."""
    return np.asarray(x).view(np.dtype(f"u{x.dtype.itemsize}"))


def shr(x: Array, n: Array) -> Array:
    """Shift right, filling with zeros."""
    u = unsigned(x)
    return shift(np.right_shift, u, n.astype(u.dtype), np.zeros_like(u)).view(x.dtype)


def clz(x: Array) -> Array:
    """Count leading zeros."""
    bits = x.dtype.itemsize * 8
    u = unsigned(x).astype(np.uint64)
    count = np.full(u.shape, bits, np.int64)
    for b in range(bits):
        count = np.where((u >> np.uint64(b)) & np.uint64(1) == 1, bits - 1 - b, count)
    return count.astype(x.dtype)


def convert_array(x: Array, dtype: np.dtype[Any]) -> Array:
    """Convert; floats to integers saturate and NaN gives 0; complex to real drops the rest."""
    x = np.asarray(x)
    if dtype == np.bool_:
        return x != 0
    if is_complex(x.dtype) and not is_complex(dtype):
        x = x.real
    if (is_float(x.dtype)) and is_integer(dtype):
        info = ml_dtypes.iinfo(dtype) if dtype.kind == "V" else np.iinfo(dtype)
        wide = x.astype(np.float64)
        clipped = np.clip(np.nan_to_num(wide, nan=0.0), float(info.min), float(info.max))
        out = np.trunc(clipped)
        top = out >= float(info.max)
        return np.where(top, info.max, np.where(top, 0, out).astype(dtype)).astype(dtype)
    if is_float(dtype) and dtype.itemsize < 4:  # in two steps, as compiled code does
        return x.astype(np.float32).astype(dtype)
    return x.astype(dtype)
