"""Abstract values: what is known of an array while a program is traced.

Avals are interned: two avals are equal exactly when they are the same object, so that they are
compared and hashed by address on every hot path.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any, ClassVar, final

import numpy as np

from gradax import dtypes
from gradax.errors import ShapeError, at_user_line
from gradax.sizes import is_open, likely

# Axes that are not fixed have a `Size`, which behaves like an int.
Shape = tuple[int, ...]

MOST_BYTES = 1 << 56


@final
class Aval:
    """The shape, dtype and weak type of an array."""

    __slots__ = ("shape", "dtype", "weak_type", "ndim", "size", "__weakref__")

    shape: Shape
    dtype: Any
    weak_type: bool
    ndim: int
    size: int

    # What types say under JAX's explicit sharding; programs here are not partitioned by types.
    sharding: ClassVar[None] = None
    vma: ClassVar[frozenset[Any]] = frozenset()
    memory_space: ClassVar[None] = None

    _interned: ClassVar[dict[tuple[Shape, Any, bool], Aval]] = {}

    def __new__(cls, shape: Sequence[int], dtype: Any, weak_type: bool = False) -> Aval:
        key = (tuple(shape), dtype, weak_type)
        found = cls._interned.get(key)
        return cls._make(*key) if found is None else found

    @classmethod
    def _make(cls, shape: Shape, dtype: Any, weak_type: bool) -> Aval:
        shape = tuple(n if is_open(n) else int(n) for n in shape)
        if not dtypes.is_extended(dtype):
            dtype = np.dtype(dtype)
        weak_type = bool(weak_type)
        if prod(n for n in map(likely, shape) if n > 0) * max(dtype.itemsize, 1) > MOST_BYTES:
            raise ShapeError(
                f"An array of {dtype.name}{list(shape)} has more elements than any memory holds."
                f"{at_user_line()}"
            )
        self = object.__new__(cls)
        self.shape, self.dtype, self.weak_type = shape, dtype, weak_type
        self.ndim, self.size = len(shape), prod(shape)
        return cls._interned.setdefault((shape, dtype, weak_type), self)

    @property
    def nbytes(self) -> int:
        """Bytes that the array takes."""
        return self.size * self.dtype.itemsize

    def update(
        self,
        shape: Sequence[int] | None = None,
        dtype: Any = None,
        weak_type: bool | None = None,
    ) -> Aval:
        """Return the aval with some of its fields replaced."""
        return Aval(
            self.shape if shape is None else shape,
            self.dtype if dtype is None else dtype,
            self.weak_type if weak_type is None else weak_type,
        )

    def without(self, axes: Sequence[int]) -> Aval:
        """Return the aval without `axes`."""
        return self.update(shape=[n for i, n in enumerate(self.shape) if i not in axes])

    def strip_weak_type(self) -> Aval:
        """Return the same aval, not weakly typed."""
        return Aval(self.shape, self.dtype) if self.weak_type else self

    def str_short(self, short_dtypes: bool = True) -> str:
        """Return the aval as jaxprs print it, `f32[3,4]`."""
        name = dtypes.short_name(self.dtype) if short_dtypes else self.dtype.name
        return f"{name}[{','.join(map(str, self.shape))}]"

    def __repr__(self) -> str:
        weak = ", weak_type=True" if self.weak_type else ""
        return f"ShapedArray({self.str_short(False)}{weak})"

    def __str__(self) -> str:
        return self.str_short()

    def __reduce__(self) -> tuple[Any, ...]:
        return Aval, (self.shape, self.dtype, self.weak_type)


def tangent_aval(aval: Aval) -> Aval:
    """Return the aval of a tangent: the same for inexact dtypes, float0 for all others."""
    if dtypes.issubdtype(aval.dtype, np.inexact):
        return Aval(aval.shape, aval.dtype, aval.weak_type)
    return Aval(aval.shape, dtypes.float0)


def with_axis(aval: Aval, size: int, dim: int) -> Aval:
    """Return `aval` with an axis of `size` inserted at `dim`."""
    return aval.update(shape=(*aval.shape[:dim], size, *aval.shape[dim:]))


def without_axis(aval: Aval, dim: int) -> Aval:
    """Return `aval` without the axis `dim`."""
    return aval.update(shape=(*aval.shape[:dim], *aval.shape[dim + 1 :]))
