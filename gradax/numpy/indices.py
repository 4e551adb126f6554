"""What a user writes between brackets, as one entry for each axis.

Source: NumPy's indexing semantics. Shapes, slices and masks are static; integers may be traced.
"""

from __future__ import annotations

from math import prod
from operator import index as as_index
from typing import Any, NoReturn, final

import numpy as np

from gradax import dtypes
from gradax.core.staging import open_axes_now
from gradax.core.tracer import Tracer
from gradax.core.value import as_value, aval_of
from gradax.errors import (
    DtypeError,
    IndexingError,
    IndexTypeError,
    NonConcreteBooleanIndexError,
    at_user_line,
)
from gradax.native import Array
from gradax.numpy.open_masks import is_unknown, open_places
from gradax.records import record
from gradax.sizes import is_open, span_of

Shape = tuple[int, ...]
# Concrete index arrays up to this size are read and prepared in NumPy at once.
MAX_READ = 1 << 16


@final
@record
class NewAxis:
    """An axis of size 1 of the result alone."""


@final
@record
class Span:
    """`size` elements of an axis from `start`, `step` apart."""

    axis: int
    start: int
    size: int
    step: int

    @property
    def low(self) -> int:
        """The first of the elements, counted from the front."""
        return self.start if self.step > 0 else self.start + (self.size - 1) * self.step

    def is_whole(self, n: int) -> bool:
        """Tell whether it is all of an axis of `n`, in either order."""
        return self.size == n and abs(self.step) == 1


@final
@record
class Point:
    """One element of an axis: an integer, a size, or a rank-0 array that may be traced."""

    axis: int
    place: Any


@final
@record
class Places:
    """Elements of an axis, given by an array of rank 1 or more; `distinct`: in increasing order."""

    axis: int
    place: Any
    distinct: bool = False


Entry = NewAxis | Span | Point | Places


def is_number(place: Any) -> bool:
    """Tell whether a place is a Python integer, or a size."""
    return type(place) is int or is_open(place)


@final
@record
class Entries:
    """The entries of an index, and the shape that the array takes first (masks join its axes).

    together: nothing, not even a `...` for no axis, stands between integers and index arrays.
    """

    shape: Shape
    entries: tuple[Entry, ...]
    together: bool = True

    @property
    def is_static(self) -> bool:
        """Whether there are only slices, Python integers and new axes."""
        return all(
            not isinstance(e, Places) and not (isinstance(e, Point) and not is_number(e.place))
            for e in self.entries
        )


def known_index(idx: Any) -> Any:
    """Return a hashable form of an index of integers, slices, None and `...`, else None."""
    if type(idx) is int:
        return (idx,)
    parts: list[Any] = []
    for part in idx if type(idx) is tuple else (idx,):
        kind = type(part)
        if kind is slice:
            bounds = (part.start, part.stop, part.step)
            if not all(b is None or type(b) is int for b in bounds):
                return None
            parts.append(bounds)
        elif kind is int or part is None or part is Ellipsis:
            parts.append(part)
        else:
            return None
    return tuple(parts)


def from_known(key: tuple[Any, ...]) -> tuple[Any, ...]:
    """Undo `known_index`."""
    return tuple(slice(*part) if type(part) is tuple else part for part in key)


def parse(shape: Shape, idx: Any) -> Entries:
    """Return the entries of an index into an array of `shape`.

    Errors: IndexError for too many indices, wrong masks and what is no index; TypeError for floats,
        strings and lists.
    """
    if isinstance(idx, (list, str, bytes)):
        refuse_sequence(idx)
    parts = [read_part(p, k) for k, p in enumerate(idx if isinstance(idx, tuple) else (idx,))]
    together = is_together(parts)
    parts = expand_ellipsis(shape, parts)
    sizes: list[int] = []
    entries: list[Entry] = []
    taken = 0
    for k, part in enumerate(parts):
        axis = len(sizes)
        if part is None:
            entries.append(NewAxis())
        elif is_mask(part):
            n_axes = part.ndim
            check_mask(part.shape, shape[taken : taken + n_axes], k)
            sizes.append(prod(shape[taken : taken + n_axes]))
            taken += n_axes
            places = open_places(part) if is_unknown(part) else np.flatnonzero(part)
            entries.append(Places(axis, places, True))
        else:
            entries.append(entry_of(part, axis, shape[taken]))
            sizes.append(shape[taken])
            taken += 1
    return Entries(tuple(sizes), tuple(entries), together)


def is_together(parts: list[Any]) -> bool:
    """Tell whether integers and arrays follow one another."""
    between = [p is None or p is Ellipsis or isinstance(p, slice) for p in parts]
    places = [k for k, is_between in enumerate(between) if not is_between]
    return not places or not any(between[places[0] : places[-1]])


def entry_of(part: Any, axis: int, n: int) -> Entry:
    """Return the entry of a slice, an integer or an array of them on an axis of `n`."""
    if isinstance(part, slice):
        return Span(axis, *span_of(part, n))
    if is_number(part) or part.ndim == 0:
        return Point(axis, part)
    return Places(axis, part)


def expand_ellipsis(shape: Shape, parts: list[Any]) -> list[Any]:
    """Put whole slices for `...` and for the axes that are left."""
    n_taken = sum(axes_taken(p) for p in parts)
    if n_taken > len(shape):
        raise IndexingError(
            f"Too many indices: array is {len(shape)}-dimensional, but {n_taken} were indexed"
            f"{at_user_line()}\nGive an index for each axis at most; x[..., None] adds an axis."
            " Its shape is"
            f" {tuple(shape)}."
        )
    dots = [k for k, p in enumerate(parts) if p is Ellipsis]
    if len(dots) > 1:
        raise IndexingError(f"an index can only have a single ellipsis ('...'){at_user_line()}")
    k = dots[0] if dots else len(parts)
    return [*parts[:k], *[slice(None)] * (len(shape) - n_taken), *parts[k + 1 :]]


