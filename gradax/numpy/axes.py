"""Axes, shapes and sizes as users pass them."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from gradax.core.tracer import Tracer
from gradax.errors import (
    ArgumentError,
    AxisError,
    ConcretizationTypeError,
    ShapeError,
    at_user_line,
)
from gradax.sizes import as_size


def axes_there(ndim: int) -> str:
    """Say which axes an array has."""
    if not ndim:
        return "A scalar has no axes."
    return f"Its axes are 0 to {ndim - 1}, or {-ndim} to -1 counted from the last."


def canonical_axis(name: str, axis: Any, ndim: int) -> int:
    """Return an axis counted from the front.

    Errors: AxisError, a ValueError and an IndexError, naming axis and ndim.
    """
    i = static_int(name, axis, "axis")
    if not -ndim <= i < ndim:
        raise AxisError(
            f"{name}: axis {i} is out of bounds for array of dimension {ndim}{at_user_line()}\n"
            f"{axes_there(ndim)}"
        )
    return i + ndim if i < 0 else i


def canonical_axes(name: str, axis: Any, ndim: int) -> tuple[int, ...]:
    """Return one axis or several, in the user's order; None: all.

    Errors: AxisError for one that does not exist; ValueError for one that comes twice.
    """
    if axis is None:
        return tuple(range(ndim))
    if not isinstance(axis, (tuple, list, np.ndarray)):
        return (canonical_axis(name, axis, ndim),)
    axes = tuple(canonical_axis(name, a, ndim) for a in axis)
    if len(set(axes)) != len(axes):
        raise ArgumentError(f"{name}: axis {tuple(axis)} has a duplicate value{at_user_line()}")
    return axes


def static_int(name: str, value: Any, what: str) -> int:
    """Return an argument that must be a known integer."""
    if isinstance(value, Tracer):
        value = known(name, value, what)
    try:
        return as_size(value)
    except (TypeError, AttributeError):
        raise ShapeError(
            f"{name}: {what} must be an integer, got {value!r}{at_user_line()}"
        ) from None


def static_count(name: str, value: Any, what: str, least: int = 0) -> int:
    """Return an argument that must be a known integer from `least` on."""
    n = static_int(name, value, what)
    if n < least:
        raise ShapeError(f"{name}: {what} must be {least} or more, got {n}{at_user_line()}")
    return n


def known(name: str, value: Any, what: str) -> Any:
    """Return what a tracer stands for.

    Errors: ConcretizationTypeError when it stands for no array yet.
    """
    if not isinstance(value, Tracer):
        return value
    concrete = value.concrete()
    if concrete is None:
        origin = value.origin()
        raise ConcretizationTypeError(
            f"{name}: {what} must be known while the function is traced, got the traced value"
            f" {value.aval}{', ' + origin if origin else ''}.{at_user_line()}\n"
            "Pass it as a static argument (static_argnums, static_argnames), or compute it with"
            " numpy from shapes."
        )
    return concrete


def known_array(name: str, value: Any, what: str) -> np.ndarray[Any, Any]:
    """Return an argument that must be known as a NumPy array."""
    return np.asarray(known(name, value, what))


def static_shape(name: str, shape: Any) -> tuple[int, ...]:
    """Return a shape: an integer or a sequence of them, none negative."""
    if isinstance(shape, (tuple, list)):
        sizes = tuple(static_int(name, n, "a shape's size") for n in shape)
    elif np.ndim(shape) == 1:
        sizes = tuple(int(n) for n in known_array(name, shape, "the shape"))
    elif isinstance(shape, Sequence):
        sizes = tuple(static_int(name, n, "a shape's size") for n in shape)
    else:
        sizes = (static_int(name, shape, "a shape's size"),)
    if any(n < 0 for n in sizes):
        raise ShapeError(f"{name}: a shape has no negative sizes, got {sizes}{at_user_line()}")
    return sizes


def resolved_shape(shape: tuple[int, ...], new: Any, name: str = "reshape") -> tuple[int, ...]:
    """Return the new shape of an array of `shape`, in which one size may be -1.

    Errors: TypeError when the sizes do not fit.
    """
    if isinstance(new, (tuple, list)):
        sizes = tuple(static_int(name, n, "a shape's size") for n in new)
    elif np.ndim(new) == 1:
        sizes = tuple(int(n) for n in known_array(name, new, "the shape"))
    else:
        sizes = (static_int(name, new, "a shape's size"),)
    n_elements = prod(shape)
    if sizes.count(-1) == 1:
        rest = -prod(sizes)
        if rest > 0 and n_elements % rest == 0:
            sizes = tuple(n_elements // rest if n == -1 else n for n in sizes)
        elif rest == 0 and n_elements == 0:
            raise ShapeError(
                f"Cannot tell the size -1 of {sizes} for an array of shape {shape}, which has no"
                f" elements.{at_user_line()}"
            )
    if prod(sizes) != n_elements or any(n < 0 for n in sizes):
        raise ShapeError(
            f"Cannot reshape array of shape {shape} (size {n_elements}) into shape"
            f" {tuple(sizes)} (size {prod(sizes)}).{at_user_line()}\nThe sizes must multiply to"
            f" {n_elements}; one of them may be -1, which stands for what is left."
        )
    return sizes
