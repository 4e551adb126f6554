"""`ShapeDtypeStruct`: what stands for an array where only its type matters."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from gradax import dtypes
from gradax.core.aval import Aval
from gradax.errors import ArgumentTypeError, at_user_line
from gradax.sizes import is_open


class ShapeDtypeStruct:
    """The shape and dtype of an array, without its elements."""

    __slots__ = ("shape", "dtype", "sharding", "weak_type")

    def __init__(
        self,
        shape: Sequence[int],
        dtype: Any,
        *,
        sharding: Any = None,
        weak_type: bool = False,
        vma: Any = None,
        is_ref: bool = False,
    ) -> None:
        if dtype is None:
            raise ArgumentTypeError(f"ShapeDtypeStruct: expected a dtype; got None{at_user_line()}")
        self.shape = tuple(n if is_open(n) else int(n) for n in shape)
        self.dtype = dtype if dtypes.is_extended(dtype) else np.dtype(dtype)
        self.sharding = sharding
        self.weak_type = bool(weak_type)

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """The number of elements."""
        return prod(self.shape)

    def update(self, **changes: Any) -> ShapeDtypeStruct:
        """Return the description with some of its fields replaced."""
        fields = {name: getattr(self, name) for name in self.__slots__}
        fields.update(changes)
        return ShapeDtypeStruct(fields.pop("shape"), fields.pop("dtype"), **fields)

    def __len__(self) -> int:
        if not self.shape:
            raise ArgumentTypeError(f"len() of a scalar has no meaning{at_user_line()}")
        return self.shape[0]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ShapeDtypeStruct) and all(
            getattr(self, name) == getattr(other, name) for name in self.__slots__
        )

    def __hash__(self) -> int:
        return hash((self.shape, self.dtype, self.weak_type))

    def __repr__(self) -> str:
        weak = ", weak_type=True" if self.weak_type else ""
        sharding = f", sharding={self.sharding}" if self.sharding is not None else ""
        name = getattr(self.dtype, "name", str(self.dtype))
        return f"ShapeDtypeStruct(shape={self.shape}, dtype={name}{sharding}{weak})"


def describe(aval: Aval) -> ShapeDtypeStruct:
    """Return the description of an array of this aval."""
    return ShapeDtypeStruct(aval.shape, aval.dtype, weak_type=aval.weak_type)
