"""Operands of the public functions: what a user passes, made ready for an operation."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradax import dtypes
from gradax.core.value import as_value, aval_of, check_fits

_SCALARS = (bool, int, float, complex)
_KIND_OF_SCALAR = {
    bool: np.bool_,
    int: np.integer,
    float: np.floating,
    complex: np.complexfloating,
}


def operands(*xs: Any) -> tuple[Any, ...]:
    """Return operands as values; a Python scalar takes the dtype of an array of the same kind.

    Errors: TypeError for what is no array, OverflowError for an integer that does not fit.
    """
    arrays = [x if type(x) in _SCALARS else as_value(x) for x in xs]
    dtype = next((x.dtype for x in arrays if type(x) not in _SCALARS), None)
    return tuple(x if type(x) not in _SCALARS else scalar(x, dtype) for x in arrays)


def scalar(x: Any, dtype: Any) -> Any:
    """Return a Python scalar as one of `dtype` when that is of its kind."""
    natural = aval_of(x).dtype
    if dtype is None or natural == dtype or dtypes.is_extended(dtype):
        return as_value(x)
    if not dtypes.issubdtype(dtype, _KIND_OF_SCALAR[type(x)]):
        return as_value(x)
    return np.asarray(check_fits(x, dtype) if type(x) is int else x, dtype)
