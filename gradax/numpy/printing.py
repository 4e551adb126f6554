"""How arrays are printed: as NumPy prints them, with the dtype behind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gradax import dtypes
from gradax.native import array_view

set_printoptions: Callable[..., Any] = np.set_printoptions
get_printoptions: Callable[..., Any] = np.get_printoptions
printoptions: Callable[..., Any] = np.printoptions


def to_text(x: Any) -> str:
    """Return `str(x)` of an array."""
    return key_text(x) if dtypes.is_extended(x.dtype) else str(np.asarray(x)[()])


def to_repr(x: Any) -> str:
    """Return `repr(x)` of an array: `Array([1., 2.], dtype=float32)`."""
    if dtypes.is_extended(x.dtype):
        return key_text(x)
    prefix = "Array("
    width = int(np.get_printoptions()["linewidth"])
    if x.size == 0:
        values = f"[], shape={x.shape}"
    else:
        values = np.array2string(
            np.asarray(x), prefix=prefix, suffix=",", separator=", ", max_line_width=width
        )
    tail = f"dtype={x.dtype.name}{', weak_type=True' if x.weak_type else ''})"
    last_line = len(values) - values.rfind("\n") + 1
    fits = last_line + len(tail) + 1 <= width
    return f"{prefix}{values},{' ' if fits else chr(10) + ' ' * len(prefix)}{tail}"


def key_text(x: Any) -> str:
    """Return the text of an array of random keys, with the words of each."""
    return f"Array({x.shape}, dtype={x.dtype.name}) overlaying:\n{key_words(x)}"


def key_words(x: Any) -> np.ndarray[Any, Any]:
    """Return the uint32 words of random keys, one axis more."""
    memory = np.ascontiguousarray(array_view(x))
    return memory.reshape(-1).view(np.uint32).reshape((*x.shape, *x.dtype.key_shape))


def to_format(x: Any, spec: str) -> str:
    """Return `format(x, spec)`: of rank 0 the number's, otherwise NumPy's."""
    if dtypes.is_extended(x.dtype):
        return format(key_text(x), spec)
    values = np.asarray(x)
    return format(values[()] if values.ndim == 0 else values, spec)


def array_repr(
    arr: Any,
    max_line_width: Any = None,
    precision: Any = None,
    suppress_small: bool | None = None,
) -> str:
    """Return the text of an array as `repr` has it."""
    with np.printoptions(**options(max_line_width, precision, suppress_small)):
        return repr(arr)


def array_str(
    a: Any,
    max_line_width: Any = None,
    precision: Any = None,
    suppress_small: bool | None = None,
) -> str:
    """Return the text of an array as `str` has it."""
    with np.printoptions(**options(max_line_width, precision, suppress_small)):
        return str(a)


def options(width: Any, precision: Any, suppress: bool | None) -> dict[str, Any]:
    """Return the print options that are given."""
    given = {"linewidth": width, "precision": precision, "suppress": suppress}
    return {name: value for name, value in given.items() if value is not None}
