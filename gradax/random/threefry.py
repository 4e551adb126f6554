"""Threefry-2x32: a counter-based generator, as an operation over four arrays of uint32.

Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3" (SC 2011), 20 rounds.
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
from gradax.lax.families import aligned, common_shape
from gradax.lax.shapes import move_batch_axis

U32 = np.dtype(np.uint32)
ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
PARITY = 0x1BD11BDA
ROUND_GROUPS = 5


def rounds(
    k0: Any, k1: Any, x0: Any, x1: Any, rotate: Callable[[Any, int], Any], word: Any
) -> tuple[Any, Any]:
    """Return the two words of the block, given how to rotate and how to make a constant."""
    keys = (k0, k1, k0 ^ k1 ^ word(PARITY))
    x0, x1 = x0 + keys[0], x1 + keys[1]
    for group in range(ROUND_GROUPS):
        for amount in ROTATIONS[group % 2]:
            x0 = x0 + x1
            x1 = rotate(x1, amount) ^ x0
        x0 = x0 + keys[(group + 1) % 3]
        x1 = x1 + keys[(group + 2) % 3] + word(group + 1)
    return x0, x1


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
        moved = [aligned(x, d, size, shape) for x, d in zip(args, dims, strict=True)]
        return self(*moved), (0, 0)

    def lower(self, *operands: kernel.Tensor) -> Any:
        def rotate(x: kernel.Scalar, amount: int) -> kernel.Scalar:
            left = kernel.apply("shl", x, amount)
            return kernel.apply("or", left, kernel.apply("shr", x, 32 - amount))

        def part(which: int) -> kernel.Tensor:
            return kernel.elementwise(
                lambda *xs: rounds(*xs, rotate, lambda v: kernel.const(v, U32))[which],  # type: ignore[call-arg]
                *operands,
            )

        return part(0), part(1)

    def reference(self, *operands: Any) -> Any:
        def rotate(x: Any, amount: int) -> Any:
            return (x << np.uint32(amount)) | (x >> np.uint32(32 - amount))

        with np.errstate(over="ignore"):
            x0, x1 = rounds(*np.broadcast_arrays(*operands), rotate, np.uint32)  # type: ignore[call-arg]
        return np.asarray(x0), np.asarray(x1)


@final
@operation
class RandomWrap(Op):
    """Make typed keys of raw ones.

    Shapes: u32[s, 2] -> key<fry>[s].
    """

    impl: Any

    def infer(self, *avals: Aval) -> Aval:
        (x,) = avals
        fits = x.dtype == U32 and x.ndim > 0 and x.shape[-1] == self.impl.key_shape[0]
        require(fits, self, f"uint32 with a last axis of {self.impl.key_shape[0]}", x)
        return Aval(x.shape[:-1], self.impl)

    def jvp(self, primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
        out = self(*primals)
        return out, Zero(Aval(out.shape, dtypes.float0))

    transpose = unsupported("keys are not linear in anything")

    def batch(self, args: tuple[Any, ...], dims: tuple[int | None, ...]) -> Any:
        return self(to_front(args[0], dims[0])), 0

    def lower(self, *operands: kernel.Tensor) -> Any:
        return kernel.View(operands[0], operands[0].shape[:-1], np.uint64)

    def reference(self, *operands: Any) -> Any:
        x = np.ascontiguousarray(operands[0])
        return x.view(np.uint64).reshape(x.shape[:-1])


@final
@operation
class RandomUnwrap(Op):
    """Read the words of typed keys.

    Shapes: key<fry>[s] -> u32[s, 2].
    """

    def infer(self, *avals: Aval) -> Aval:
        (x,) = avals
        require(dtypes.is_extended(x.dtype), self, "typed keys", x)
        return Aval((*x.shape, *x.dtype.key_shape), U32)

    def jvp(self, primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
        out = self(*primals)
        return out, Zero(Aval(out.shape, dtypes.float0))

    transpose = unsupported("keys are not linear in anything")

    def batch(self, args: tuple[Any, ...], dims: tuple[int | None, ...]) -> Any:
        return self(to_front(args[0], dims[0])), 0

    def lower(self, *operands: kernel.Tensor) -> Any:
        return kernel.View(operands[0], (*operands[0].shape, 2), U32)

    def reference(self, *operands: Any) -> Any:
        x = np.ascontiguousarray(operands[0])
        return x.reshape(-1).view(U32).reshape((*np.shape(operands[0]), 2))


def to_front(x: Any, dim: int | None) -> Any:
    """Move the mapped axis to the front."""
    return move_batch_axis(x, 0 if dim is None else dim, 0)
