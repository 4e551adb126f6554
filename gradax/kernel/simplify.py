"""Rewrites of a function's application that hold exactly, whatever the operands.

Only integer and bool identities, and those of floats that keep every bit (x*1, NaN and signed zeros
included). Returns None when nothing applies.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gradax.kernel.functions import COMPARISONS, is_integer
from gradax.kernel.ir import BOOL, Apply, Const, Scalar, const, make_apply
from gradax.sizes import Size

_FOLDED: dict[str, Callable[[Any, Any], Any]] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "min": min,
    "max": max,
    "eq": lambda a, b: a == b,
    "ne": lambda a, b: a != b,
    "lt": lambda a, b: a < b,
    "le": lambda a, b: a <= b,
    "gt": lambda a, b: a > b,
    "ge": lambda a, b: a >= b,
    "and": lambda a, b: a & b,
    "or": lambda a, b: a | b,
    "xor": lambda a, b: a ^ b,
}


def simplified(fn: str, args: tuple[Scalar, ...], dtype: np.dtype[Any]) -> Scalar | None:
    """Return a simpler scalar equal to fn(args), or None."""
    if fn == "rare" and isinstance(args[0], Const):
        return args[1] if args[0].value else args[2]
    if fn == "select":
        return simplified_select(*args)
    if fn == "not" and args[0].dtype == BOOL:
        return simplified_not(args[0])
    operand = args[0].dtype
    if len(args) != 2 or not (is_integer(operand) or operand == BOOL):
        return simplified_float(fn, args)
    x, y = args
    if is_size(x) or is_size(y):
        return simplified_size(fn, x, y, dtype)
    if isinstance(x, Const) and isinstance(y, Const):
        return folded(fn, x, y, dtype)
    if isinstance(x, Const) and fn in ("add", "mul", "and", "or", "xor"):
        x, y = y, x
    if isinstance(y, Const):
        return with_constant(fn, x, y, dtype)
    return x if x is y and fn in ("and", "or", "min", "max") else None


def is_size(x: Scalar) -> bool:
    """Tell whether a scalar is the size of an open axis."""
    return isinstance(x, Const) and type(x.value) is Size


def simplified_size(fn: str, x: Scalar, y: Scalar, dtype: np.dtype[Any]) -> Scalar | None:
    """Compute with the sizes of open axes; comparisons are left to the machine."""
    if fn not in ("add", "sub", "mul"):
        return None
    if isinstance(x, Const) and isinstance(y, Const):
        return const(_FOLDED[fn](x.value, y.value), dtype)
    if isinstance(x, Const) and fn != "sub":
        x, y = y, x
    if fn == "sub" and is_size(y):
        assert isinstance(y, Const)
        return simplified("add", (x, const(-y.value, dtype)), dtype) or make_apply(
            "add", (x, const(-y.value, dtype)), dtype, 1
        )
    if is_size(y):
        assert isinstance(y, Const)
        return nested_constant(fn, x, y) or make_apply(fn, (x, y), dtype, 1)
    return None


def folded(fn: str, x: Const, y: Const, dtype: np.dtype[Any]) -> Scalar | None:
    """Compute fn of two integer or bool constants, wrapping."""
    if fn in _FOLDED:
        value = _FOLDED[fn](x.value, y.value)
        return const(value if fn in COMPARISONS else wrap(value, dtype), dtype)
    if fn in ("div", "rem") and x.value >= 0 and y.value > 0:
        return const(x.value // y.value if fn == "div" else x.value % y.value, dtype)
    return None


def wrap(value: int, dtype: np.dtype[Any]) -> int:
    """Reduce an integer to the range of `dtype`."""
    if dtype == BOOL:
        return bool(value)
    bits = dtype.itemsize * 8
    if dtype.kind == "V":
        return value
    value &= (1 << bits) - 1
    return value - (1 << bits) if dtype.kind == "i" and value >> (bits - 1) else value


def with_constant(fn: str, x: Scalar, y: Const, dtype: np.dtype[Any]) -> Scalar | None:
    """Simplify fn(x, constant) of integers or bools."""
    value = y.value
    if dtype == BOOL and fn in ("and", "or"):
        return (x if value else y) if fn == "and" else (y if value else x)
    if value == 0:
        if fn in ("add", "sub", "or", "xor", "shl", "shr", "sar"):
            return x
        if fn in ("mul", "and"):
            return y
    if value == 1:
        if fn in ("mul", "div"):
            return x
        if fn == "rem":
            return const(0, dtype)
    if fn == "sub" and is_integer(dtype):
        opposite = const(wrap(-value, dtype), dtype)
        return simplified("add", (x, opposite), dtype) or make_apply("add", (x, opposite), dtype, 1)
    return narrowed(fn, x, y, dtype) or nested_constant(fn, x, y)


def narrowed(fn: str, x: Scalar, y: Const, dtype: np.dtype[Any]) -> Scalar | None:
    """Compare a widened integer with a constant, or limit it, at its own width."""
    if not isinstance(x, Apply) or x.fn != "convert" or fn not in ("min", "max", *COMPARISONS):
        return None
    own = x.args[0].dtype
    if own.kind not in "iu" or own.itemsize >= y.dtype.itemsize or y.value != wrap(y.value, own):
        return None
    args = (x.args[0], const(y.value, own))
    if fn in COMPARISONS:
        return make_apply(fn, args, BOOL, 1)
    return make_apply("convert", (make_apply(fn, args, own, 1),), dtype, 1)


def nested_constant(fn: str, x: Scalar, y: Const) -> Scalar | None:
    """Join (a + c1) + c2 and (a * c1) * c2."""
    if fn in ("add", "mul") and isinstance(x, Apply) and x.fn == fn:
        inner = x.args[1]
        if isinstance(inner, Const):
            value = _FOLDED[fn](inner.value, y.value)
            value = value if type(value) is Size else wrap(value, y.dtype)
            joined = (x.args[0], const(value, y.dtype))
            return simplified(fn, joined, y.dtype) or make_apply(fn, joined, y.dtype, 1)
    return None


def simplified_select(condition: Scalar, yes: Scalar, no: Scalar) -> Scalar | None:
    """Simplify a select."""
    if isinstance(condition, Const):
        return yes if condition.value else no
    if yes is no:
        return yes
    inner = chosen_by(condition, yes, 1), chosen_by(condition, no, 2)
    if inner == (yes, no):
        return None
    return inner[0] if inner[0] is inner[1] else make_apply(
        "select", (condition, *inner), yes.dtype, 1
    )  # fmt: skip


def chosen_by(condition: Scalar, x: Scalar, which: int) -> Scalar:
    """Return what is left of an operand that is chosen by the same condition itself."""
    if isinstance(x, Apply) and x.fn == "select" and x.args[0] is condition:
        return x.args[which]
    return x


def simplified_not(x: Scalar) -> Scalar | None:
    """Simplify the negation of a bool."""
    if isinstance(x, Const):
        return const(not x.value, BOOL)
    return x.args[0] if isinstance(x, Apply) and x.fn == "not" else None


def simplified_float(fn: str, args: tuple[Scalar, ...]) -> Scalar | None:
    """Simplify float operations that change no bit: x*1, x/1, --x."""
    if fn == "neg" and isinstance(args[0], Apply) and args[0].fn == "neg":
        return args[0].args[0]
    if fn in ("mul", "div") and isinstance(args[1], Const) and args[1].value == 1:
        return args[0]
    if fn == "mul" and isinstance(args[0], Const) and args[0].value == 1:
        return args[1]
    return None
