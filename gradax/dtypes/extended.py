"""Dtypes that NumPy does not know: those of typed random keys."""

from __future__ import annotations

import math
from typing import Any, ClassVar, Final, TypeAlias, TypeGuard, final

import numpy as np


class extended(np.generic):
    """Abstract scalar type of all extended dtypes."""


class prng_key(extended):
    """Abstract scalar type of all random keys."""


class ExtendedDType:
    """Base of dtypes that stand beside `np.dtype`: `type`, `name`, `itemsize`, `physical`."""

    __slots__ = ()

    type: ClassVar[type[extended]] = extended

    @property
    def name(self) -> str:
        """The name, as jaxprs print it."""
        raise NotImplementedError

    @property
    def itemsize(self) -> int:
        """Bytes an element."""
        raise NotImplementedError

    @property
    def physical(self) -> np.dtype[Any]:
        """The dtype of the memory that holds an element."""
        raise NotImplementedError


@final
class KeyType(ExtendedDType):
    """The dtype of a random key of one implementation, `key<fry>`; equality is identity.

    Shapes: `key_shape` is that of one key's uint32 words; `physical` says how they are stored.
    """

    __slots__ = ("_impl", "_key_shape", "_physical")

    type = prng_key

    def __new__(
        cls, name: str = "fry", key_shape: tuple[int, ...] = (2,), physical: Any = np.uint64
    ) -> KeyType:
        """Return the one object of these properties."""
        key = (name, tuple(key_shape), np.dtype(physical))
        found = _interned.get(key)
        if found is None:
            made = super().__new__(cls)
            for slot, value in zip(cls.__slots__, key, strict=True):
                object.__setattr__(made, slot, value)
            # setdefault, so that two threads get the same object.
            found = _interned.setdefault(key, made)
        return found

    @property
    def impl(self) -> str:
        """The short name of the random generator."""
        return self._impl

    @property
    def key_shape(self) -> tuple[int, ...]:
        """The shape of the uint32 words of one key."""
        return self._key_shape

    @property
    def physical(self) -> np.dtype[Any]:
        """The dtype of the memory that holds a key."""
        return self._physical

    @property
    def name(self) -> str:
        """The name, as jaxprs print it."""
        return f"key<{self._impl}>"

    @property
    def itemsize(self) -> int:
        """Bytes a key."""
        return 4 * math.prod(self._key_shape)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{self} is immutable: cannot set {name!r}")

    def __reduce__(self) -> tuple[Any, ...]:
        return KeyType, (self._impl, self._key_shape, self._physical.name)

    def __repr__(self) -> str:
        return self.name


_interned: Final[dict[tuple[str, tuple[int, ...], np.dtype[Any]], KeyType]] = {}

DType: TypeAlias = np.dtype[Any] | ExtendedDType


def is_extended(dtype: object) -> TypeGuard[ExtendedDType]:
    """Return whether `dtype` is an extended dtype."""
    return isinstance(dtype, ExtendedDType)
