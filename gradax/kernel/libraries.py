"""The codes of dtypes in library kernels' parameters, as csrc/kernels/dtype_codes.hpp has them."""

from __future__ import annotations

from typing import Any

import numpy as np

_NAMES = (
    "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float16",
    "bfloat16", "float32", "float64", "complex64", "complex128",
)  # fmt: skip
_CODES = {name: code for code, name in enumerate(_NAMES)}


def has_dtype_code(dtype: Any) -> bool:
    """Tell whether library kernels understand a dtype."""
    return np.dtype(dtype).name in _CODES


def dtype_code(dtype: Any) -> int:
    """Return the code of a dtype; KeyError for one that library kernels do not understand."""
    return _CODES[np.dtype(dtype).name]
