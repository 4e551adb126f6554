"""Values that operations accept, and their avals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gradax import dtypes
from gradax.config import current
from gradax.core.aval import Aval
from gradax.core.tracer import Tracer
from gradax.errors import DtypeError, PrecisionLossError, at_user_line
from gradax.native import Array
from gradax.sizes import Size

_SCALARS = (bool, int, float, complex)
# Typed so that a checker narrows to anything, not to arrays of unknowns.
_NDARRAY: tuple[type[Any], ...] = (np.ndarray,)
NUMPY_TYPES: tuple[type[Any], ...] = (np.ndarray, np.generic)


class Conversion:
    """How a NumPy array becomes an `Array`; the runtime registers it."""

    to_array: Callable[[np.ndarray[Any, Any], Aval], Any]


conversion = Conversion()


def aval_of(x: Any) -> Aval:
    """Return the aval of an array, a tracer, a NumPy value or a Python scalar.

    Errors: TypeError for anything else.
    """
    if isinstance(x, (Array, Tracer)):
        return x.aval
    if type(x) in _SCALARS:
        return Aval((), dtypes.dtype_of(x), True)
    if isinstance(x, NUMPY_TYPES):
        dtype = x.dtype
        if dtype != dtypes.float0:
            given, dtype = dtype, dtypes.canonicalize_dtype(dtype)
            if dtype != given and current.strict:
                refuse_loss(x, dtype)
        return Aval(np.shape(x), dtype)
    if isinstance(x, _SCALARS):
        return Aval((), dtypes.dtype_of(x), True)
    if type(x) is Size:
        return Aval((), dtypes.dtype_of(0), True)
    array = array_protocol(x)
    if array is not None:
        return aval_of(array)
    raise not_an_array(x)


def refuse_loss(x: Any, dtype: Any) -> None:
    """Refuse an array of 64-bit floats where they would become `dtype`; scalars are let pass."""
    if np.ndim(x) and dtypes.issubdtype(dtype, np.inexact):
        raise PrecisionLossError(
            f"a NumPy array of dtype {x.dtype}, shape {np.shape(x)}, would silently become"
            f" {np.dtype(dtype).name}: 64-bit types are off.{at_user_line()}\nConvert it with"
            f" astype(np.{np.dtype(dtype).name}), or turn them on with enable_x64."
        )


def as_value(x: Any) -> Any:
    """Return `x` as an array or tracer; Python scalars become weakly typed scalar arrays."""
    if isinstance(x, (Array, Tracer)):
        return x
    if type(x) is Size:
        return Size.to_array(x, int)
    aval = aval_of(x)
    if not isinstance(x, (*NUMPY_TYPES, *_SCALARS)):
        return as_value(array_protocol(x))
    return conversion.to_array(to_numpy(x, aval.dtype), aval)


def to_numpy(x: Any, dtype: Any) -> np.ndarray[Any, Any]:
    """Return `x` as a NumPy array of `dtype`; an integer that does not fit is an OverflowError."""
    if isinstance(x, _NDARRAY) and x.dtype == dtype:
        return x
    if isinstance(x, NUMPY_TYPES):
        with np.errstate(all="ignore"):
            return np.asarray(x).astype(dtype)
    if isinstance(x, int) and np.issubdtype(dtype, np.integer):
        return np.asarray(check_fits(x, dtype), dtype)
    with np.errstate(all="ignore"):
        return np.asarray(x).astype(dtype)


def check_fits(x: Any, dtype: Any) -> Any:
    """Return `x` when it is within the range of an integer `dtype`."""
    info = np.iinfo(dtype)
    if not info.min <= x <= info.max:
        raise OverflowError(
            f"Python integer {x} does not fit {np.dtype(dtype).name}"
            f" ({info.min} to {info.max}){at_user_line()}"
        )
    return x


def array_protocol(x: Any) -> Any:
    """Return what `x.__jax_array__()` or `x.__array__()` gives, else None."""
    if isinstance(x, type):
        return None
    if hasattr(x, "__jax_array__"):
        return x.__jax_array__()
    if hasattr(x, "__array__"):
        return np.asarray(x)
    return None


def not_an_array(x: Any) -> DtypeError:
    """Make the error for a value that is no array."""
    return DtypeError(
        f"A value of type {type(x).__name__} is not a valid array: {repr(x)[:80]}."
        f"{at_user_line()}\nPass an array, a NumPy array or a Python number."
    )


def is_value(x: Any) -> bool:
    """Tell whether `x` can be the operand of an operation."""
    return isinstance(x, (Array, Tracer, *NUMPY_TYPES, *_SCALARS, Size)) or (
        hasattr(x, "__jax_array__")
    )
