"""The limits of dtypes."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np

from gradax import errors
from gradax.dtypes.kinds import issubdtype
from gradax.dtypes.parse import parse_dtype

_finfo: Any = ml_dtypes.finfo
_iinfo: Any = ml_dtypes.iinfo


def finfo(dtype: Any) -> Any:
    """Return the limits of a float dtype, or of a complex dtype's parts: eps, max and tiny."""
    found = _dtype(dtype)
    if not issubdtype(found, np.inexact):
        raise errors.DtypeLimitsError(
            f"finfo: expected a float or complex dtype, got {found}; integers have iinfo"
        )
    return _finfo(found)


def iinfo(dtype: Any) -> Any:
    """Return the limits of an integer dtype: min, max and bits."""
    found = _dtype(dtype)
    if not issubdtype(found, np.integer):
        raise errors.DtypeLimitsError(
            f"iinfo: expected an integer dtype, got {found}; floats have finfo"
        )
    return _iinfo(found)


def _dtype(x: Any) -> Any:
    if isinstance(x, (bool, int, float, complex)):
        return parse_dtype(type(x))
    return parse_dtype(x if isinstance(x, type) else getattr(x, "dtype", x))
