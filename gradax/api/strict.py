"""`strict`: traps that JAX's semantics leave open become errors, with the user's line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gradax import config, dtypes
from gradax.api.key_reuse import consume
from gradax.config import current
from gradax.control.branch_watch import mark_untaken, probe
from gradax.control.checks import check
from gradax.core.jaxpr import ClosedJaxpr
from gradax.core.op import Op
from gradax.core.tracer import Tracer
from gradax.core.value import as_value, aval_of
from gradax.core.watch import watch
from gradax.errors import OutOfBoundsError, ZeroDivisionCheckError, at_user_line
from gradax.lax.arithmetic import Div, Rem
from gradax.lax.bits import Or
from gradax.lax.comparison import Eq, Gt, Lt
from gradax.lax.dynamic_slicing import DynamicSlice, DynamicUpdateSlice
from gradax.lax.shapes import BroadcastInDim
from gradax.lax.slicing import Slice


def strict(on: bool = True) -> Any:
    """Turn silent traps into errors, in a `with` block or, by `.set()`-less call, as a setting.

    Raised with the user's line: an index outside its array (a known one when it is traced, others
    when the program runs), an integer division by zero, an integer that overflows where a shape or
    a bound is meant, a float64 array that would become float32, a random key consumed twice, a
    stale global or attribute, operands of unlike rank, and a NaN in a gradient that comes from a
    branch which `where` did not take.
    Cost: below two times the time of a call.
    """
    rank = "raise" if on else "allow"
    return config.override(strict=bool(on), debug_key_reuse=bool(on), numpy_rank_promotion=rank)


def before_operation(op: Op, args: Sequence[Any]) -> None:
    """Check the operands of an operation that is about to be staged or evaluated."""
    rule = RULES.get(type(op))
    if rule is not None and current.strict:
        rule(op, args)
    if current.debug_key_reuse:
        consume(op, args)


def check_division(op: Any, args: Sequence[Any]) -> None:
    """Refuse an integer division by zero."""
    divisor = args[1]
    aval = aval_of(divisor)
    if not dtypes.issubdtype(aval.dtype, np.integer):
        return
    if not isinstance(divisor, Tracer):
        if (np.asarray(divisor) == 0).any():
            raise ZeroDivisionCheckError(f"{op.name}: integer division by zero.{at_user_line()}")
        return
    zero = np.zeros((), aval.dtype)
    zeros = BroadcastInDim(aval.shape, ())(zero) if aval.shape else zero
    message = f"{op.name}: integer division by zero."
    check(Eq()(divisor, zeros), np.int32(0), ZeroDivisionCheckError, message)


def check_window(op: Any, args: Sequence[Any]) -> None:
    """Refuse a window that is not inside its array: it would be moved inside."""
    x = aval_of(args[0])
    is_update = isinstance(op, DynamicUpdateSlice)
    sizes = aval_of(args[1]).shape if is_update else op.slice_sizes
    starts = args[2:] if is_update else args[1:]
    for axis, (start, n, size) in enumerate(zip(starts, x.shape, sizes, strict=True)):
        check_place(op.name, start, n - size, axis, n)


def check_place(what: str, place: Any, last: int, axis: int, n: int) -> None:
    """Refuse places that are not in 0 … last."""
    message = f"{what}: index {{}} is out of bounds for axis {axis} of size {n}."
    if not isinstance(place, Tracer):
        values = np.asarray(place)
        bad = (values < 0) | (values > last)
        if bad.any():
            raise OutOfBoundsError(message.format(values[bad].ravel()[0]) + at_user_line())
        return
    place = as_value(place)
    dtype = place.dtype
    top = np.asarray(min(last, int(np.iinfo(dtype).max)), dtype)
    bad = Gt()(place, spread(top, place.shape))
    if np.issubdtype(dtype, np.signedinteger):
        bad = Or()(bad, Lt()(place, spread(np.zeros((), dtype), place.shape)))
    check(bad, place, OutOfBoundsError, message)


def spread(value: Any, shape: tuple[int, ...]) -> Any:
    """Return a scalar at every place of a shape."""
    return BroadcastInDim(shape, ())(value) if shape else value


RULES: dict[type[Op], Callable[[Any, Sequence[Any]], None]] = {
    Div: check_division,
    Rem: check_division,
    DynamicSlice: check_window,
    DynamicUpdateSlice: check_window,
}


def before_selection(which: Any, tangents: Sequence[Any]) -> Sequence[Any]:
    """Mark the tangents that a selection does not take."""
    return mark_untaken(which, tangents) if current.strict else tangents


def before_transposition(program: ClosedJaxpr) -> None:
    """Refuse derivatives that are not finite in branches that were not taken."""
    if current.strict:
        probe(program)


def check_indices(shape: Sequence[int], layout: Any) -> None:
    """Refuse indices outside the array, of an indexing that says nothing of such."""
    numbers = layout.numbers
    axes = numbers.start_index_map
    vectors = layout.vectors
    for k, axis in enumerate(axes):
        last = shape[axis] - layout.sizes[axis]
        known = not isinstance(vectors, Tracer)
        column = np.asarray(vectors)[..., k] if known else vectors
        if not known and len(axes) > 1:
            begin = (*(0,) * (vectors.ndim - 1), k)
            end = (*vectors.shape[:-1], k + 1)
            column = Slice(begin, end, (1,) * vectors.ndim)(vectors)
        check_place("indexing", column, last, axis, shape[axis])


def check_known_indices(parsed: Any) -> None:
    """Refuse Python integers outside the array."""
    for entry in parsed.entries:
        place = getattr(entry, "place", None)
        n = parsed.shape[entry.axis] if type(place) is int else 0
        if type(place) is int and not -n <= place < n:
            raise OutOfBoundsError(
                f"indexing: index {place} is out of bounds for axis {entry.axis} of size {n}."
                f"{at_user_line()}"
            )


def install() -> None:
    """Watch operations and indices from the first time that a thread asks for it."""
    watch.operation = before_operation
    watch.selection = before_selection
    watch.transposition = before_transposition
    watch.places = check_indices
    watch.known_places = check_known_indices
