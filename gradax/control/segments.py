"""Scans that keep a carry every so many steps, and compute what lies between again."""

from __future__ import annotations

from collections.abc import Sequence
from math import isqrt
from typing import TYPE_CHECKING, Any

from gradax.control.checkpoint import Checkpoint
from gradax.core.aval import with_axis
from gradax.core.jaxpr import Jaxpr
from gradax.core.staging import stage
from gradax.core.value import as_value
from gradax.errors import ArgumentError, at_user_line
from gradax.lax.joining import Concatenate
from gradax.lax.reshaping import Reshape
from gradax.lax.slicing import slice_in_dim
from gradax.records import replace
from gradax.sizes import likely
from gradax.transforms.jvp import inline

if TYPE_CHECKING:
    from gradax.control.scan import Scan


def segment_length(given: Any, length: int) -> int:
    """Return the number of steps between kept carries that `checkpoint` of a scan asks for.

    Errors: ValueError unless it is a positive integer or "auto": the square root of the length.
    """
    if isinstance(given, str) and given == "auto":
        return max(1, isqrt(max(likely(length) - 1, 0)) + 1)
    if isinstance(given, (bool, str)) or not hasattr(given, "__index__") or int(given) < 1:
        raise ArgumentError(
            'scan: checkpoint is a number of steps, 1 or more, between kept carries, or "auto"; got'
            f" {given!r}.{at_user_line()}"
        )
    return int(given)


def scan_segments(op: Scan, operands: Sequence[Any], size: int) -> tuple[Any, ...]:
    """Run a scan in segments of `size` steps, each checkpointed; what is left over comes last."""
    consts, carry, xs = op.parts(list(map(as_value, operands)))
    n_segments, rest = divmod(op.length, size)
    if n_segments < 2:
        return op(*operands)
    # A reverse scan begins at the end, so what is left over lies in front.
    begin, end = (rest, op.length) if op.reverse else (0, n_segments * size)
    first = [cut(x, begin, end, op.length) for x in xs]
    folded = [Reshape((n_segments, size, *x.shape[1:]))(x) for x in first]
    outer = replace(op, jaxpr=segment_body(op, size), length=n_segments, unroll=1)
    outs = outer(*consts, *carry, *folded)
    carry, ys = outs[: op.num_carry], outs[op.num_carry :]
    ys = [Reshape((n_segments * size, *y.shape[2:]))(y) for y in ys]
    if not rest:
        return (*carry, *ys)
    low, high = (0, rest) if op.reverse else (n_segments * size, op.length)
    last = [cut(x, low, high, op.length) for x in xs]
    outs = replace(op, length=rest)(*consts, *carry, *last)
    pairs = zip(outs[op.num_carry :], ys, strict=True)
    joined = [Concatenate(0)(*((b, a) if not op.reverse else (a, b))) for a, b in pairs]
    return (*outs[: op.num_carry], *joined)


def segment_body(op: Scan, size: int) -> Jaxpr:
    """Return the body of the outer loop: a checkpointed scan of one segment."""

    def make() -> Jaxpr:
        consts, carry, xs = op.parts(op.jaxpr.in_avals)
        avals = (*consts, *carry, *(with_axis(a, size, 0) for a in xs))
        inner = inline(stage(replace(op, length=size), avals, op.jaxpr.debug_name))
        call = Checkpoint(inner, True, False, None)
        return inline(stage(call, avals, op.jaxpr.debug_name))

    return op.jaxpr.memo(("segment", size, op.reverse, op.num_consts, op.num_carry), make)


def cut(x: Any, begin: int, end: int, length: int) -> Any:
    """Return some rows of an array, itself when these are all."""
    return x if (begin, end) == (0, length) else slice_in_dim(x, begin, end)
