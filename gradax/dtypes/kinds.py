"""Which dtype belongs to which abstract type."""

from __future__ import annotations

import functools
from typing import Any, Final

import numpy as np

from gradax.dtypes.extended import ExtendedDType, extended
from gradax.dtypes.names import (
    COMPLEXES,
    FLOATS,
    SIGNED,
    UNSIGNED,
    ScalarType,
    bool_,
)
from gradax.dtypes.parse import parse_dtype

# ml_dtypes' scalar types derive from np.generic alone; this is where they belong.
_PARENT: Final[dict[type, type]] = {
    dtype.type: parent
    for dtypes, parent in (
        (SIGNED, np.signedinteger),
        (UNSIGNED, np.unsignedinteger),
        (FLOATS, np.floating),
    )
    for dtype in dtypes
    if not issubclass(dtype.type, np.number)
}

_KINDS: Final[dict[str, tuple[np.dtype[Any], ...]]] = {
    "bool": (bool_.dtype,),
    "signed integer": SIGNED,
    "unsigned integer": UNSIGNED,
    "integral": (*SIGNED, *UNSIGNED),
    "real floating": FLOATS,
    "complex floating": COMPLEXES,
    "numeric": (*SIGNED, *UNSIGNED, *FLOATS, *COMPLEXES),
}


@functools.cache
def issubdtype(a: Any, b: Any) -> bool:
    """Return whether the dtype or abstract type `a` is `b` or lies below it.

    As `np.issubdtype`, with the small floats and integers and the extended dtypes in their places.
    """
    left, right = _scalar_class(a), _scalar_class(b)
    return issubclass(left, right) or issubclass(_PARENT.get(left, left), right)


def isdtype(dtype: Any, kind: Any) -> bool:
    """Return whether `dtype` is of a kind: a dtype, a kind's name, or a tuple of them.

    Source: the array API standard's `isdtype`.
    """
    found = parse_dtype(dtype)
    return any(
        found in _KINDS[one] if isinstance(one, str) and one in _KINDS else found == _one(one)
        for one in (kind if isinstance(kind, tuple) else (kind,))
    )


def scalar_type_of(x: Any) -> type:
    """Return the Python type, bool, int, float or complex, that a value or dtype is like."""
    if isinstance(x, (bool, int, float, complex)):
        x = type(x)
    dtype = parse_dtype(x if isinstance(x, type) else getattr(x, "dtype", x))
    for kind, result in (("bool", bool), ("integral", int), ("real floating", float)):
        if dtype in _KINDS[kind]:
            return result
    if dtype in COMPLEXES:
        return complex
    raise TypeError(f"scalar_type_of: expected a boolean or a number, got dtype {dtype}")


def _scalar_class(x: Any) -> type:
    if isinstance(x, ScalarType):
        return x.dtype.type
    if isinstance(x, ExtendedDType):
        return x.type
    if isinstance(x, type) and issubclass(x, (np.generic, extended)):
        return x
    parsed = parse_dtype(x)
    return parsed.type


def _one(kind: Any) -> Any:
    if isinstance(kind, str):
        try:
            return parse_dtype(kind)
        except TypeError:
            names = ", ".join(map(repr, _KINDS))
            raise ValueError(
                f"isdtype: expected a dtype or one of {names}, got kind {kind!r}"
            ) from None
    return parse_dtype(kind)
