"""Random keys: making, splitting and unwrapping them.

A key is typed (`key<fry>`) or raw (uint32 with a last axis of 2); every function takes both and
gives back the kind that it was given. Inside, keys are typed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gradax import config, dtypes
from gradax.api.jit import jit
from gradax.core.value import as_value, is_value
from gradax.errors import DtypeError, ShapeError, at_user_line
from gradax.lax.convert import ConvertElementType
from gradax.lax.shapes import BroadcastInDim, Reshape
from gradax.lax.slicing import Slice
from gradax.random.operations import (
    RandomFoldIn,
    RandomSeed,
    RandomSplit,
    RandomUnwrap,
    RandomWrap,
)
from gradax.random.threefry import U32
from gradax.sizes import as_size

FRY = dtypes.KeyType("fry")
IMPLEMENTATIONS = {"threefry2x32": FRY, "fry": FRY}

Shape = int | Sequence[int]


def implementation(impl: Any) -> Any:
    """Return the key type of an implementation's name, the setting's when None."""
    name = config.current.default_prng_impl if impl is None else impl
    if isinstance(name, dtypes.KeyType):
        return name
    found = IMPLEMENTATIONS.get(str(getattr(name, "name", name)))
    if found is None:
        raise ValueError(
            f"random: the implementation must be one of {sorted(IMPLEMENTATIONS)}; got {name!r}."
            f"{at_user_line()}"
        )
    return found


def seed_value(seed: Any) -> Any:
    """Return a seed as an integer scalar.

    Without 64-bit types only the low 32 bits of a Python integer count.
    Errors: TypeError for what is no integer; ValueError for an array.
    """
    if isinstance(seed, (int, np.integer)) and not isinstance(seed, (bool, np.bool_)):
        number = int(seed) + config.current.random_seed_offset
        if not -(2**63) <= number < 2**63:
            raise OverflowError(
                f"random: a seed is an integer of 64 bits; got {number}.{at_user_line()}"
            )
        if config.current.enable_x64:
            return as_value(np.int64(number))
        return as_value(np.uint32(number & 0xFFFFFFFF))
    if not is_value(seed):
        raise DtypeError(
            f"random: a seed is an integer; got {type(seed).__name__}.{at_user_line()}"
        )
    value = as_value(seed)
    if dtypes.is_extended(value.dtype) or not dtypes.issubdtype(value.dtype, np.integer):
        raise DtypeError(f"random: a seed is an integer; got {value.aval}.{at_user_line()}")
    if value.shape != ():
        raise ShapeError(
            f"random: a seed is one integer; got shape {value.shape}.{at_user_line()}\n"
            "Use vmap to make keys of an array of seeds."
        )
    return value


def key_dtype(impl_spec: Any = None) -> Any:
    """Return the dtype of the keys of an implementation."""
    return implementation(impl_spec)


def key(seed: Any, *, impl: Any = None, dtype: Any = None) -> Any:
    """Make a typed key of an integer; `dtype` is another way to name the implementation.

    Errors: TypeError for a seed that is no integer scalar.
    """
    return RandomSeed(implementation(impl if dtype is None else dtype))(seed_value(seed))


def PRNGKey(seed: Any, *, impl: Any = None) -> Any:
    """Make a raw key, uint32 of shape (2,), of an integer; a typed one under enable_custom_prng."""
    made = key(seed, impl=impl)
    return made if config.current.enable_custom_prng else RandomUnwrap()(made)


def checked(key: Any, name: str, scalar: bool = True) -> Any:
    """Return a key, typed or raw, as a value.

    Errors: TypeError for what is no key; ValueError for an array of keys where one is wanted.
    """
    if not is_value(key):
        raise not_a_key(name, type(key).__name__)
    value = as_value(key)
    is_typed = dtypes.is_extended(value.dtype)
    if not is_typed and not (value.dtype == U32 and value.ndim > 0 and value.shape[-1] == 2):
        raise not_a_key(name, str(value.aval))
    n_batch = value.ndim - (0 if is_typed else 1)
    if scalar and n_batch:
        shape = value.shape if is_typed else value.shape[:-1]
        raise ShapeError(
            f"random.{name}: expected one key; got an array of keys of shape {shape}."
            f"{at_user_line()}\nMap over keys with vmap."
        )
    return value


def not_a_key(name: str, got: str) -> DtypeError:
    """Make the error for something that is no key."""
    return DtypeError(
        f"random.{name}: expected a random key; got {got}.{at_user_line()}\n"
        "Make one with random.key(seed)."
    )


def typed(key: Any) -> Any:
    """Return a key that was checked as a typed one."""
    return key if dtypes.is_extended(key.dtype) else RandomWrap(FRY)(key)


def like(keys: Any, key: Any) -> Any:
    """Return typed keys in the form, typed or raw, of another key."""
    return keys if dtypes.is_extended(key.dtype) else RandomUnwrap()(keys)


def partitionable() -> bool:
    """Tell which of the two streams the setting selects."""
    return bool(config.current.threefry_partitionable)


def split_into(key: Any, n: int) -> list[Any]:
    """Return n keys split from a typed one."""
    keys = RandomSplit((n,), partitionable())(key)
    return [Reshape(())(Slice((k,), (k + 1,), None)(keys)) for k in range(n)]


@jit(static_argnums=1)
def _split(key: Any, shape: tuple[int, ...]) -> Any:
    return like(RandomSplit(shape, partitionable())(typed(key)), key)


@jit
def _fold_in(key: Any, data: Any) -> Any:
    return like(RandomFoldIn()(typed(key), ConvertElementType(U32)(data)), key)


def as_shape(shape: Any, name: str) -> tuple[int, ...]:
    """Return a shape as a tuple of integers.

    Errors: TypeError for anything that is no shape; ValueError for negative sizes.
    """
    try:
        if hasattr(shape, "__index__"):
            sizes = (as_size(shape),)
        else:
            sizes = tuple(map(as_size, shape))
    except (TypeError, AttributeError):
        raise DtypeError(
            f"random.{name}: a shape is a sequence of integers; got {shape!r}.{at_user_line()}"
        ) from None
    if any(n < 0 for n in sizes):
        raise ShapeError(f"random.{name}: sizes must not be negative; got {sizes}.{at_user_line()}")
    return sizes


def split(key: Any, num: Shape = 2) -> Any:
    """Split a key into `num` new ones (or an array of them of shape `num`).

    Shapes: one key -> keys[num].
    """
    return _split(checked(key, "split"), as_shape(num, "split"))


def fold_in(key: Any, data: Any) -> Any:
    """Make a new key of a key and an integer.

    Errors: TypeError for data that is no integer scalar.
    """
    value = checked(key, "fold_in")
    if isinstance(data, (int, np.integer)):
        return _fold_in(value, as_value(np.uint32(int(data) & 0xFFFFFFFF)))
    if not is_value(data):
        raise DtypeError(
            f"random.fold_in: data is an integer; got {type(data).__name__}.{at_user_line()}"
        )
    number = as_value(data)
    if dtypes.is_extended(number.dtype) or not dtypes.issubdtype(number.dtype, np.integer):
        raise DtypeError(f"random.fold_in: data is an integer; got {number.aval}.{at_user_line()}")
    if number.shape != ():
        raise ShapeError(
            f"random.fold_in: data is one integer; got shape {number.shape}.{at_user_line()}\n"
            "Map over an array of integers with vmap."
        )
    return _fold_in(value, number)


def clone(key: Any) -> Any:
    """Return the key itself, as a key of its own where key reuse is checked."""
    return checked(key, "clone", scalar=False)


def key_data(keys: Any) -> Any:
    """Return the words of keys.

    Shapes: keys[s] -> u32[s, 2].
    """
    value = checked(keys, "key_data", scalar=False)
    return RandomUnwrap()(value) if dtypes.is_extended(value.dtype) else value


def wrap_key_data(key_bits_array: Any, *, impl: Any = None, dtype: Any = None) -> Any:
    """Return raw keys as typed ones.

    Shapes: u32[s, 2] -> keys[s].
    """
    value = as_value(key_bits_array)
    if dtypes.is_extended(value.dtype):
        raise DtypeError(f"random.wrap_key_data: the keys are typed already.{at_user_line()}")
    return RandomWrap(implementation(impl if dtype is None else dtype))(value)


def key_impl(keys: Any) -> Any:
    """Return the name of the implementation that keys belong to."""
    checked(keys, "key_impl", scalar=False)
    return "threefry2x32"


def broadcast(x: Any, shape: tuple[int, ...]) -> Any:
    """Broadcast a value to a shape, aligning trailing axes."""
    start = len(shape) - np.ndim(x)
    if np.shape(x) == shape:
        return x
    return BroadcastInDim(shape, tuple(range(start, len(shape))))(x)
