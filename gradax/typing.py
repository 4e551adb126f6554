"""Types for the annotations of functions that take arrays and dtypes."""

from __future__ import annotations

import typing as _typing

import numpy as _np

from gradax.core.array import Array as Array


@_typing.runtime_checkable
class SupportsDType(_typing.Protocol):
    """An object that has a dtype."""

    @property
    def dtype(self) -> _np.dtype[_typing.Any]:
        """The dtype."""
        ...


# Unions with `|` of these have no `__args__` before Python 3.14: tools read those of `Union`.
_Numbers = _typing.Union[_np.bool_, _np.number, bool, int, float, complex]  # noqa: UP007
ArrayLike = _typing.Union[Array, _np.ndarray, _Numbers]  # noqa: UP007
DTypeLike = _typing.Union[str, type[_typing.Any], _np.dtype, SupportsDType]  # noqa: UP007
