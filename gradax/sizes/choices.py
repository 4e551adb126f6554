"""Sizes, fixed or open, as arguments and in decisions."""

from __future__ import annotations

from collections.abc import Sequence
from operator import index
from typing import Any

from gradax.sizes.size import Size


def is_open(n: Any) -> bool:
    """Tell whether a size is not fixed."""
    return type(n) is Size


def has_open(shape: Sequence[Any]) -> bool:
    """Tell whether a shape has an axis that is not fixed."""
    return any(type(n) is Size for n in shape)


def likely(n: Any) -> int:
    """Return a number to choose the faster way by: never what is right must depend on it."""
    return n.likely if type(n) is Size else n


def same(a: Any, b: Any) -> bool:
    """Tell whether two sizes are equal whatever the open axes are; nothing is assumed of them."""
    if type(a) is Size or type(b) is Size:
        apart = a - b
        return type(apart) is int and apart == 0
    return a == b


def same_shape(a: Sequence[Any], b: Sequence[Any]) -> bool:
    """Tell whether two shapes are equal whatever the open axes are."""
    return a is b or (len(a) == len(b) and all(map(same, a, b)))


def as_size(n: Any) -> Any:
    """Return an integer argument that may be the size of an open axis."""
    return n if type(n) is Size else index(n)


def size_at(n: Any, values: Sequence[Any]) -> int:
    """Return a size for given sizes of the open axes."""
    return n.at(values) if type(n) is Size else n


def span_of(part: slice, n: Any) -> tuple[Any, Any, int]:
    """Return where a slice of an axis of `n` begins, how many elements it has, and its step."""
    if not any(type(x) is Size for x in (n, part.start, part.stop, part.step)):
        start, stop, step = part.indices(n)
        return start, len(range(start, stop, step)), step
    step = 1 if part.step is None else as_size(part.step)
    if step == 0:
        raise ValueError("slice step cannot be zero")
    first, last = (0, n) if step > 0 else (-1, n - 1)

    def within(place: Any) -> Any:
        place = as_size(place)
        return max(place + n, first) if place < 0 else min(place, last)

    ends = (first, last) if step > 0 else (last, first)
    start = ends[0] if part.start is None else within(part.start)
    stop = ends[1] if part.stop is None else within(part.stop)
    length = stop - start if step > 0 else start - stop
    length = -(-length // abs(step))
    return start, max(length, 0), step