def axes_taken(part: Any) -> int:
    """Return how many axes of the array a part of an index is for."""
    if part is None or part is Ellipsis:
        return 0
    return part.ndim if is_mask(part) else 1


def is_mask(part: Any) -> bool:
    """Tell whether a part of an index is an array of bools."""
    return isinstance(part, (np.ndarray, Tracer)) and part.dtype == np.bool_


def check_mask(got: Shape, expected: Shape, position: int) -> None:
    """Refuse a mask of another shape than the axes it is for."""
    if got != expected:
        raise IndexingError(
            f"boolean index did not match shape of indexed array in index {position}: got {got},"
            f" expected {expected}{at_user_line()}"
        )


def read_part(part: Any, position: int) -> Any:
    """Return one part of an index as None, `...`, a slice, an int, a NumPy mask, or an array."""
    if part is None or part is Ellipsis or is_number(part):
        return part
    if isinstance(part, slice):
        return read_slice(part, position)
    if isinstance(part, (bool, np.bool_)):
        return np.asarray(part)
    if isinstance(part, (str, bytes)):
        refuse_sequence(part)
    if not isinstance(part, (Array, Tracer, np.ndarray, np.generic)):
        part = as_array(part)
    if type(part) is int:
        return part
    return read_array(part, position)


def read_array(part: Any, position: int) -> Any:
    """Return an index array as an int, a NumPy mask, a NumPy array, or itself."""
    dtype = part.dtype
    is_bool = dtype == np.bool_
    if not is_bool and not dtypes.issubdtype(dtype, np.integer):
        raise IndexTypeError(
            f"Indexer must have integer or boolean type, got indexer with type {dtype.name} at"
            f" position {position}{at_user_line()}\nConvert it first: idx.astype(int)."
        )
    if isinstance(part, Tracer):
        part = part if part.concrete() is None else part.concrete()
    if is_bool:
        if isinstance(part, Tracer):
            if open_axes_now() is None or part.ndim == 0:
                raise traced_mask(part)
            return part
        return np.asarray(part)
    if isinstance(part, Tracer) or (isinstance(part, Array) and part.size > MAX_READ):
        return part
    return int(part) if part.ndim == 0 else np.asarray(part)


def read_slice(part: slice, position: int) -> slice:
    """Return a slice whose bounds are Python integers or None."""
    try:
        return slice(*(b if b is None else bound(b) for b in (part.start, part.stop, part.step)))
    except (TypeError, IndexError) as error:
        bounds = (part.start, part.stop, part.step)
        if any(isinstance(b, Tracer) for b in bounds):
            raise IndexingError(
                f"Slice entries must be static integers. Got {part} at position {position}"
                f"{at_user_line()}\nA traced slice has no static shape. For a size that is static,"
                " use lax.dynamic_slice_in_dim(x, start, size)."
            ) from error
        raise IndexTypeError(
            f"Slice entries must be integers or None. Got {part} at position {position}"
            f"{at_user_line()}"
        ) from error


def bound(b: Any) -> int:
    """Return the bound of a slice as a Python integer."""
    if is_open(b):
        return b
    if isinstance(b, Tracer):
        if b.concrete() is None:
            raise TypeError("traced")
        b = b.concrete()
    return int(np.asarray(b)) if isinstance(b, Array) and b.ndim == 0 else as_index(b)


def as_array(part: Any) -> Any:
    """Return a part of an index that is no array as one, or as an integer.

    Errors: IndexError for what is no index.
    """
    if isinstance(part, (float, complex)):
        return np.asarray(part)
    if isinstance(part, (list, tuple)):
        nested = [np.asarray(p) if isinstance(p, Array) else p for p in part]
        array = np.asarray(nested)
        return array.astype(np.int32) if array.size == 0 else array
    if hasattr(part, "__index__"):
        return as_index(part)
    try:
        aval_of(part)
    except DtypeError:
        raise IndexTypeError(
            "only integers, slices (`:`), ellipsis (`...`), newaxis (`None`) and integer or boolean"
            f" arrays are valid indices. Got {part!r}{at_user_line()}"
        ) from None
    return as_value(part)


def refuse_sequence(idx: Any) -> NoReturn:
    """Refuse a list or a string as an index."""
    if isinstance(idx, str):
        raise IndexTypeError(
            f"Arrays have no string indices; got idx={idx!r}{at_user_line()}\n"
            "Use a dict or a NamedTuple of arrays for named parts."
        )
    raise IndexTypeError(
        f"Using a non-tuple sequence for indexing is not allowed; got {idx!r}{at_user_line()}\n"
        "Write x[jnp.array(seq)] to take several places of the first axis, x[tuple(seq)] to give an"
        " index for each axis."
    )


def traced_mask(mask: Tracer) -> NonConcreteBooleanIndexError:
    """Make the error for a traced mask."""
    origin = mask.origin()
    return NonConcreteBooleanIndexError(
        f"Array boolean indices must be concrete; got {mask.aval}"
        f"{', ' + origin if origin else ''}{at_user_line()}\nHow many elements a traced mask"
        " selects is not known while the function is traced. Use jnp.where(mask, x, other) to keep"
        " the shape, jnp.where(mask, size=n) for places of a static number, or index outside jit."
    )
