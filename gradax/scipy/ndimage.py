"""Values between the places of a grid: `jax.scipy.ndimage`'s names."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from functools import partial, reduce
from typing import Any

import numpy as np

from gradax import numpy as gnp
from gradax.api.jit import jit
from gradax.errors import ArgumentError, ShapeError, UnsupportedArgumentError, at_user_line


def mirrored(i: Any, n: int) -> Any:
    """Return places reflected about the middles of the first and the last element."""
    period = max(2 * (n - 1), 1)
    return abs((i + n - 1) % period - (n - 1)) if n > 1 else gnp.zeros_like(i)


def reflected(i: Any, n: int) -> Any:
    """Return places reflected about the outer edges of the first and the last element."""
    # Twice as fine, the edges are middles.
    return gnp.floor_divide(mirrored(2 * i + 1, 2 * n + 1), 2)


# How a place outside is brought inside; `constant` leaves it, and its value is replaced.
INSIDE: dict[str, Callable[[Any, int], Any]] = {
    "constant": lambda i, n: gnp.clip(i, 0, n - 1),
    "nearest": lambda i, n: gnp.clip(i, 0, n - 1),
    "wrap": lambda i, n: i % n,
    "mirror": mirrored,
    "reflect": reflected,
}


def whole(x: Any) -> Any:
    """Return the nearest integer places, halves upwards in size."""
    if np.issubdtype(x.dtype, np.integer):
        return x
    return gnp.trunc(x + gnp.copysign(0.5, x).astype(x.dtype)).astype(np.int32)


def neighbours(x: Any, order: int) -> list[tuple[Any, Any]]:
    """Return the places that count for a coordinate and how much each does."""
    if order == 0:
        return [(whole(x), 1)]
    low = gnp.floor(x)
    share = x - low
    place = low.astype(np.int32)
    return [(place, 1 - share), (place + 1, share)]


@partial(jit, static_argnums=(2, 3))
def _map_coordinates(values: Any, coordinates: Any, order: int, mode: str, cval: Any) -> Any:
    fill = gnp.asarray(cval, values.dtype)
    axes = []
    for x, n in zip(coordinates, values.shape, strict=True):
        found = []
        for place, weight in neighbours(x, order):
            is_inside = (place >= 0) & (place < n)
            found.append((INSIDE[mode](place, n), is_inside, weight))
        axes.append(found)
    total: Any = 0
    for corner in itertools.product(*axes):
        places, insides, weights = zip(*corner, strict=True)
        # Brought inside already.
        value = values.at[places].get(mode="promise_in_bounds", wrap_negative_indices=False)
        if mode == "constant":
            value = gnp.where(reduce(gnp.logical_and, insides), value, fill)
        total = total + reduce(lambda a, b: a * b, weights) * value
    if np.issubdtype(values.dtype, np.integer):
        total = whole(total)
    return total.astype(values.dtype)


def map_coordinates(
    input: Any,
    coordinates: Sequence[Any],
    order: int,
    mode: str = "constant",
    cval: Any = 0.0,
) -> Any:
    """Return the values of an array at places between its elements.

    `order` is 0, the nearest element, or 1, linear interpolation. `mode` says what is outside:
    constant (cval), nearest, wrap, mirror (about the middles of the last elements) or reflect
    (about their outer edges). Integers are interpolated and rounded.
    Shapes: input T[s], coordinates one array a dimension, all of one shape u -> T[u].
    Errors: ValueError for another number of coordinates; NotImplementedError for another order
    or mode.
    """
    values = gnp.asarray(input)
    places = [gnp.asarray(x) for x in coordinates]
    if len(places) != values.ndim:
        raise ArgumentError(
            f"map_coordinates: expected coordinates for {values.ndim} dimensions; got"
            f" {len(places)}.{at_user_line()}"
        )
    if mode not in INSIDE:
        raise UnsupportedArgumentError(
            f"map_coordinates: the mode is one of {', '.join(INSIDE)}; got {mode!r}."
            f"{at_user_line()}"
        )
    if order not in (0, 1):
        raise UnsupportedArgumentError(
            f"map_coordinates: the order is 0 or 1; got {order!r}.{at_user_line()}"
        )
    if values.ndim == 0:
        raise ShapeError(f"map_coordinates: the input has no axes.{at_user_line()}")
    return _map_coordinates(values, tuple(places), int(order), mode, cval)
