"""Random keys: making, splitting and unwrapping them.

A key is typed (`key<fry>`) or raw (uint32 with a last axis of 2); every function takes both and gives
back the kind that it was given.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from gradax import config, dtypes
from gradax.api.jit import jit
from gradax.core.value import as_value, is_value
from gradax.errors import DtypeError, ShapeError, at_user_line
from gradax.lax.bits import ShiftRightLogical
from gradax.lax.convert import ConvertElementType
from gradax.lax.creation import Iota
from gradax.lax.joining import Concatenate
from gradax.lax.shapes import BroadcastInDim, Reshape
from gradax.lax.slicing import Slice
from gradax.random.threefry import U32, RandomUnwrap, RandomWrap, Threefry2x32

FRY = dtypes.KeyType("fry")
IMPLEMENTATIONS = {"threefry2x32": FRY, "fry": FRY}

Shape = int | Sequence[int]


def implementation(impl: Any) -> Any:
    """Return the key type of an implementation's name, the setting's when None."""
    name = config.current.default_prng_impl if impl is None else impl
    if isinstance(name, dtypes.KeyType):
        return name
    found = IMPLEMENTATIONS.get(getattr(name, "name", name))
    if found is None:
        raise ValueError(
            f"random: the implementation must be one of {sorted(IMPLEMENTATIONS)}; got {name!r}."
            f"{at_user_line()}"
        )
    return found


def seed_words(seed: Any) -> Any:
    """Return the raw key of an integer seed."""
    if isinstance(seed, (int, np.integer)) and not isinstance(seed, (bool, np.bool_)):
        wide = np.int64(int(seed) & 0xFFFFFFFFFFFFFFFF if int(seed) >= 0 else int(seed))
        if not config.current.enable_x64:
            return as_value(np.array([0, int(wide) & 0xFFFFFFFF], U32))
        value = int(wide)
        return as_value(np.array([value >> 32 & 0xFFFFFFFF, value & 0xFFFFFFFF], U32))
    value = as_value(seed)
    integer = not dtypes.is_extended(value.dtype) and np.issubdtype(value.dtype, np.integer)
    if not integer:
        raise DtypeError(
            f"random: a seed is an integer; got {value.aval}.{at_user_line()}"
        )
    if value.shape != ():
        raise ShapeError(
            f"random: a seed is one integer; got shape {value.shape}.{at_user_line()}\n"
            "Use vmap to make keys of an array of seeds."
        )
    low = ConvertElementType(U32)(value)
    zero = np.zeros((1,), U32)
    if value.dtype.itemsize == 8:
        shifted = ShiftRightLogical()(value, np.asarray(32, value.dtype))
        zero = Reshape((1,))(ConvertElementType(U32)(shifted))
    return Concatenate(0)(as_value(zero), Reshape((1,))(low))


def key(seed: Any, *, impl: Any = None) -> Any:
    """Make a typed key of an integer.

    Errors: TypeError for a seed that is no integer scalar.
    """
    return RandomWrap(implementation(impl))(seed_words(seed))


def PRNGKey(seed: Any, *, impl: Any = None) -> Any:  # noqa: N802 (JAX's name)
    """Make a raw key, uint32 of shape (2,), of an integer."""
    implementation(impl)
    return seed_words(seed)


def checked(key: Any, name: str, scalar: bool = True) -> Any:
    """Return a key, typed or raw, as a value.

    Errors: TypeError for what is no key; ValueError for an array of keys where one is wanted.
    """
    if not is_value(key):
        raise not_a_key(name, type(key).__name__)
    value = as_value(key)
    typed = dtypes.is_extended(value.dtype)
    if not typed and not (value.dtype == U32 and value.ndim > 0 and value.shape[-1] == 2):
        raise not_a_key(name, str(value.aval))
    n_batch = value.ndim - (0 if typed else 1)
    if scalar and n_batch:
        shape = value.shape if typed else value.shape[:-1]
        raise ShapeError(
            f"random.{name}: expected one key; got an array of keys of shape {shape}."
            f"{at_user_line()}\nMap over keys with vmap."
        )
    return value


def words_of(key: Any) -> Any:
    """Return the words of a key that was checked."""
    return RandomUnwrap()(key) if dtypes.is_extended(key.dtype) else key


def like(words: Any, key: Any) -> Any:
    """Return raw keys in the form, typed or raw, of another key."""
    return RandomWrap(key.dtype)(words) if dtypes.is_extended(key.dtype) else words


def not_a_key(name: str, got: str) -> DtypeError:
    """Make the error for something that is no key."""
    return DtypeError(
        f"random.{name}: expected a random key; got {got}.{at_user_line()}\n"
        "Make one with random.key(seed)."
    )


def halves(words: Any) -> tuple[Any, Any]:
    """Return the two words of a raw key as scalars."""
    return tuple(Reshape(())(Slice((k,), (k + 1,), None)(words)) for k in (0, 1))  # type: ignore[return-value]


def encrypt(words: Any, counts: Any) -> Any:
    """Encrypt a vector of counters, its first half against its second, as the older stream does.

    Shapes: words u32[2], counts u32[n] -> u32[n].
    """
    (n,) = counts.shape
    if n % 2:
        counts = Concatenate(0)(counts, as_value(np.zeros(1, U32)))
    half = (n + 1) // 2
    first, second = (Slice((a,), (a + half,), None)(counts) for a in (0, half))
    k0, k1 = halves(words)
    out = Concatenate(0)(*Threefry2x32()(k0, k1, first, second))
    return Slice((0,), (n,), None)(out) if n % 2 else out


def counters(shape: tuple[int, ...]) -> tuple[Any, Any]:
    """Return the high and low words of the row-major positions of `shape`."""
    size = prod(shape)
    low = Reshape(shape)(Iota(U32, (size,), 0)())
    if size < 2**32:
        return as_value(np.zeros((), U32)), low
    raise ShapeError(f"random: at most 2**32 elements at once; got shape {shape}.{at_user_line()}")


def split_words(words: Any, shape: tuple[int, ...]) -> Any:
    """Return the raw keys of `shape` split from one."""
    if not partitionable():
        counts = Iota(U32, (2 * prod(shape),), 0)()
        return Reshape((*shape, 2))(encrypt(words, counts))
    k0, k1 = halves(words)
    parts = Threefry2x32()(k0, k1, *counters(shape))
    axis = len(shape)
    return Concatenate(axis)(*(Reshape((*shape, 1))(p) for p in parts))


def fold_words(words: Any, data: Any) -> Any:
    """Return the raw key of a key and a 32-bit number."""
    return encrypt(words, Concatenate(0)(as_value(np.zeros(1, U32)), Reshape((1,))(data)))


@jit(static_argnums=1)
def _split(key: Any, shape: tuple[int, ...]) -> Any:
    return like(split_words(words_of(key), shape), key)


@jit
def _fold_in(key: Any, data: Any) -> Any:
    return like(fold_words(words_of(key), ConvertElementType(U32)(data)), key)


def partitionable() -> bool:
    """Tell which of the two streams the setting selects."""
    return bool(config.current.threefry_partitionable)


def as_shape(shape: Shape, name: str) -> tuple[int, ...]:
    """Return a shape as a tuple of integers.

    Errors: TypeError for anything that is no shape; ValueError for negative sizes.
    """
    try:
        sizes = (int(shape.__index__()),) if hasattr(shape, "__index__") else tuple(
            int(n.__index__()) for n in shape  # type: ignore[union-attr]
        )
    except (TypeError, AttributeError):
        raise ShapeError(
            f"random.{name}: a shape is a sequence of integers; got {shape!r}.{at_user_line()}"
        ) from None
    if any(n < 0 for n in sizes):
        raise ValueError(f"random.{name}: sizes must not be negative; got {sizes}.{at_user_line()}")
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
        number = as_value(np.asarray(int(data) & 0xFFFFFFFF, U32))
    else:
        number = as_value(data)
        if number.shape != ():
            raise ShapeError(
                f"random.fold_in: data is one integer; got shape {number.shape}.{at_user_line()}"
            )
        if not np.issubdtype(np.dtype(number.dtype), np.integer):
            raise DtypeError(
                f"random.fold_in: data is an integer; got {number.aval}.{at_user_line()}"
            )
    return _fold_in(value, number)


def clone(key: Any) -> Any:
    """Return the key itself, as a key of its own where key reuse is checked."""
    return checked(key, "clone", scalar=False)


def key_data(keys: Any) -> Any:
    """Return the words of keys.

    Shapes: keys[s] -> u32[s, 2].
    """
    return words_of(checked(keys, "key_data", scalar=False))


def wrap_key_data(key_bits_array: Any, *, impl: Any = None) -> Any:
    """Return raw keys as typed ones.

    Shapes: u32[s, 2] -> keys[s].
    """
    value = as_value(key_bits_array)
    if dtypes.is_extended(value.dtype):
        raise DtypeError(f"random.wrap_key_data: the keys are typed already.{at_user_line()}")
    return RandomWrap(implementation(impl))(value)


def key_impl(keys: Any) -> Any:
    """Return the name of the implementation that keys belong to."""
    checked(keys, "key_impl", scalar=False)
    return "threefry2x32"


def split_into(words: Any, n: int) -> list[Any]:
    """Return n raw keys split from one."""
    keys = split_words(words, (n,))
    return [Reshape((2,))(Slice((k, 0), (k + 1, 2), None)(keys)) for k in range(n)]


def broadcast(x: Any, shape: tuple[int, ...]) -> Any:
    """Broadcast a value to a shape, aligning trailing axes."""
    start = len(shape) - np.ndim(x)
    if np.shape(x) == shape:
        return x
    return BroadcastInDim(shape, tuple(range(start, len(shape))))(x)
