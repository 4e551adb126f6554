"""Functions with the arguments of JAX's primitives, where there is no operation of that name."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradax import dtypes
from gradax.core.value import as_value
from gradax.lax import joining
from gradax.lax.bits import Xor
from gradax.lax.comparison import Eq, Le, Lt, SelectN, zeros
from gradax.lax.convert import BitcastConvertType
from gradax.lax.shapes import broadcast_scalar
from gradax.lax.sorting import approx_max_k, approx_min_k


def stack(*operands: Any, axis: int = 0) -> Any:
    """Join arrays of one shape along a new axis."""
    return joining.stack(operands, axis)


def approx_top_k(operand: Any, *, k: int, is_max_k: bool = True, **options: Any) -> Any:
    """Return the k largest (or smallest) elements and their positions; exact."""
    return (approx_max_k if is_max_k else approx_min_k)(operand, k, **options)


def eq_to(x: Any, y: Any) -> Any:
    """Compare in the total order of floats: NaN equals itself, -0 is not 0."""
    return Eq()(*map(ordered, (x, y)))


def le_to(x: Any, y: Any) -> Any:
    """Compare in the total order of floats: -NaN, -inf … -0, 0 … inf, NaN."""
    return Le()(*map(ordered, (x, y)))


def lt_to(x: Any, y: Any) -> Any:
    """Compare in the total order of floats: -NaN, -inf … -0, 0 … inf, NaN."""
    return Lt()(*map(ordered, (x, y)))


def ordered(x: Any) -> Any:
    """Return integers in the order that floats have in total."""
    x = as_value(x)
    if not dtypes.issubdtype(x.dtype, np.floating):
        return x
    kind = np.dtype(f"int{8 * x.dtype.itemsize}")
    bits = BitcastConvertType(kind)(x)
    # Of negative numbers all bits but the sign are turned: larger sizes come first.
    is_negative = Lt()(bits, zeros(bits.aval))
    mask = broadcast_scalar(np.asarray(np.iinfo(kind).max, kind), bits.shape)
    return SelectN()(is_negative, bits, Xor()(bits, mask))
