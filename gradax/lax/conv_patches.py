"""The patches that a convolution's window sees, and convolutions with a kernel for each place."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from gradax.core.value import as_value
from gradax.errors import require
from gradax.lax.conv_shapes import ConvDimensionNumbers, conv_dimension_numbers
from gradax.lax.convolution import conv_general_dilated
from gradax.lax.dot import dot_general
from gradax.lax.precision import PrecisionLike
from gradax.lax.shapes import Transpose


def patch_numbers(ndim: int, dimension_numbers: Any) -> ConvDimensionNumbers:
    """Return dimension numbers for operands of `ndim` axes, which need not be there yet."""
    return conv_dimension_numbers((1,) * ndim, (1,) * ndim, dimension_numbers)


def conv_general_dilated_patches(
    lhs: Any,
    filter_shape: Sequence[int],
    window_strides: Sequence[int],
    padding: Any,
    lhs_dilation: Sequence[int] | None = None,
    rhs_dilation: Sequence[int] | None = None,
    dimension_numbers: Any = None,
    precision: PrecisionLike = None,
    preferred_element_type: Any = None,
) -> Any:
    """Collect the patch that a window sees at each place.

    Shapes: the result's features are (features of lhs, window), the window's axes in order.
    """
    x = as_value(lhs)
    window = tuple(map(int, filter_shape))
    n, size = len(window), prod(window)
    numbers = patch_numbers(n + 2, dimension_numbers)
    features = x.shape[numbers.lhs_spec[1]]
    one_hot = np.eye(size).astype(x.dtype).reshape(size, 1, *window)
    one_hot = np.tile(one_hot, (features,) + (1,) * (n + 1))
    return conv_general_dilated(
        x,
        np.ascontiguousarray(np.transpose(one_hot, np.argsort(numbers.rhs_spec))),
        window_strides,
        padding,
        lhs_dilation,
        rhs_dilation,
        numbers,
        feature_group_count=features,
        precision=precision,
        preferred_element_type=preferred_element_type,
    )


def conv_general_dilated_local(
    lhs: Any,
    rhs: Any,
    window_strides: Sequence[int],
    padding: Any,
    filter_shape: Sequence[int],
    lhs_dilation: Sequence[int] | None = None,
    rhs_dilation: Sequence[int] | None = None,
    dimension_numbers: Any = None,
    precision: PrecisionLike = None,
) -> Any:
    """Convolve with a kernel of its own for each place of the result.

    Shapes: rhs has out features and, where a kernel has its in features, (features, window) in one,
        and the places of the result as its spatial axes.
    """
    x, y = as_value(lhs), as_value(rhs)
    lhs_spec, rhs_spec, out_spec = patch_numbers(x.ndim, dimension_numbers)
    # Patches with the features where the kernel reads them, all else as in the result.
    patches = conv_general_dilated_patches(
        x,
        filter_shape,
        window_strides,
        padding,
        lhs_dilation,
        rhs_dilation,
        ConvDimensionNumbers(lhs_spec, rhs_spec, out_spec),
        precision,
    )
    places = [patches.shape[a] for a in out_spec[2:]]
    expected = (patches.shape[out_spec[1]], *places)
    got = (y.shape[rhs_spec[1]], *(y.shape[a] for a in rhs_spec[2:]))
    fits = got == expected
    require(fits, "conv_general_dilated_local", f"(features x window, places) {expected}", got)
    numbers = (((rhs_spec[1],), (out_spec[1],)), (rhs_spec[2:], out_spec[2:]))
    out = dot_general(y, patches, numbers, precision)
    # The product has axes (places, out features, batch).
    order = np.argsort((*out_spec[2:], out_spec[1], out_spec[0]))
    return Transpose(tuple(map(int, order)))(out)
