"""Operations on keys: making, splitting and folding in, the bits of a key, its words.

An array of keys of shape s is stored as uint64[s], the first word in the low half. Bits and new
keys come after the axes that the keys have.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any, final

import numpy as np

from gradax import dtypes, kernel
from gradax.core.aval import Aval, Shape
from gradax.core.op import Op, operation, unsupported
from gradax.core.tangent import Zero
from gradax.errors import ShapeError, at_user_line, require
from gradax.lax.families import aligned
from gradax.lax.shapes import move_batch_axis
from gradax.random.threefry import INDEX, ON_ARRAYS, ON_KERNELS, U32, U64, Words, block, word

MAX_COUNT = 2**32
UNSIGNED = {8: np.dtype(np.uint8), 16: np.dtype(np.uint16), 32: U32, 64: U64}


class KeyOp(Op):
    """An operation on keys, which has no derivative."""

    def jvp(self, primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
        """Random bits are constant in everything."""
        out = self(*primals)
        return out, Zero(Aval(out.shape, dtypes.float0))

    transpose = unsupported("random bits are not linear in anything")

    def batch(self, args: tuple[Any, ...], dims: tuple[int | None, ...]) -> Any:
        """Apply to keys with one more leading axis."""
        return self(to_front(args[0], dims[0])), 0


class Expansion(KeyOp):
    """An operation that makes an array of `shape` of each key."""

    shape: Shape

    def element(self, on: Words, key: tuple[Any, Any], i: Any) -> Any:
        """Return the element at a row-major position of the result."""
        raise NotImplementedError

    def lower(self, *operands: kernel.Tensor) -> Any:
        """Compute each element of its position."""
        (keys,) = operands
        n = keys.ndim

        def at(*indices: kernel.Scalar) -> kernel.Scalar:
            words = ON_KERNELS.key_words(keys[indices[:n]])
            return self.element(ON_KERNELS, words, position(indices[n:], self.shape))

        return kernel.compute((*keys.shape, *self.shape), at)

    def reference(self, *operands: Any) -> Any:
        """Compute each element of its position."""
        keys = np.asarray(operands[0])
        dtype = U32 if prod(self.shape) < MAX_COUNT else INDEX
        places = np.arange(prod(self.shape), dtype=dtype).reshape(self.shape)
        words = ON_ARRAYS.key_words(keys.reshape(keys.shape + (1,) * len(self.shape)))
        with np.errstate(over="ignore"):
            out = self.element(ON_ARRAYS, words, places)
        return np.broadcast_to(out, (*keys.shape, *self.shape))


def position(indices: Sequence[kernel.Scalar], shape: Shape) -> kernel.Scalar:
    """Return the row-major position of indices, in 32 bits where that is enough."""
    dtype = U32 if prod(shape) < MAX_COUNT else INDEX
    out: kernel.Scalar = kernel.const(0, dtype)
    for i, n in zip(indices, shape, strict=True):
        out = out * n + kernel.convert(i, dtype)
    return out


def check_count(op: Op, n_words: int, shape: Shape) -> None:
    """Refuse more words than there are counters."""
    if n_words > MAX_COUNT:
        raise ShapeError(
            f"{op.name}: at most 2**32 words of random bits at once; the shape {shape} takes"
            f" {n_words}.{at_user_line()}\nSplit the key and draw several arrays."
        )


@final
@operation
class RandomBits(Expansion):
    """Make unsigned integers of `bit_width` random bits of each key.

    Shapes: key[s] -> uint{bit_width}[s, shape].
    """

    bit_width: int
    shape: Shape
    partitionable: bool = False

    def infer(self, *avals: Aval) -> Aval:
        (x,) = avals
        require(dtypes.is_extended(x.dtype), self, "typed keys", x)
        check_count(self, self.n_words, self.shape)
        return Aval((*x.shape, *self.shape), UNSIGNED[self.bit_width])

    @property
    def n_words(self) -> int:
        """The number of 32-bit words that the older stream takes."""
        return -(-self.bit_width * prod(self.shape) // 32)

    def element(self, on: Words, key: tuple[Any, Any], i: Any) -> Any:
        unsigned = UNSIGNED[self.bit_width]
        if self.partitionable:
            high, low = block(on, *key, on.convert(i * 0, U32), on.convert(i, U32))
            return (
                on.joined(low, high) if self.bit_width == 64 else on.convert(high ^ low, unsigned)
            )
        if self.bit_width == 64:
            half = self.n_words // 2
            places = (on.convert(i, U32), on.convert(on.apply("add", i, half), U32))
            high, low = block(on, *key, *places)
            return on.joined(low, high)
        if self.bit_width == 32:
            return word(on, key, i, self.n_words)
        per_word = 32 // self.bit_width
        whole = word(on, key, on.apply("div", i, per_word), self.n_words)
        amount = on.convert(on.apply("rem", i, per_word), U32) * np.uint32(self.bit_width)
        return on.convert(on.apply("shr", whole, amount), unsigned)

    def printed_params(self) -> dict[str, Any]:
        return {"bit_width": self.bit_width, "shape": self.shape}


@final
@operation
class RandomSplit(Expansion):
    """Make new keys of each key.

    Shapes: key[s] -> key[s, shape].
    """

    shape: Shape
    partitionable: bool = False

    def infer(self, *avals: Aval) -> Aval:
        (x,) = avals
        require(dtypes.is_extended(x.dtype), self, "typed keys", x)
        check_count(self, 2 * prod(self.shape), self.shape)
        return x.update(shape=(*x.shape, *self.shape))

    def element(self, on: Words, key: tuple[Any, Any], i: Any) -> Any:
        if self.partitionable:
            return on.joined(*block(on, *key, on.convert(i * 0, U32), on.convert(i, U32)))
        n_words = 2 * prod(self.shape)
        first = on.apply("mul", i, 2)
        places = (first, on.apply("add", first, 1))
        return on.joined(*(word(on, key, place, n_words) for place in places))

    def printed_params(self) -> dict[str, Any]:
        return {"shape": self.shape}


class KeyElementwise(KeyOp):
    """Keys made element by element."""

    def element(self, on: Words, *xs: Any) -> Any:
        """Return a stored key."""
        raise NotImplementedError

    def lower(self, *operands: kernel.Tensor) -> Any:
        """Compute each key."""
        return kernel.elementwise(lambda *xs: self.element(ON_KERNELS, *xs), *operands)

    def reference(self, *operands: Any) -> Any:
        """Compute each key."""
        with np.errstate(over="ignore"):
            return np.asarray(self.element(ON_ARRAYS, *map(np.asarray, operands)))


@final
@operation
class RandomFoldIn(KeyElementwise):
    """Make a key of each key and number.

    Shapes: key[s], u32[s] or u32[] -> key[s].
    """

    def infer(self, *avals: Aval) -> Aval:
        keys, data = avals
        fits = dtypes.is_extended(keys.dtype) and data.dtype == U32
        fits = fits and (data.shape in ((), keys.shape) or not keys.shape)
        require(fits, self, "typed keys and as many uint32 numbers", *avals)
        return keys.update(shape=keys.shape or data.shape)

    def batch(self, args: tuple[Any, ...], dims: tuple[int | None, ...]) -> Any:
        size = next(x.shape[d] for x, d in zip(args, dims, strict=True) if d is not None)
        ranks = [np.ndim(x) - (d is not None) for x, d in zip(args, dims, strict=True)]
        big = ranks[0] < ranks[1]
        shape = tuple(n for i, n in enumerate(np.shape(args[big])) if i != dims[big])
        return self(*(aligned(x, d, size, shape) for x, d in zip(args, dims, strict=True))), 0

    def element(self, on: Words, *xs: Any) -> Any:
        key, data = xs
        return on.joined(*block(on, *on.key_words(key), data ^ data, data))


@final
@operation
class RandomSeed(KeyElementwise):
    """Make keys of integers: the second word is the low half, the first the high half, if any.

    Shapes: T[s], T an integer -> key[s].
    """

    impl: Any

    def infer(self, *avals: Aval) -> Aval:
        (x,) = avals
        require(dtypes.issubdtype(x.dtype, np.integer), self, "integers", x)
        return Aval(x.shape, self.impl)

    def element(self, on: Words, *xs: Any) -> Any:
        (seed,) = xs
        if seed.dtype.itemsize < 8:
            return on.convert(on.convert(seed, U32), U64) << np.uint64(32)
        bits = on.convert(seed, U64)
        return (bits << np.uint64(32)) | (bits >> np.uint64(32))


@final
@operation
class RandomWrap(KeyOp):
    """Make typed keys of raw ones.

    Shapes: u32[s, 2] -> key<fry>[s].
    """

    impl: Any

    def infer(self, *avals: Aval) -> Aval:
        (x,) = avals
        fits = x.dtype == U32 and x.ndim > 0 and x.shape[-1:] == self.impl.key_shape
        require(fits, self, f"uint32 with a last axis of {self.impl.key_shape[0]}", x)
        return Aval(x.shape[:-1], self.impl)

    def lower(self, *operands: kernel.Tensor) -> Any:
        (x,) = operands

        def at(*i: kernel.Scalar) -> kernel.Scalar:
            return ON_KERNELS.joined(*(x[(*i, kernel.const(k, kernel.INT))] for k in (0, 1)))

        return kernel.compute(x.shape[:-1], at)

    def reference(self, *operands: Any) -> Any:
        x = np.ascontiguousarray(operands[0])
        return x.view(U64).reshape(x.shape[:-1])


@final
@operation
class RandomUnwrap(KeyOp):
    """Read the words of typed keys.

    Shapes: key<fry>[s] -> u32[s, 2].
    """

    def infer(self, *avals: Aval) -> Aval:
        (x,) = avals
        require(dtypes.is_extended(x.dtype), self, "typed keys", x)
        return Aval((*x.shape, *x.dtype.key_shape), U32)

    def lower(self, *operands: kernel.Tensor) -> Any:
        (x,) = operands

        def at(*i: kernel.Scalar) -> kernel.Scalar:
            low, high = ON_KERNELS.key_words(x[i[:-1]])
            return kernel.select(kernel.apply("eq", i[-1], 0), low, high)

        return kernel.compute((*x.shape, 2), at)

    def reference(self, *operands: Any) -> Any:
        x = np.asarray(operands[0])
        return np.ascontiguousarray(x.reshape(-1)).view(U32).reshape((*x.shape, 2))


def to_front(x: Any, dim: int | None) -> Any:
    """Move the mapped axis to the front."""
    return move_batch_axis(x, 0 if dim is None else dim, 0)
