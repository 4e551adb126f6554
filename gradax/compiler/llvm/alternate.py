"""Elements that lie a few apart: loads or stores and shuffles of vectors, in place of gathers and
scatters.

Complex numbers lie so, their parts in turns, and what has been stacked along the last axis.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gradax.compiler.llvm.memory import masked_load, masked_store
from gradax.compiler.llvm.writer import Writer, memory_type, vector

# Elements so far apart at most are picked out of whole vectors: those of 3×3 matrices are.
MOST_APART = 9


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


def most_apart(lanes: int) -> int:
    """Return how far apart elements may be for vectors to be read whole."""
    return min(MOST_APART, lanes // 2 + 1)


def read_apart(
    w: Writer, address: str, step: int, dtype: np.dtype[Any], mask: str | None, lanes: int
) -> str:
    """Read elements `step` apart from an address on; nothing behind the last is touched."""
    type_ = memory_type(dtype)
    wide, last = vector(lanes, type_), (lanes - 1) * step
    text, n_read = "", 0
    while n_read < lanes:
        # The last vector ends with the last element, and may overlap the one before.
        start = min(n_read * step, last + 1 - lanes)
        place = w.emit(f"getelementptr {type_}, ptr {address}, i64 {start}")
        held = [k for k in range(n_read, lanes) if k * step < start + lanes]
        if mask is None:
            part = w.emit(f"load {wide}, ptr {place}, align {dtype.itemsize}")
        else:
            at = {k * step - start: k for k in held}
            part_mask = spread_mask(w, mask, [at.get(k) for k in range(lanes)])
            part = masked_load(w, wide, place, part_mask, dtype.itemsize, lanes)
        order = [lanes + k * step - start if k in held else k for k in range(lanes)]
        text = shuffle(w, wide, (text or part, part), order)
        n_read = held[-1] + 1
    return text


def write_alternate(
    w: Writer,
    address: str,
    texts: Sequence[str],
    dtype: np.dtype[Any],
    mask: str | None,
    lanes: int,
) -> None:
    """Write the lanes of some vectors in turns from an address on."""
    type_ = memory_type(dtype)
    wide, n = vector(lanes, type_), len(texts)
    for part, text in enumerate(in_turns(w, wide, texts, lanes)):
        place = w.emit(f"getelementptr {type_}, ptr {address}, i64 {part * lanes}")
        if mask is None:
            w.do(f"store {wide} {text}, ptr {place}, align {dtype.itemsize}")
            continue
        part_mask = spread_mask(w, mask, [(part * lanes + k) // n for k in range(lanes)])
        if part_mask.startswith("<i1") and "true" not in part_mask:
            continue
        masked_store(w, wide, text, place, part_mask, dtype.itemsize, lanes)


def in_turns(w: Writer, wide: str, texts: Sequence[str], lanes: int) -> list[str]:
    """Return vectors with the lanes of the given ones in turns."""
    n = len(texts)
    if n == 1:
        return list(texts)
    if n % 2 == 0:
        halves = (in_turns(w, wide, texts[k::2], lanes) for k in range(2))
        orders = [[h * lanes // 2 + k // 2 + k % 2 * lanes for k in range(lanes)] for h in range(2)]
        return [shuffle(w, wide, pair, order) for pair in zip(*halves, strict=True)
                for order in orders]  # fmt: skip
    out: list[str] = []
    for part in range(n):
        from_ = [divmod(part * lanes + k, n) for k in range(lanes)]
        text = texts[0]
        for source in range(n):
            order = [lanes + at if which == source else at if source == 0 else k
                     for k, (at, which) in enumerate(from_)]  # fmt: skip
            text = shuffle(w, wide, (text, texts[source]), order)
        out.append(text)
    return out


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
