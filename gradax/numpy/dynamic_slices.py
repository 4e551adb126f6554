"""`ds`: slices whose start may be traced, in indices: `x[jax.ds(i, 3)]`.

Reads move a slice that leaves its axis inside, as `lax.dynamic_slice` does; writes leave it out.
"""

from __future__ import annotations

from operator import index as as_index
from typing import Any, final

import numpy as np

from gradax.core.tracer import Tracer
from gradax.core.value import as_value
from gradax.errors import ArgumentError, at_user_line
from gradax.lax.comparison import SelectN
from gradax.lax.creation import iota
from gradax.lax.dynamic_slicing import dynamic_slice_in_dim, dynamic_update_slice_in_dim
from gradax.native import Array, register_node


@final
class Slice:
    """`size` elements of an axis from `start`, which may be traced, `stride` apart."""

    __slots__ = ("start", "size", "stride")

    def __init__(self, start: Any, size: Any, stride: int = 1) -> None:
        if stride < 0:
            raise ArgumentError(f"ds: expected a stride >= 0; got {stride}.{at_user_line()}")
        self.start, self.size, self.stride = start, size, stride

    @property
    def is_dynamic_start(self) -> bool:
        """Whether the start is an array."""
        return isinstance(self.start, (Array, Tracer))

    @property
    def is_dynamic_size(self) -> bool:
        """Whether the size is an array."""
        return isinstance(self.size, (Array, Tracer))

    def __repr__(self) -> str:
        return f"Slice(start={self.start!r}, size={self.size!r}, stride={self.stride!r})"


def flatten_slice(s: Slice) -> Any:
    """Return the arrays of a slice, and what is static."""
    children = (s.start if s.is_dynamic_start else None, s.size if s.is_dynamic_size else None)
    static = (
        None if s.is_dynamic_start else s.start,
        None if s.is_dynamic_size else s.size,
        s.stride,
    )
    return children, static


def unflatten_slice(static: Any, children: Any) -> Slice:
    """Undo `flatten_slice`."""
    start, size = (b if a is None else a for a, b in zip(children, static[:2], strict=True))
    return Slice(start, size, static[2])


register_node(Slice, flatten_slice, unflatten_slice)


def ds(start: Any, size: Any = None, stride: int | None = None) -> slice | Slice:
    """Return an index of `size` elements from `start`, an integer that may be traced.

    `ds(None)` is `:`, and `ds(n)` is `:n`.
    """
    if start is None:
        return slice(None)
    step = 1 if stride is None else stride
    if not isinstance(step, int):
        raise ArgumentError(f"ds: expected a stride that is an int; got {step!r}.{at_user_line()}")
    return Slice(0, start, step) if size is None else Slice(start, size, step)


def first_slice(idx: Any) -> int | None:
    """Return the position of the first `Slice` among an index's parts, None where there is none."""
    for k, part in enumerate(idx if type(idx) is tuple else (idx,)):
        if type(part) is Slice:
            return k
    return None


def parted(x: Any, idx: Any, k: int) -> tuple[Slice, int, tuple[Any, ...]]:
    """Return a `Slice` of an index, its axis, and the index with `:` in its place."""
    parts = idx if type(idx) is tuple else (idx,)
    rest = (*parts[:k], slice(None), *parts[k + 1 :])
    before = sum(map(axes_of, parts[:k]))
    if any(p is Ellipsis for p in parts[:k]):
        before = x.ndim - sum(map(axes_of, parts[k:]))
    return parts[k], before, rest


def axes_of(part: Any) -> int:
    """Return how many axes of the array a part of an index is for."""
    if part is None or part is Ellipsis:
        return 0
    is_mask = getattr(part, "dtype", None) == np.bool_
    return part.ndim if is_mask else 1


def taken(x: Any, s: Slice, axis: int) -> Any:
    """Return the elements of an axis that a slice names."""
    size = size_of(s)
    if s.stride == 1:
        return dynamic_slice_in_dim(x, s.start, size, axis)
    index = (*(slice(None),) * axis, places_of(s, x.shape[axis], size))
    return x.at[index].get(mode="clip")


def put_back(x: Any, part: Any, s: Slice, axis: int) -> Any:
    """Return an array with the elements of an axis that a slice names replaced."""
    n, size = x.shape[axis], size_of(s)
    if s.stride != 1:
        index = (*(slice(None),) * axis, places_of(s, n, size))
        return x.at[index].set(part, mode="drop")
    start = from_front(s, n)
    inside = (start >= 0) & (start <= n - size)
    changed = dynamic_update_slice_in_dim(x, part, s.start, axis)
    return SelectN()(inside, as_value(x), changed)


def size_of(s: Slice) -> int:
    """Return a slice's size.

    Errors: TypeError where it is traced.
    """
    return as_index(s.size)


def from_front(s: Slice, n: int) -> Any:
    """Return a slice's start, counted from the end of an axis of `n` where it is negative."""
    start = as_value(s.start)
    return start + (start < 0) * n


def places_of(s: Slice, n: int, size: int) -> Any:
    """Return the positions that a slice names."""
    return from_front(s, n) + iota(np.int32, size) * s.stride
