"""Conversions of eight-bit floats, by tables: exact for every format and its special values."""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np

from gradax.compiler.llvm.writer import Writer, vector


@cache
def decode_table(dtype: np.dtype[Any]) -> tuple[float, ...]:
    """Return the value of each of the 256 codes."""
    codes = np.arange(256, dtype=np.uint8).view(dtype)
    return tuple(float(x) for x in codes.astype(np.float32))


@cache
def encode_tables(dtype: np.dtype[Any]) -> tuple[tuple[float, ...], list[int], list[int], int]:
    """Return thresholds and codes: |x| has the code at the number of thresholds <= |x|.

    Gives (256 thresholds, codes of the magnitudes, codes of their negatives, code of NaN).
    """
    values = sorted({abs(v) for v in decode_table(dtype) if np.isfinite(v)})
    edges = [edge(low, high, dtype) for low, high in pairwise(values)]
    top = values[-1]
    beyond = edge(top, top + (top - values[-2]), dtype)
    magnitudes = [*values, float("inf")]
    thresholds = [*edges, beyond]
    thresholds += [float("nan")] * (256 - len(thresholds))  # below which nothing is
    codes = [code(m, dtype) for m in magnitudes]
    negative = [code(-m, dtype) for m in magnitudes]
    padding = [0] * (256 - len(codes))
    return tuple(thresholds), codes + padding, negative + padding, code(float("nan"), dtype)


def code(value: float, dtype: np.dtype[Any]) -> int:
    """Return the code that a value is rounded to."""
    with np.errstate(all="ignore"):
        return int(np.asarray(np.float32(value)).astype(dtype).view(np.uint8))


def edge(low: float, high: float, dtype: np.dtype[Any]) -> float:
    """Return the least float32 that is not rounded to `low` or below."""
    middle = np.float32((low + high) / 2)
    if code(float(middle), dtype) != code(low, dtype):
        return float(middle)
    return float(np.nextafter(middle, np.float32(np.inf)))


def table(w: Writer, name: str, type_: str, texts: list[str]) -> str:
    """Declare a constant table of the module and return its name."""
    items = ", ".join(f"{type_} {t}" for t in texts)
    w.declare(f"@{name} = internal constant [{len(texts)} x {type_}] [{items}], align 64")
    return f"@{name}"


def float_text(value: float) -> str:
    """Return a float32 constant's text."""
    bits = int(np.asarray(float(np.float32(value)), np.float64).view(np.uint64))
    return f"0x{bits:016X}"


def look_up(w: Writer, lanes: int, name: str, type_: str, places: str) -> str:
    """Read a table at places (i32)."""
    index = vector(lanes, "i32")
    address = w.emit(f"getelementptr {type_}, ptr {name}, {index} {places}")
    if lanes == 1:
        return w.emit(f"load {type_}, ptr {address}")
    wide = vector(lanes, type_)
    kind = {"float": "f32"}.get(type_, type_)
    call = f"llvm.masked.gather.v{lanes}{kind}.v{lanes}p0"
    w.declare(f"declare {wide} @{call}(<{lanes} x ptr>, i32 immarg, <{lanes} x i1>, {wide})")
    return w.emit(
        f"call {wide} @{call}(<{lanes} x ptr> {address}, i32 1, <{lanes} x i1> splat (i1 true),"
        f" {wide} zeroinitializer)"
    )


def decode(w: Writer, lanes: int, dtype: np.dtype[Any], x: str) -> str:
    """Return the float32 of a code."""
    texts = [float_text(v) for v in decode_table(dtype)]
    name = table(w, f"decode_{dtype.name}", "float", texts)
    places = w.emit(f"zext {vector(lanes, 'i8')} {x} to {vector(lanes, 'i32')}")
    return look_up(w, lanes, name, "float", places)


def encode(w: Writer, lanes: int, dtype: np.dtype[Any], x: str) -> str:
    """Return the code that a float32 is rounded to."""
    thresholds, positive, negative, nan = encode_tables(dtype)
    edges = table(w, f"edges_{dtype.name}", "float", [float_text(t) for t in thresholds])
    plus = table(w, f"codes_{dtype.name}", "i32", [str(c) for c in positive])
    minus = table(w, f"negative_{dtype.name}", "i32", [str(c) for c in negative])
    floats, words, mask = vector(lanes, "float"), vector(lanes, "i32"), vector(lanes, "i1")
    suffix = f"v{lanes}f32" if lanes > 1 else "f32"
    magnitude = w.intrinsic(f"llvm.fabs.{suffix}", floats, [(floats, x)])
    place = splat(0, lanes)
    for step in (128, 64, 32, 16, 8, 4, 2, 1):
        ahead = w.emit(f"add {words} {place}, {splat(step - 1, lanes)}")
        found = look_up(w, lanes, edges, "float", ahead)
        above = w.emit(f"fcmp oge {floats} {magnitude}, {found}")
        moved = w.emit(f"add {words} {place}, {splat(step, lanes)}")
        place = w.emit(f"select {mask} {above}, {words} {moved}, {words} {place}")
    bits = w.emit(f"bitcast {floats} {x} to {words}")
    below = w.emit(f"icmp slt {words} {bits}, {splat(0, lanes)}")
    one, other = (look_up(w, lanes, name, "i32", place) for name in (plus, minus))
    chosen = w.emit(f"select {mask} {below}, {words} {other}, {words} {one}")
    is_nan = w.emit(f"fcmp uno {floats} {x}, {x}")
    final = w.emit(f"select {mask} {is_nan}, {words} {splat(nan, lanes)}, {words} {chosen}")
    return w.emit(f"trunc {words} {final} to {vector(lanes, 'i8')}")


def splat(value: int, lanes: int) -> str:
    """Return an i32 constant in every lane."""
    return f"splat (i32 {value})" if lanes > 1 else str(value)
