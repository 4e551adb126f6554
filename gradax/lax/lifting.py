"""Values made ready: lifted into a program, shaped like others, ordered by tokens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gradax import dtypes
from gradax.core.staging import StagedTracer, StagingTrace
from gradax.core.tracer import Tracer
from gradax.core.value import as_value, aval_of
from gradax.errors import source_line
from gradax.lax.barriers import OptimizationBarrier
from gradax.lax.families import incompatible
from gradax.lax.shapes import BroadcastInDim, Reshape
from gradax.native import get_trace

BOOL = np.dtype(np.bool_)


def dtype(x: Any) -> Any:
    """Return the dtype of an array or a number, or the canonical one that a dtype names."""
    return dtypes.dtype_of(x)


def stage(x: Any, /) -> Any:
    """Return `x` as a value of the program that is being traced; else as an array."""
    value = as_value(x)
    trace = get_trace()
    if isinstance(trace, StagingTrace) and not isinstance(value, Tracer):
        return StagedTracer(trace, trace.constant(value, value.aval), source_line())
    return value


def shape_as_value(shape: Sequence[int]) -> Any:
    """Return a shape as an array of int32."""
    return as_value(np.asarray(tuple(shape), np.int32))


def broadcast_like(arr: Any, like_arr: Any) -> Any:
    """Return `arr` broadcast to the shape of `like_arr`.

    Errors: TypeError when it does not fit.
    """
    x, shape = as_value(arr), aval_of(like_arr).shape
    n_new = len(shape) - x.ndim
    pairs = list(zip(x.shape, shape[max(n_new, 0) :], strict=False))
    if n_new < 0 or any(m not in (1, n) for m, n in pairs):
        raise incompatible("broadcast_like", x.shape, shape)
    kept = [i for i, (m, n) in enumerate(pairs) if m == n]
    if len(kept) < x.ndim:
        x = Reshape(tuple(x.shape[i] for i in kept))(x)
    return BroadcastInDim(shape, tuple(n_new + i for i in kept))(x)


def create_token(_: Any = None) -> Any:
    """Return a token: an empty array, which orders what has no other connection."""
    return as_value(np.zeros((0,), BOOL))


def after_all(*operands: Any) -> Any:
    """Return a token that is computed after all of `operands` (tokens or arrays)."""
    values = [as_value(x) for x in operands]
    if not values:
        return create_token()
    return OptimizationBarrier()(create_token(), *values)[0]
