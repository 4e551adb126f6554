"""The dtype and the weakness of values, and the dtypes that operations convert to."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from gradax import errors
from gradax.dtypes.extended import ExtendedDType
from gradax.dtypes.kinds import issubdtype
from gradax.dtypes.parse import canonicalize_dtype, default_dtype
from gradax.sizes import Size

PYTHON_SCALARS: Final = frozenset((bool, int, float, complex))
WEAK_SCALARS: Final = frozenset((int, float, complex))


def dtype_of(x: Any) -> Any:
    """Return the dtype of a value, of a dtype, or of a Python scalar or its type.

    It is canonical, but for arrays and avals of ours, which have the dtype that they say.
    """
    kind = type(x)
    if kind in PYTHON_SCALARS:
        return canonicalize_dtype(kind)
    if kind is Size:
        return canonicalize_dtype(int)
    # Types first: NumPy's scalar types have a `dtype` of their own, an attribute's descriptor.
    if isinstance(x, (type, str, np.dtype, ExtendedDType)):
        return canonicalize_dtype(x, allow_extended=True)
    if isinstance(x, (np.ndarray, np.generic)):
        return canonicalize_dtype(x.dtype)
    found = getattr(x, "dtype", None)
    if isinstance(found, (np.dtype, ExtendedDType)):
        return found
    for scalar in (bool, int, float, complex):
        if isinstance(x, scalar):
            return canonicalize_dtype(scalar)
    raise errors.DtypeError(
        f"expected an array, a number or a dtype, got {x!r} of type {kind.__name__};"
        " make sequences into arrays with jnp.array"
    )


def is_weak(x: Any) -> bool:
    """Return whether a value's dtype gives way to others: Python numbers' do, but not bool's."""
    kind = type(x)
    if kind in PYTHON_SCALARS or kind is Size:
        return kind is not bool
    return bool(getattr(x, "weak_type", False)) or (
        isinstance(x, (int, float, complex)) and not isinstance(x, (bool, np.generic))
    )


def to_numeric_dtype(dtype: Any) -> Any:
    """Return the dtype of a sum: integers for booleans, else `dtype`."""
    found = canonicalize_dtype(dtype, allow_extended=True)
    return default_dtype("i") if found == np.bool_ else found


def to_inexact_dtype(dtype: Any) -> Any:
    """Return the dtype of a mean or a sine: floats for integers and booleans, else `dtype`."""
    found = canonicalize_dtype(dtype)
    if issubdtype(found, np.inexact):
        return found
    wide = found.itemsize == 8
    return canonicalize_dtype(np.float64 if wide else np.float32)


def to_floating_dtype(dtype: Any) -> Any:
    """Return the real dtype of a magnitude: complex64 gives float32, int32 gives float32."""
    found = to_inexact_dtype(dtype)
    return np.dtype(f"f{found.itemsize // 2}") if found.kind == "c" else found


def to_complex_dtype(dtype: Any) -> Any:
    """Return the complex dtype that holds `dtype`: complex64, or complex128 for 64-bit types."""
    found = to_inexact_dtype(dtype)
    if found.kind == "c":
        return found
    return np.dtype(np.complex128 if found.itemsize == 8 else np.complex64)
