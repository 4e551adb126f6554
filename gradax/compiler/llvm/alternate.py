"""Elements that lie two apart: two loads and a shuffle for each vector, in place of a gather.

Complex numbers lie so, their parts in turns.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gradax.compiler.llvm.memory import masked_load, masked_store
from gradax.compiler.llvm.writer import Writer, memory_type, vector


def read_alternate(
    w: Writer, address: str, dtype: np.dtype[Any], mask: str | None, lanes: int
) -> str:
    """Read every second element from an address on; nothing behind the last is touched."""
    type_ = memory_type(dtype)
    wide = vector(lanes, type_)
    parts: list[str] = []
    for start in (0, lanes - 1):
        place = w.emit(f"getelementptr {type_}, ptr {address}, i64 {start}")
        if mask is None:
            parts.append(w.emit(f"load {wide}, ptr {place}, align {dtype.itemsize}"))
            continue
        chosen = [(start + k) // 2 if (start + k) % 2 == 0 else None for k in range(lanes)]
        part_mask = spread_mask(w, mask, chosen)
        parts.append(masked_load(w, wide, place, part_mask, dtype.itemsize, lanes))
    order = [2 * k if 2 * k < lanes else 2 * k + 1 for k in range(lanes)]
    return shuffle(w, wide, parts, order)


def write_alternate(
    w: Writer,
    address: str,
    texts: Sequence[str],
    dtype: np.dtype[Any],
    mask: str | None,
    lanes: int,
) -> None:
    """Write the lanes of two vectors in turns from an address on."""
    type_ = memory_type(dtype)
    wide = vector(lanes, type_)
    for half in range(2):
        begin = half * lanes // 2
        order = [begin + k // 2 + (k % 2) * lanes for k in range(lanes)]
        text = shuffle(w, wide, texts, order)
        place = w.emit(f"getelementptr {type_}, ptr {address}, i64 {half * lanes}")
        if mask is None:
            w.do(f"store {wide} {text}, ptr {place}, align {dtype.itemsize}")
            continue
        part_mask = spread_mask(w, mask, [begin + k // 2 for k in range(lanes)])
        if part_mask.startswith("<i1") and "true" not in part_mask:
            continue
        masked_store(w, wide, text, place, part_mask, dtype.itemsize, lanes)


def shuffle(w: Writer, wide: str, texts: Sequence[str], order: Sequence[int]) -> str:
    """Take elements of two vectors of one type."""
    numbers = ", ".join(f"i32 {k}" for k in order)
    pair = ", ".join(f"{wide} {text}" for text in texts)
    return w.emit(f"shufflevector {pair}, <{len(order)} x i32> <{numbers}>")


def spread_mask(w: Writer, mask: str, chosen: Sequence[int | None]) -> str:
    """Return the mask whose lane k is the lane `chosen[k]` of another, or false."""
    lanes = len(chosen)
    if mask.startswith("<i1"):
        bits = mask.strip("<>").split(", ")
        return "<" + ", ".join("i1 false" if c is None else bits[c] for c in chosen) + ">"
    order = [lanes if c is None else c for c in chosen]
    return shuffle(w, f"<{lanes} x i1>", (mask, "zeroinitializer"), order)
