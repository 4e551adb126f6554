"""Instructions of basic functions, on one element or on a vector of them."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import Any

import ml_dtypes
import numpy as np

from gradax.compiler.llvm import float8
from gradax.compiler.llvm.writer import Writer, scalar_type, vector
from gradax.errors import CompileError
from gradax.kernel.functions import is_float, is_integer, is_signed
from gradax.sizes import Size

F32 = np.dtype(np.float32)
BF16 = np.dtype(ml_dtypes.bfloat16)
Emit = Callable[[Writer, int, np.dtype[Any], Sequence[str]], str]


def suffix(dtype: np.dtype[Any], lanes: int) -> str:
    """Return the suffix of an intrinsic's name."""
    element = {"float32": "f32", "float64": "f64", "float16": "f16"}.get(
        dtype.name, scalar_type(dtype)
    )
    return f"v{lanes}{element}" if lanes > 1 else element


def constant(value: Any, dtype: np.dtype[Any]) -> str:
    """Return a constant's text."""
    if dtype == np.bool_:
        return "true" if value else "false"
    if is_integer(dtype):
        return str(value if type(value) is Size else int(value))
    if dtype == BF16:
        return str(int(np.asarray(value, BF16).view(np.uint16)))
    if dtype == np.float16:
        return f"0xH{int(np.asarray(value, np.float16).view(np.uint16)):04X}"
    with np.errstate(over="ignore"):
        rounded = float(np.float32(value)) if dtype == np.float32 else float(value)
    return f"0x{struct.unpack('<Q', struct.pack('<d', rounded))[0]:016X}"


def splat_constant(value: Any, dtype: np.dtype[Any], lanes: int) -> str:
    """Return the text of a constant in every lane."""
    text = constant(value, dtype)
    if lanes == 1:
        return text
    return f"splat ({scalar_type(dtype)} {text})"


def simple(float_op: str | None, int_op: str | None) -> Emit:
    """Return the emitter of a two-operand instruction."""

    def emit(w: Writer, lanes: int, dtype: np.dtype[Any], args: Sequence[str]) -> str:
        op = float_op if is_float(dtype) else int_op
        if op is None:
            raise CompileError(f"no instruction for {dtype}")
        return w.emit(f"{op} {vector(lanes, scalar_type(dtype))} {args[0]}, {args[1]}")

    return emit


def intrinsic(name: str) -> Emit:
    """Return the emitter of an intrinsic whose operands and result have one type."""

    def emit(w: Writer, lanes: int, dtype: np.dtype[Any], args: Sequence[str]) -> str:
        type_ = vector(lanes, scalar_type(dtype))
        return w.intrinsic(f"llvm.{name}.{suffix(dtype, lanes)}", type_, [(type_, a) for a in args])

    return emit


def extremum(which: str) -> Emit:
    """Return the emitter of min or max; NaN where either operand is NaN."""
    relation = "olt" if which == "min" else "ogt"

    def emit(w: Writer, lanes: int, dtype: np.dtype[Any], args: Sequence[str]) -> str:
        type_ = vector(lanes, scalar_type(dtype))
        mask = vector(lanes, "i1")
        if dtype == np.bool_:
            return w.emit(f"{'and' if which == 'min' else 'or'} {type_} {args[0]}, {args[1]}")
        if is_integer(dtype):
            sign = "s" if is_signed(dtype) else "u"
            return intrinsic(f"{sign}{which}")(w, lanes, dtype, args)
        x, y = args  # x where x < y or x is NaN, else y: the NaN of y comes through the 'else'
        less = w.emit(f"fcmp {relation} {type_} {x}, {y}")
        nan = w.emit(f"fcmp uno {type_} {x}, {x}")
        keep = w.emit(f"or {mask} {less}, {nan}")
        return w.emit(f"select {mask} {keep}, {type_} {x}, {type_} {y}")

    return emit


def compare(float_op: str, signed_op: str, unsigned_op: str) -> Emit:
    """Return the emitter of a comparison."""

    def emit(w: Writer, lanes: int, dtype: np.dtype[Any], args: Sequence[str]) -> str:
        type_ = vector(lanes, scalar_type(dtype))
        if is_float(dtype):
            return w.emit(f"fcmp {float_op} {type_} {args[0]}, {args[1]}")
        op = signed_op if is_signed(dtype) else unsigned_op
        return w.emit(f"icmp {op} {type_} {args[0]}, {args[1]}")

    return emit


