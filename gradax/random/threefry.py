"""Threefry-2x32: a counter-based generator.

Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3" (SC 2011), 20
rounds.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, final

import numpy as np

from gradax import dtypes, kernel
from gradax.core.aval import Aval
from gradax.core.op import Op, operation, unsupported
from gradax.core.tangent import Zero
from gradax.errors import require
from gradax.kernel.meanings import meaning
from gradax.lax.families import aligned, common_shape
from gradax.records import record
from gradax.sizes import is_open

U32, U64, INDEX = np.dtype(np.uint32), np.dtype(np.uint64), np.dtype(np.int64)
ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
PARITY = 0x1BD11BDA
ROUND_GROUPS = 5


@record
class Words:
    """What integer formulas use besides operators: for kernel scalars, or for NumPy arrays."""

    apply: Callable[..., Any]
    convert: Callable[[Any, Any], Any]

    def where(self, condition: Any, yes: Any, no: Any) -> Any:
        """Choose between values."""
        return self.apply("select", condition, yes, no)

    def rotate(self, x: Any, amount: int) -> Any:
        """Rotate 32 bits to the left."""
        return (x << np.uint32(amount)) | (x >> np.uint32(32 - amount))

    def key_words(self, key: Any) -> tuple[Any, Any]:
        """Return the two words of a stored key."""
        return self.convert(key & np.uint64(0xFFFFFFFF), U32), self.convert(
            key >> np.uint64(32), U32
        )

    def joined(self, low: Any, high: Any) -> Any:
        """Return two words as one of 64 bits."""
        return self.convert(low, U64) | (self.convert(high, U64) << np.uint64(32))


def numpy_apply(fn: str, *args: Any) -> Any:
    """Apply a kernel function to arrays; Python numbers take the dtype of the arrays there."""
    arrays = args[1:] if fn == "select" else args
    dtype = next(x.dtype for x in arrays if not isinstance(x, (int, float)))
    return meaning(fn)(*(np.asarray(x, dtype) if isinstance(x, (int, float)) else x for x in args))


ON_KERNELS = Words(kernel.apply, kernel.convert)
ON_ARRAYS = Words(numpy_apply, lambda x, dtype: np.asarray(x).astype(dtype))


def block(on: Words, k0: Any, k1: Any, x0: Any, x1: Any) -> tuple[Any, Any]:
    """Return the block of the counters (x0, x1) under the key (k0, k1)."""
    keys = (k0, k1, k0 ^ k1 ^ np.uint32(PARITY))
    x0, x1 = x0 + keys[0], x1 + keys[1]
    for group in range(ROUND_GROUPS):
        for amount in ROTATIONS[group % 2]:
            x0 = x0 + x1
            x1 = on.rotate(x1, amount) ^ x0
        x0 = x0 + keys[(group + 1) % 3]
        # The key's part first: it is the same for all counters.
        x1 = x1 + (keys[(group + 2) % 3] + np.uint32(group + 1))
    return x0, x1


def word(on: Words, key: tuple[Any, Any], i: Any, n_words: int) -> Any:
    """Return word i of the older stream's n: the counters 0 … n-1, first half against second.

    An odd count is filled with a zero counter.
    """
    half = (n_words + 1) // 2
    i = on.convert(i, U32)
    is_second = on.apply("ge", i, half)
    first = on.where(is_second, on.apply("sub", i, half), i)
    second = on.apply("add", first, half)
    if is_open(n_words) or n_words % 2:
        second = on.where(on.apply("ge", second, n_words), 0, second)
    x0, x1 = block(on, *key, first, second)
    return on.where(is_second, x1, x0)


@final
@operation
class Threefry2x32(Op):
    """Encrypt the counters (x0, x1) under the keys (k0, k1).

    Shapes: four of u32[s] or u32[] -> two of u32[s].
    """

    name = "threefry2x32"
    multiple_results = True

    def infer(self, *avals: Aval) -> tuple[Aval, Aval]:
        require(all(a.dtype == U32 for a in avals), self, "four uint32 operands", *avals)
        out = Aval(common_shape(self, *avals), U32)
        return out, out

    def jvp(self, primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
        outs = self(*primals)
        return outs, tuple(Zero(Aval(x.shape, dtypes.float0)) for x in outs)

    transpose = unsupported("random bits are not linear in anything")

    def batch(self, args: tuple[Any, ...], dims: tuple[int | None, ...]) -> Any:
        size = next(x.shape[d] for x, d in zip(args, dims, strict=True) if d is not None)
        shapes = [
            tuple(n for i, n in enumerate(np.shape(x)) if i != d)
            for x, d in zip(args, dims, strict=True)
        ]
        shape = next((s for s in shapes if s), ())
        return self(*(aligned(x, d, size, shape) for x, d in zip(args, dims, strict=True))), (0, 0)

    def lower(self, *operands: kernel.Tensor) -> Any:
        def part(which: int) -> kernel.Tensor:
            return kernel.elementwise(lambda *xs: block(ON_KERNELS, *xs)[which], *operands)

        return part(0), part(1)

    def reference(self, *operands: Any) -> Any:
        with np.errstate(over="ignore"):
            x0, x1 = block(ON_ARRAYS, *np.broadcast_arrays(*operands))
        return np.asarray(x0), np.asarray(x1)
