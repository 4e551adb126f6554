"""Random bits by counters, with the algorithm and its state in the program's hands."""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from math import prod
from typing import Any, final

import numpy as np

from gradax import dtypes, kernel
from gradax.core.aval import Aval
from gradax.core.op import Op, operation, unsupported
from gradax.core.tangent import Zero
from gradax.core.value import as_value
from gradax.errors import DtypeError, at_user_line, require
from gradax.kernel.meanings import meaning
from gradax.lax.convert import BitcastConvertType, ConvertElementType
from gradax.lax.operands import operands as as_operands
from gradax.lax.shapes import Reshape

U32, U64 = np.dtype(np.uint32), np.dtype(np.uint64)
UNSIGNED = ("uint8", "uint16", "uint32", "uint64")
# Philox4x32 with ten rounds. Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy
# as 1, 2, 3" (SC 2011), as is Threefry-2x32 with twenty.
PHILOX_ROUNDS, PHILOX_FACTORS, PHILOX_STEPS = 10, (0xD2511F53, 0xCD9E8D57), (0x9E3779B9, 0xBB67AE85)
ROTATIONS, PARITY = ((13, 15, 26, 6), (17, 29, 16, 24)), 0x1BD11BDA

Apply = Callable[..., Any]
Convert = Callable[[Any, Any], Any]


class RandomAlgorithm(enum.IntEnum):
    """How bits are made; the default is Philox."""

    RNG_DEFAULT = 0
    RNG_THREE_FRY = 1
    RNG_PHILOX = 2

    def __str__(self) -> str:
        return self.name


def apply_to_arrays(fn: str, *args: Any) -> Any:
    """Apply a kernel function to NumPy arrays and numbers of their dtype."""
    dtype = next(x.dtype for x in args if isinstance(x, np.ndarray))
    return meaning(fn)(*(x if isinstance(x, np.ndarray) else np.asarray(x, dtype) for x in args))


def convert_arrays(x: Any, dtype: Any) -> Any:
    """Convert NumPy's integers, keeping the low bits."""
    return np.asarray(x).astype(dtype)


def words_of(convert: Convert, apply: Apply, x: Any) -> tuple[Any, Any]:
    """Return the low and the high half of 64 bits."""
    return convert(x, U32), convert(apply("shr", x, 32), U32)


def joined(convert: Convert, apply: Apply, low: Any, high: Any) -> Any:
    """Return two halves as 64 bits."""
    return apply("or", convert(low, U64), apply("shl", convert(high, U64), 32))


def philox(apply: Apply, convert: Convert, key: Sequence[Any], counter: Sequence[Any]) -> list[Any]:
    """Return the four words of a block."""
    c, k = list(counter), list(key)
    for _ in range(PHILOX_ROUNDS):
        low_0, high_0, low_1, high_1 = (
            half
            for factor, x in zip(PHILOX_FACTORS, (c[0], c[2]), strict=True)
            for half in words_of(convert, apply, apply("mul", convert(x, U64), factor))
        )
        c = [
            apply("xor", apply("xor", high_1, c[1]), k[0]), low_1,
            apply("xor", apply("xor", high_0, c[3]), k[1]), low_0,
        ]  # fmt: skip
        k = [apply("add", x, step) for x, step in zip(k, PHILOX_STEPS, strict=True)]
    return c


def threefry(
    apply: Apply, convert: Convert, key: Sequence[Any], counter: Sequence[Any]
) -> list[Any]:
    """Return the two words of a block."""
    del convert
    keys = (*key, apply("xor", apply("xor", *key), PARITY))
    x, y = (apply("add", c, k) for c, k in zip(counter, key, strict=True))
    for group in range(5):
        for amount in ROTATIONS[group % 2]:
            x = apply("add", x, y)
            y = apply("or", apply("shl", y, amount), apply("shr", y, 32 - amount))
            y = apply("xor", y, x)
        x = apply("add", x, keys[(group + 1) % 3])
        y = apply("add", y, apply("add", keys[(group + 2) % 3], group + 1))
    return [x, y]