def emit_neg(w: Writer, lanes: int, dtype: np.dtype[Any], args: Sequence[str]) -> str:
    """Negate."""
    type_ = vector(lanes, scalar_type(dtype))
    if is_float(dtype):
        return w.emit(f"fneg {type_} {args[0]}")
    return w.emit(f"sub {type_} zeroinitializer, {args[0]}" if lanes > 1 else
                  f"sub {type_} 0, {args[0]}")  # fmt: skip


def emit_not(w: Writer, lanes: int, dtype: np.dtype[Any], args: Sequence[str]) -> str:
    """Complement."""
    ones = splat_constant(True if dtype == np.bool_ else -1, dtype, lanes)
    return w.emit(f"xor {vector(lanes, scalar_type(dtype))} {args[0]}, {ones}")


def emit_abs(w: Writer, lanes: int, dtype: np.dtype[Any], args: Sequence[str]) -> str:
    """Take the absolute value."""
    if is_float(dtype):
        return intrinsic("fabs")(w, lanes, dtype, args)
    if not is_signed(dtype):
        return args[0]
    type_ = vector(lanes, scalar_type(dtype))
    name = f"llvm.abs.{suffix(dtype, lanes)}"
    return w.intrinsic(name, type_, [(type_, args[0]), ("i1", "false")])


def emit_divide(remainder: bool) -> Emit:
    """Return the emitter of division or remainder, defined for every integer."""

    def emit(w: Writer, lanes: int, dtype: np.dtype[Any], args: Sequence[str]) -> str:
        type_ = vector(lanes, scalar_type(dtype))
        x, y = args
        if is_float(dtype):
            return w.emit(f"{'frem' if remainder else 'fdiv'} {type_} {x}, {y}")
        letter = "s" if is_signed(dtype) else "u"
        op = f"{letter}{'rem' if remainder else 'div'}"
        if y.lstrip("-").isdigit() and int(y) > 0:
            return w.emit(f"{op} {type_} {x}, {y}")
        mask = vector(lanes, "i1")
        one = splat_constant(1, dtype, lanes)
        zero = splat_constant(0, dtype, lanes)
        is_zero = w.emit(f"icmp eq {type_} {y}, {zero}")
        bad, at_minus = is_zero, ""
        if letter == "s":
            minus = splat_constant(-1, dtype, lanes)
            at_minus = w.emit(f"icmp eq {type_} {y}, {minus}")
            bad = w.emit(f"or {mask} {is_zero}, {at_minus}")
        safe = w.emit(f"select {mask} {bad}, {type_} {one}, {type_} {y}")
        out = w.emit(f"{op} {type_} {x}, {safe}")
        if at_minus:
            special = zero if remainder else emit_neg(w, lanes, dtype, [x])
            out = w.emit(f"select {mask} {at_minus}, {type_} {special}, {type_} {out}")
        by_zero = x if remainder else splat_constant(-1, dtype, lanes)
        return w.emit(f"select {mask} {is_zero}, {type_} {by_zero}, {type_} {out}")

    return emit


def emit_shift(op: str) -> Emit:
    """Return the emitter of a shift, defined for every amount."""

    def emit(w: Writer, lanes: int, dtype: np.dtype[Any], args: Sequence[str]) -> str:
        type_, mask = vector(lanes, scalar_type(dtype)), vector(lanes, "i1")
        x, n = args
        bits = dtype.itemsize * 8
        if n.isdigit() or n.startswith("splat ("):
            amount = int(n if n.isdigit() else n.rstrip(")").split()[-1])
            if 0 <= amount < bits:
                return w.emit(f"{op} {type_} {x}, {n}")
        inside = w.emit(f"icmp ult {type_} {n}, {splat_constant(bits, dtype, lanes)}")
        last = splat_constant(bits - 1 if op == "ashr" else 0, dtype, lanes)
        safe = w.emit(f"select {mask} {inside}, {type_} {n}, {type_} {last}")
        out = w.emit(f"{op} {type_} {x}, {safe}")
        if op == "ashr":
            return out
        zero = splat_constant(0, dtype, lanes)
        return w.emit(f"select {mask} {inside}, {type_} {out}, {type_} {zero}")

    return emit


def emit_mulhi(w: Writer, lanes: int, dtype: np.dtype[Any], args: Sequence[str]) -> str:
    """Return the upper half of the product."""
    bits = dtype.itemsize * 8
    type_, wide = vector(lanes, f"i{bits}"), vector(lanes, f"i{2 * bits}")
    extend = "sext" if is_signed(dtype) else "zext"
    x, y = (w.emit(f"{extend} {type_} {a} to {wide}") for a in args)
    product = w.emit(f"mul {wide} {x}, {y}")
    amount = f"splat (i{2 * bits} {bits})" if lanes > 1 else str(bits)
    upper = w.emit(f"lshr {wide} {product}, {amount}")
    return w.emit(f"trunc {wide} {upper} to {type_}")


