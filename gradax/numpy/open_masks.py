"""Places that a traced mask selects, as many as it does: where sizes need not be fixed."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradax.core.tracer import Tracer
from gradax.lax.arithmetic import Sub
from gradax.lax.comparison import SelectN
from gradax.lax.convert import ConvertElementType, scalar_of
from gradax.lax.creation import Iota
from gradax.lax.cumulative import Cumsum
from gradax.lax.open_sizes import counted
from gradax.lax.placement import ScatterDimensionNumbers
from gradax.lax.scattering import scatter
from gradax.lax.shapes import Reshape, broadcast_scalar
from gradax.sizes import is_open, likely

INT32, INT64 = np.dtype(np.int32), np.dtype(np.int64)


def is_unknown(mask: Any) -> bool:
    """Tell whether a mask's elements are not known while the function is traced."""
    return isinstance(mask, Tracer) and mask.concrete() is None


def open_places(mask: Any) -> Any:
    """Return the places of a traced mask's true elements in the flat array; None where sizes must
    be fixed.

    Shapes: bool[s] -> int[n], where n is the size of an open axis.
    """
    found = counted(mask) if is_unknown(mask) else None
    if found is None:
        return None
    mask, size = found
    n = mask.size
    dtype = INT64 if likely(n) >= 1 << 31 or (is_open(n) and n >= 1 << 31) else INT32
    flat = Reshape((n,))(mask)
    rank = Cumsum(0)(ConvertElementType(dtype)(flat))
    # The k-th true element writes its place to k; all others write outside.
    one, outside = scalar_of(1, dtype), broadcast_scalar(scalar_of(size, dtype), (n,))
    target = SelectN()(flat, outside, Sub()(rank, broadcast_scalar(one, (n,))))
    numbers = ScatterDimensionNumbers((), (0,), (0,))
    empty = broadcast_scalar(scalar_of(0, dtype), (size,))
    index = Reshape((n, 1))(target)
    places = Iota(dtype, (n,), 0)()
    return scatter(empty, index, places, numbers, mode="drop", unique_indices=True)
