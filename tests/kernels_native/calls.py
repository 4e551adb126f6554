"""Call library kernels on NumPy arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ml_dtypes
import numpy as np

from gradax import native
from gradax.runtime import libraries

bfloat16 = np.dtype(ml_dtypes.bfloat16)
N_THREADS = 2


def code(array: np.ndarray[Any, Any]) -> int:
    return libraries.dtype_code(array.dtype)


def as_buffer(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    # bfloat16 arrays do not export the buffer protocol.
    return array.view(np.uint16) if array.dtype == bfloat16 else array


def call(
    name: str,
    ins: Sequence[Any],
    outs: Sequence[Any],
    params: Sequence[int],
    n_threads: int = N_THREADS,
) -> None:
    libraries.ensure(name)
    ins = [as_buffer(np.ascontiguousarray(x)) for x in ins]
    numbers = [int(p) for p in params]
    native.call_kernel(f"gx_{name}", ins, [as_buffer(x) for x in outs], numbers, n_threads)


def random_array(
    rng: np.random.Generator, shape: tuple[int, ...], dtype: Any
) -> np.ndarray[Any, Any]:
    """Draw numbers of any dtype: small ones for floats, any bits for integers."""
    dtype = np.dtype(dtype)
    if dtype == np.bool_:
        return rng.random(shape) < 0.5
    if dtype.kind in "iu":
        info = np.iinfo(dtype)
        return rng.integers(info.min, info.max, shape, dtype, endpoint=True)
    if dtype.kind == "c":
        return (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)).astype(dtype)
    return rng.standard_normal(shape).astype(dtype)