def emit_clz(w: Writer, lanes: int, dtype: np.dtype[Any], args: Sequence[str]) -> str:
    """Count leading zeros."""
    type_ = vector(lanes, scalar_type(dtype))
    name = f"llvm.ctlz.{suffix(dtype, lanes)}"
    return w.intrinsic(name, type_, [(type_, args[0]), ("i1", "false")])


EMITTERS: dict[str, Emit] = {
    "add": simple("fadd", "add"),
    "sub": simple("fsub", "sub"),
    "mul": simple("fmul", "mul"),
    "div": emit_divide(False),
    "rem": emit_divide(True),
    "neg": emit_neg,
    "abs": emit_abs,
    "min": extremum("min"),
    "max": extremum("max"),
    "fma": intrinsic("fma"),
    "sqrt": intrinsic("sqrt"),
    "floor": intrinsic("floor"),
    "ceil": intrinsic("ceil"),
    "trunc": intrinsic("trunc"),
    "round_even": intrinsic("rint"),
    "copysign": intrinsic("copysign"),
    "and": simple(None, "and"),
    "or": simple(None, "or"),
    "xor": simple(None, "xor"),
    "not": emit_not,
    "shl": emit_shift("shl"),
    "shr": emit_shift("lshr"),
    "sar": emit_shift("ashr"),
    "popcount": intrinsic("ctpop"),
    "clz": emit_clz,
    "mulhi": emit_mulhi,
    "eq": compare("oeq", "eq", "eq"),
    "ne": compare("une", "ne", "ne"),
    "lt": compare("olt", "slt", "ult"),
    "le": compare("ole", "sle", "ule"),
    "gt": compare("ogt", "sgt", "ugt"),
    "ge": compare("oge", "sge", "uge"),
}


def emit_select(w: Writer, lanes: int, dtype: np.dtype[Any], args: Sequence[str]) -> str:
    """Select by a bool (of as many lanes)."""
    type_ = vector(lanes, scalar_type(dtype))
    condition, yes, no = args
    return w.emit(f"select {vector(lanes, 'i1')} {condition}, {type_} {yes}, {type_} {no}")


def emit_bitcast(w: Writer, lanes: int, old: np.dtype[Any], new: np.dtype[Any], x: str) -> str:
    """Read the bits as another dtype."""
    a, b = vector(lanes, scalar_type(old)), vector(lanes, scalar_type(new))
    return x if a == b else w.emit(f"bitcast {a} {x} to {b}")


def emit_convert(w: Writer, lanes: int, old: np.dtype[Any], new: np.dtype[Any], x: str) -> str:
    """Convert between machine dtypes, saturating from float to integer."""
    if is_short(old) or is_short(new):
        return convert_short(w, lanes, old, new, x)
    a, b = vector(lanes, scalar_type(old)), vector(lanes, scalar_type(new))
    if new == np.bool_:
        if is_float(old):
            return w.emit(f"fcmp une {a} {x}, {splat_constant(0.0, old, lanes)}")
        return w.emit(f"icmp ne {a} {x}, {splat_constant(0, old, lanes)}")
    if old == np.bool_:
        return w.emit(f"{'uitofp' if is_float(new) else 'zext'} {a} {x} to {b}")
    if is_float(old) and is_float(new):
        return w.emit(f"{'fpext' if old.itemsize < new.itemsize else 'fptrunc'} {a} {x} to {b}")
    if is_float(old) and lanes > 1:
        return truncate(w, lanes, old, new, x)
    if is_float(old):
        name = f"llvm.fpto{'si' if is_signed(new) else 'ui'}.sat"
        return w.intrinsic(f"{name}.{suffix(new, lanes)}.{suffix(old, lanes)}", b, [(a, x)])
    if is_float(new):
        return w.emit(f"{'sitofp' if is_signed(old) else 'uitofp'} {a} {x} to {b}")
    if old.itemsize == new.itemsize:
        return x
    if old.itemsize > new.itemsize:
        return w.emit(f"trunc {a} {x} to {b}")
    return w.emit(f"{'sext' if is_signed(old) else 'zext'} {a} {x} to {b}")


