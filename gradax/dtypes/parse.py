"""Turn what users write for a dtype into a dtype."""

from __future__ import annotations

import contextlib
import warnings
from typing import Any, Final

import numpy as np

from gradax import errors
from gradax.config import current
from gradax.dtypes.extended import DType, ExtendedDType
from gradax.dtypes.names import ALL, complex_, float0, float_, int_, uint

_NARROW: Final[dict[np.dtype[Any], np.dtype[Any]]] = {
    np.dtype(wide): np.dtype(narrow)
    for wide, narrow in (
        ("int64", "int32"),
        ("uint64", "uint32"),
        ("float64", "float32"),
        ("complex128", "complex64"),
    )
}
_SUPPORTED: Final = frozenset((*ALL, float0))
_PYTHON: Final[dict[Any, np.dtype[Any]]] = {
    bool: np.dtype(np.bool_),
    int: np.dtype(np.int64),
    float: np.dtype(np.float64),
    complex: np.dtype(np.complex128),
}
# What users write -> canonical dtype, by whether 64-bit types are on.
_canonical: Final[tuple[dict[Any, np.dtype[Any]], dict[Any, np.dtype[Any]]]] = ({}, {})


def parse_dtype(dtype: Any) -> Any:
    """Return the dtype that `dtype` names, 64-bit ones kept; DtypeError if it names none."""
    if isinstance(dtype, (np.dtype, ExtendedDType)):
        return dtype
    try:
        return np.dtype(dtype)
    except (TypeError, ValueError):
        raise errors.DtypeError(_not_understood(dtype)) from None


def canonicalize_dtype(dtype: Any, allow_extended: bool = False) -> Any:
    """Return the dtype as arrays hold it: native byte order, 32 bits unless `enable_x64`.

    Errors: DtypeError for dtypes that arrays cannot hold; for extended ones unless allowed.
    """
    table = _canonical[current.enable_x64]
    try:
        return table[dtype]
    except (KeyError, TypeError):
        pass
    if isinstance(dtype, ExtendedDType):
        if allow_extended:
            return dtype
        raise errors.DtypeError(f"expected the dtype of numbers or booleans, got {dtype}")
    result = _supported(parse_dtype(dtype))
    if not current.enable_x64:
        result = _NARROW.get(result, result)
    with contextlib.suppress(TypeError):  # NumPy takes some unhashable things for dtypes
        table[dtype] = result
    return result


def is_wide_dtype(dtype: DType) -> bool:
    """Return whether `dtype` is one that only `enable_x64` allows."""
    return dtype in _NARROW


def jax_dtype(dtype: Any) -> Any:
    """Return the dtype that `dtype` names; None and Python's types mean the defaults."""
    if dtype is None or (isinstance(dtype, type) and dtype in _PYTHON):
        return canonicalize_dtype(dtype)
    return parse_dtype(dtype)


def check_user_dtype(dtype: Any, where: str) -> Any:
    """Return the canonical dtype of a `dtype=` argument of `where`; None stays None.

    Errors: DtypeError if it is none that arrays hold. A UserWarning at the user's line, an error
    under the `strict` setting, if an explicit 64-bit type becomes a 32-bit one.
    """
    if dtype is None or isinstance(dtype, ExtendedDType):
        return dtype
    try:
        result = canonicalize_dtype(dtype)
    except errors.DtypeError as error:
        raise errors.DtypeError(f"{where}: {error}") from None
    if current.enable_x64 or (isinstance(dtype, type) and dtype in _PYTHON):
        return result
    asked = np.dtype(dtype)
    if asked in _NARROW:
        _report_truncation(asked, result, where)
    return result


def default_dtype(kind: str) -> np.dtype[Any]:
    """Return the default dtype of a kind: 'b', 'i', 'u', 'f' or 'c'."""
    return canonicalize_dtype(_DEFAULTS[kind])


_DEFAULTS: Final[dict[str, Any]] = {"b": bool, "i": int_, "u": uint, "f": float_, "c": complex_}


def _supported(dtype: np.dtype[Any]) -> np.dtype[Any]:
    native = dtype if dtype.isnative else dtype.newbyteorder("=")
    if native not in _SUPPORTED:
        raise errors.DtypeError(
            f"dtype {dtype} is not one that arrays hold: booleans, integers, floats up to 64 bits,"
            " complex64 and complex128"
        )
    return native


def _not_understood(dtype: object) -> str:
    if isinstance(dtype, str):
        import difflib

        near = difflib.get_close_matches(dtype, [each.name for each in ALL], n=3)
        hint = f"did you mean {' or '.join(near)}?" if near else "a dtype is for example 'float32'"
    elif hasattr(dtype, "shape"):
        hint = f"it is a value of type {type(dtype).__name__}; its dtype is x.dtype"
    else:
        hint = "a dtype is for example jnp.float32, np.int8 or 'float32'"
    return f"dtype {dtype!r} is not understood; {hint}{errors.at_user_line()}"


def _report_truncation(asked: np.dtype[Any], result: np.dtype[Any], where: str) -> None:
    message = (
        f"Explicitly requested dtype {asked} in {where} is not available, and will be truncated to"
        f" {result}: 64-bit types are off. Call gradax.config.update('jax_enable_x64', True) at the"
        " start of the program, or set GRADAX_ENABLE_X64=1."
    )
    if current.strict:
        raise errors.DtypeError(message)
    warnings.warn(message, UserWarning, stacklevel=errors.user_stacklevel())
