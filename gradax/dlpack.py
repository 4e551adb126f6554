"""Arrays of other libraries by DLPack, without a copy."""

from __future__ import annotations

from typing import Any

from gradax import dtypes
from gradax.numpy.creation import from_dlpack as from_dlpack

_NAMES = frozenset(
    (
        *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
        *("float16", "bfloat16", "float32", "float64", "complex64", "complex128"),
    )
)


def is_supported_dtype(dtype: Any) -> bool:
    """Tell whether arrays of a dtype can be exchanged by DLPack.

    Errors: TypeError for what is no dtype.
    """
    return dtypes.parse_dtype(dtype).name in _NAMES