def truncate(w: Writer, lanes: int, old: np.dtype[Any], new: np.dtype[Any], x: str) -> str:
    """Convert vectors of floats to integers, saturating; NaN becomes zero.

    LLVM's own saturating conversion is selected lane by lane.
    """
    info, word = np.iinfo(new), new if new.itemsize >= 4 else np.dtype(np.int32)
    floats, integers = vector(lanes, scalar_type(old)), vector(lanes, scalar_type(word))
    low, high = float(info.min), largest_below(int(info.max), old)
    inside = x
    for relation, limit in (("ogt", low), ("olt", high)):
        bound = splat_constant(limit, old, lanes)
        beyond = w.emit(f"fcmp {relation} {floats} {inside}, {bound}")
        inside = emit_select(w, lanes, old, [beyond, inside, bound])
    kind = "si" if is_signed(word) else "ui"
    out = w.emit(f"fpto{kind} {floats} {inside} to {integers}")
    if high < info.max:
        above = w.emit(f"fcmp ogt {floats} {x}, {splat_constant(high, old, lanes)}")
        most = splat_constant(int(info.max), word, lanes)
        out = emit_select(w, lanes, word, [above, most, out])
    if info.min < 0:
        number = w.emit(f"fcmp ord {floats} {x}, {x}")
        out = emit_select(w, lanes, word, [number, out, splat_constant(0, word, lanes)])
    if word == new:
        return out
    return w.emit(f"trunc {integers} {out} to {vector(lanes, scalar_type(new))}")


def largest_below(value: int, dtype: np.dtype[Any]) -> float:
    """Return the largest float of a dtype that is not above an integer."""
    nearest = dtype.type(value)
    return float(nearest if int(nearest) <= value else np.nextafter(nearest, dtype.type(0)))


def is_short(dtype: np.dtype[Any]) -> bool:
    """Tell a float of one byte or two."""
    return is_float(dtype) and dtype.itemsize < 4


def convert_short(w: Writer, lanes: int, old: np.dtype[Any], new: np.dtype[Any], x: str) -> str:
    """Convert from or to a short float, through float32."""
    if is_short(old) and new != F32:
        return emit_convert(w, lanes, F32, new, emit_convert(w, lanes, old, F32, x))
    if is_short(new) and old != F32:
        return emit_convert(w, lanes, F32, new, emit_convert(w, lanes, old, F32, x))
    a, b = vector(lanes, scalar_type(old)), vector(lanes, scalar_type(new))
    if old.itemsize == 1:
        return float8.decode(w, lanes, old, x)
    if new.itemsize == 1:
        return float8.encode(w, lanes, new, x)
    if old == BF16:
        return widen_bfloat(w, lanes, x)
    if new == BF16:
        return narrow_bfloat(w, lanes, x)
    return w.emit(f"{'fpext' if new == F32 else 'fptrunc'} {a} {x} to {b}")


def widen_bfloat(w: Writer, lanes: int, x: str) -> str:
    """Return the float32 whose upper half the bits are."""
    word = vector(lanes, "i32")
    wide = w.emit(f"zext {vector(lanes, 'i16')} {x} to {word}")
    bits = w.emit(f"shl {word} {wide}, {splat_word(16, lanes)}")
    return w.emit(f"bitcast {word} {bits} to {vector(lanes, 'float')}")


def narrow_bfloat(w: Writer, lanes: int, x: str) -> str:
    """Round a float32 to its upper half, ties to even; NaN stays NaN."""
    word, floats = vector(lanes, "i32"), vector(lanes, "float")
    bits = w.emit(f"bitcast {floats} {x} to {word}")
    upper = w.emit(f"lshr {word} {bits}, {splat_word(16, lanes)}")
    odd = w.emit(f"and {word} {upper}, {splat_word(1, lanes)}")
    bias = w.emit(f"add {word} {odd}, {splat_word(0x7FFF, lanes)}")
    rounded = w.emit(f"lshr {word} {w.emit(f'add {word} {bits}, {bias}')}, {splat_word(16, lanes)}")
    quiet = w.emit(f"or {word} {upper}, {splat_word(0x40, lanes)}")
    nan = w.emit(f"fcmp uno {floats} {x}, {x}")
    chosen = w.emit(f"select {vector(lanes, 'i1')} {nan}, {word} {quiet}, {word} {rounded}")
    return w.emit(f"trunc {word} {chosen} to {vector(lanes, 'i16')}")


def splat_word(value: int, lanes: int) -> str:
    """Return an i32 constant in every lane."""
    return f"splat (i32 {value})" if lanes > 1 else str(value)