@final
@operation
class RngBitGenerator(Op):
    """Make random bits of a state, and the state after them.

    Shapes: u32[4] -> u32[4], dtype[shape]. The state's first half is the key, the second a counter.
    """

    shape: tuple[int, ...]
    dtype: Any
    algorithm: RandomAlgorithm

    multiple_results = True

    def infer(self, *avals: Aval) -> tuple[Aval, Aval]:
        (key,) = avals
        require(key.dtype == U32 and key.shape == (4,), self, "a state of uint32[4]", key)
        return key, Aval(self.shape, self.dtype)

    def jvp(self, primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
        outs = self(*primals)
        return outs, tuple(Zero(Aval(x.shape, dtypes.float0)) for x in outs)

    transpose = unsupported("random bits are not linear in anything")
    batch = unsupported("each state of a batch needs bits of its own; gradax.random maps over keys")

    @property
    def is_wide(self) -> bool:
        """Whether an element takes two words."""
        return np.dtype(self.dtype) == U64

    @property
    def split_axis(self) -> int:
        """The axis along which the two words of Threefry's blocks lie: an even one, or a long."""
        shape = self.shape
        even = [i for i, n in enumerate(shape) if n % 2 == 0]
        return even[0] if even else int(np.argmax(shape))

    @property
    def halved(self) -> tuple[int, ...]:
        """The shape of Threefry's blocks."""
        if self.is_wide or not self.shape:
            return self.shape
        axis = self.split_axis
        return tuple((n + 1) // 2 if i == axis else n for i, n in enumerate(self.shape))

    @property
    def n_blocks(self) -> int:
        """By how much the counter is advanced."""
        if self.algorithm is RandomAlgorithm.RNG_THREE_FRY:
            return prod(self.halved)
        return -(-prod(self.shape) * (2 if self.is_wide else 1) // 4)

    def element(self, apply: Apply, convert: Convert, state: Sequence[Any], at: Any) -> Any:
        """Return the bits at the indices `at` (64-bit integers)."""
        if self.algorithm is RandomAlgorithm.RNG_THREE_FRY:
            return self.of_threefry(apply, convert, state, at)
        position: Any = None
        for i, n in zip(at, self.shape, strict=True):
            position = i if position is None else apply("add", apply("mul", position, n), i)
        per_block = 2 if self.is_wide else 4
        block = apply("div", position, per_block)
        start = joined(convert, apply, state[2], state[3])
        low = apply("add", start, convert(block, U64))
        # The counter has 128 bits, of which the key is the upper half.
        carry = convert(apply("lt", low, start), U64)
        high = apply("add", joined(convert, apply, state[0], state[1]), carry)
        counter = (*words_of(convert, apply, low), *words_of(convert, apply, high))
        words = philox(apply, convert, state[:2], counter)
        place = apply("rem", position, per_block)
        if self.is_wide:
            pairs = [joined(convert, apply, *words[k : k + 2]) for k in (0, 2)]
            return apply("select", apply("eq", place, 0), *pairs)
        is_low = apply("lt", place, 2)
        is_even = apply("eq", apply("rem", place, 2), 0)
        first = apply("select", is_low, words[0], words[2])
        second = apply("select", is_low, words[1], words[3])
        return convert(apply("select", is_even, first, second), self.dtype)

    def of_threefry(self, apply: Apply, convert: Convert, state: Sequence[Any], at: Any) -> Any:
        """Return Threefry's bits at the indices `at`."""
        axis = None if self.is_wide or not self.shape else self.split_axis
        position: Any = None
        for k, (i, n) in enumerate(zip(at, self.halved, strict=True)):
            i = apply("div", i, 2) if k == axis else i
            position = i if position is None else apply("add", apply("mul", position, n), i)
        start = joined(convert, apply, state[2], state[3])
        counter = words_of(convert, apply, apply("add", start, convert(position, U64)))
        first, second = threefry(apply, convert, state[:2], counter)
        if self.is_wide:
            return joined(convert, apply, first, second)
        if axis is None:
            return convert(first, self.dtype)
        is_first = apply("eq", apply("rem", at[axis], 2), 0)
        return convert(apply("select", is_first, first, second), self.dtype)

    def lower(self, *operands: kernel.Tensor) -> Any:
        (key,) = operands
        words = [key[(kernel.const(k, kernel.INT),)] for k in range(4)]
        zero = kernel.const(0, kernel.INT)

        def bits(*at: kernel.Scalar) -> kernel.Scalar:
            return self.element(kernel.apply, kernel.convert, words, at or (zero,))

        def state(i: kernel.Scalar) -> kernel.Scalar:
            counter = joined(kernel.convert, kernel.apply, words[2], words[3])
            after = kernel.apply("add", counter, self.n_blocks)
            low, high = words_of(kernel.convert, kernel.apply, after)
            new = kernel.select(kernel.apply("eq", i, 2), low, high)
            return kernel.select(kernel.apply("lt", i, 2), key[(i,)], new)

        op = self if self.shape else RngBitGenerator((1,), self.dtype, self.algorithm)
        if op is not self:
            return op.lower(key)[0], kernel.reshape(op.lower(key)[1], ())
        return kernel.compute((4,), state), kernel.compute(self.shape, bits)

    def reference(self, *operands: Any) -> Any:
        key = np.asarray(operands[0])
        words = [key[k : k + 1] for k in range(4)]
        at = [x.reshape(-1) for x in np.indices(self.shape or (1,), np.int64)]
        op = self if self.shape else RngBitGenerator((1,), self.dtype, self.algorithm)
        with np.errstate(over="ignore"):
            bits = op.element(apply_to_arrays, convert_arrays, words, at)
            after = joined(convert_arrays, apply_to_arrays, words[2], words[3])
            after = apply_to_arrays("add", after, self.n_blocks)
        new = np.concatenate([key[:2], *words_of(convert_arrays, apply_to_arrays, after)])
        return new, np.asarray(bits, self.dtype).reshape(self.shape)

    def printed_params(self) -> dict[str, Any]:
        dtype = np.dtype(self.dtype).name
        return {"algorithm": self.algorithm, "dtype": dtype, "shape": self.shape}


def rng_bit_generator(
    key: Any,
    shape: Sequence[int],
    dtype: Any = np.uint32,
    algorithm: RandomAlgorithm = RandomAlgorithm.RNG_DEFAULT,
    *,
    out_sharding: Any = None,
) -> tuple[Any, Any]:
    """Return the state after, and random bits of `shape`: an unsigned dtype.

    Shapes: key: u32[4] or u64[2]. The default algorithm's bits are those of RNG_PHILOX.
    Errors: TypeError for another state or dtype.
    """
    state = as_value(key)
    out = dtypes.canonicalize_dtype(dtype)
    if out.name not in UNSIGNED:
        raise DtypeError(
            f"rng_bit_generator: expected one of {', '.join(UNSIGNED)}; got {out.name}"
            f"{at_user_line()}"
        )
    op = RngBitGenerator(tuple(map(int, shape)), out, RandomAlgorithm(algorithm))
    if state.dtype != U64 or state.shape != (2,):
        return op(state)
    halves = Reshape((4,))(BitcastConvertType(U32)(state))
    after, bits = op(halves)
    return BitcastConvertType(U64)(Reshape((2, 2))(after)), bits


@final
@operation
class RngUniform(Op):
    """Make random numbers between two bounds: the same ones at each evaluation of a program.

    Shapes: two of T[] -> T[shape]; floats lie in [a, b), integers too.
    """

    shape: tuple[int, ...]

    def infer(self, *avals: Aval) -> Aval:
        a, b = avals
        fits = a.shape == b.shape == () and a.dtype == b.dtype
        require(fits, self, "two numbers of one dtype", a, b)
        return Aval(self.shape, a.dtype, a.weak_type and b.weak_type)

    def jvp(self, primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
        out = self(*primals)
        tangent = out.aval if dtypes.issubdtype(out.dtype, np.inexact) else None
        return out, Zero(tangent or Aval(out.shape, dtypes.float0))

    transpose = unsupported("random numbers are not linear in anything")
    batch = unsupported("each pair of bounds needs numbers of its own")

    def bits(self) -> RngBitGenerator:
        """Return the generator that is drawn from."""
        return RngBitGenerator(self.shape or (1,), U32, RandomAlgorithm.RNG_DEFAULT)

    def number(self, apply: Apply, convert: Convert, word: Any, a: Any, b: Any) -> Any:
        """Return the number in [a, b) that a word gives."""
        if not dtypes.issubdtype(a.dtype, np.floating):
            width = convert(apply("sub", b, a), U64)
            scaled = apply("shr", apply("mul", convert(word, U64), width), 32)
            return apply("add", a, convert(scaled, a.dtype))
        wide = np.dtype(np.float64 if a.dtype == np.float64 else np.float32)
        unit = apply("mul", convert(apply("shr", word, 8), wide), 2.0**-24)
        low, high = convert(a, wide), convert(b, wide)
        return convert(apply("add", low, apply("mul", unit, apply("sub", high, low))), a.dtype)

    def lower(self, *operands: kernel.Tensor) -> Any:
        a, b = (x[()] for x in operands)
        key = [kernel.const(k, U32) for k in (0, 0, 0, 0)]
        zero = kernel.const(0, kernel.INT)

        def at(*i: kernel.Scalar) -> kernel.Scalar:
            word = self.bits().element(kernel.apply, kernel.convert, key, i or (zero,))
            return self.number(kernel.apply, kernel.convert, word, a, b)

        return kernel.compute(self.shape, at)

    def reference(self, *operands: Any) -> Any:
        a, b = (np.asarray(x).reshape(1) for x in operands)
        word = self.bits().reference(np.zeros(4, U32))[1].reshape(-1)
        out = self.number(apply_to_arrays, convert_arrays, word, a, b)
        return np.asarray(out).reshape(self.shape)


def rng_uniform(a: Any, b: Any, shape: Sequence[int]) -> Any:
    """Return random numbers in [a, b) without a key: the same at each call.

    Keys of `gradax.random` are what a program should draw from.
    """
    low, high = as_operands(a, b)
    low, high = as_value(low), as_value(high)
    if low.dtype != high.dtype:
        kind = dtypes.promote_types(low.dtype, high.dtype)
        low, high = (ConvertElementType(kind, False)(x) for x in (low, high))
    return RngUniform(tuple(map(int, shape)))(low, high)
