"""Products of operands that were quantized: a scale for each block of contracted elements."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradax import dtypes
from gradax.core.value import as_value
from gradax.errors import ArgumentError, at_user_line
from gradax.lax.arithmetic import Mul
from gradax.lax.convert import ConvertElementType
from gradax.lax.dot import DotDimensionNumbers, canonical_numbers, dot_general
from gradax.lax.shapes import BroadcastInDim, Reshape

_NUMBERS: dict[int, DotDimensionNumbers] = {
    2: (((1,), (0,)), ((), ())),
    3: (((2,), (1,)), ((0,), (0,))),
}


def scaled_dot(
    lhs: Any,
    rhs: Any,
    *,
    lhs_scale: Any = None,
    rhs_scale: Any = None,
    dimension_numbers: DotDimensionNumbers | None = None,
    preferred_element_type: Any = None,
) -> Any:
    """Return the product of `lhs * lhs_scale` and `rhs * rhs_scale`, as `dot_general` multiplies.

    A scale is as its operand, but shorter along contracted axes: each entry belongs to as many
    neighbouring elements as there are for it. The result is bfloat16 unless asked otherwise.
    Errors: ValueError for a scale of another shape, or where other than two or three axes need
        dimension numbers.
    """
    x, y = as_value(lhs), as_value(rhs)
    given = dimension_numbers
    if given is None and x.ndim == y.ndim:
        given = _NUMBERS.get(x.ndim)
    if given is None:
        raise ArgumentError(
            "scaled_dot: expected two matrices or two stacks, or dimension_numbers; got"
            f" {x.aval} and {y.aval}.{at_user_line()}"
        )
    numbers = canonical_numbers(given)
    kind = preferred_element_type
    out = dtypes.canonicalize_dtype(dtypes.bfloat16 if kind is None else kind)
    wide = np.dtype(np.float64 if out == np.float64 else np.float32)
    pair = [
        scaled(operand, scale, contracted, wide)
        for operand, scale, contracted in zip(
            (x, y), (lhs_scale, rhs_scale), numbers[0], strict=True
        )
    ]
    return ConvertElementType(out, False)(dot_general(pair[0], pair[1], numbers))


def scaled(x: Any, scale: Any, contracted: tuple[int, ...], wide: Any) -> Any:
    """Return an operand in `wide`, multiplied by its scales."""
    x = ConvertElementType(wide, False)(x)
    if scale is None:
        return x
    s = ConvertElementType(wide, False)(as_value(scale))
    fits = s.ndim == x.ndim and all(
        n == m or (i in contracted and m > 0 and n % m == 0)
        for i, (n, m) in enumerate(zip(x.shape, s.shape, strict=False))
    )
    if not fits:
        raise ArgumentError(
            f"scaled_dot: expected scales like {x.aval}, shorter by a whole factor along the"
            f" contracted axes {contracted}; got {s.aval}.{at_user_line()}"
        )
    return Mul()(x, repeated(s, tuple(x.shape)))


def repeated(s: Any, shape: tuple[int, ...]) -> Any:
    """Repeat each entry along each axis as often as fills a shape."""
    wide: list[int] = []
    places: list[int] = []
    for n, m in zip(shape, s.shape, strict=True):
        places.append(len(wide))
        wide += [m] if n == m else [m, n // m]
    return Reshape(shape)(BroadcastInDim(tuple(wide), tuple(places))(s))
