"""Shapes of convolutions and windows: dimension numbers, padding by name, sizes of results."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from gradax.errors import at_user_line, require
from gradax.sizes import as_size

Pads = tuple[tuple[int, int], ...]


class ConvDimensionNumbers(NamedTuple):
    """Which axis of an array plays which part in a convolution.

    lhs_spec: (batch, feature, spatial …); rhs_spec: (out feature, in feature, spatial …);
    out_spec: (batch, feature, spatial …).
    """

    lhs_spec: tuple[int, ...]
    rhs_spec: tuple[int, ...]
    out_spec: tuple[int, ...]


ConvGeneralDilatedDimensionNumbers = Any  # None, three strings, or ConvDimensionNumbers


class PaddingType(enum.Enum):
    """Ways to pad that are known by name."""

    VALID = 1
    SAME = 2
    SAME_LOWER = 3


class WindowAxis(NamedTuple):
    """How a window moves along one axis: the element that place o and tap t meet in is
    (o * stride + t * dilation - before) / base_dilation of `n`, where that is an element.
    """

    n: int
    window: int
    stride: int
    before: int
    after: int
    base_dilation: int
    dilation: int

    @property
    def out(self) -> int:
        """The number of places."""
        padded = max(0, dilated(self.n, self.base_dilation) + self.before + self.after)
        return window_count(padded, dilated(self.window, self.dilation), self.stride)

    def transposed(self) -> WindowAxis:
        """Return the window that gathers, for each element, the places that see it."""
        reach = dilated(self.window, self.dilation)
        before = reach - 1 - self.before
        wanted = dilated(self.n, self.base_dilation)
        after = wanted - 1 + reach - dilated(self.out, self.stride) - before
        return WindowAxis(
            self.out, self.window, self.base_dilation, before, after, self.stride, self.dilation
        )


def dilated(n: int, dilation: int) -> int:
    """Return the size of an axis with dilation - 1 holes between elements."""
    return 0 if n == 0 else (n - 1) * dilation + 1


def window_count(n: int, window: int, stride: int) -> int:
    """Return how many windows fit an axis of n (padded) elements."""
    return 0 if n < window else (n - window) // stride + 1


def padtype_to_pads(
    in_shape: Sequence[int],
    window_shape: Sequence[int],
    window_strides: Sequence[int],
    padding: Any,
) -> list[tuple[int, int]]:
    """Return the (before, after) padding that 'SAME', 'SAME_LOWER' or 'VALID' means.

    Errors: ValueError for any other name.
    """
    name = padding.name if isinstance(padding, PaddingType) else padding
    if not isinstance(name, str) or name.upper() not in PaddingType.__members__:
        raise ValueError(
            f"padding: expected 'SAME', 'SAME_LOWER', 'VALID' or (before, after) pairs; got"
            f" {padding!r}{at_user_line()}"
        )
    if name.upper() == "VALID":
        return [(0, 0)] * len(in_shape)
    pads: list[tuple[int, int]] = []
    for n, window, stride in zip(in_shape, window_shape, window_strides, strict=True):
        n, step = as_size(n), int(stride)
        total = max(0, (-(-n // step) - 1) * step + int(window) - n)
        less, more = total // 2, total - total // 2
        pads.append((less, more) if name.upper() == "SAME" else (more, less))
    return pads


def canonical_pads(name: str, padding: Any, n_axes: int) -> Pads:
    """Return explicit padding as pairs of integers, one for each axis."""
    pads = tuple(tuple(as_size(p) for p in pair) for pair in padding)
    fits = len(pads) == n_axes and all(len(p) == 2 for p in pads)
    require(fits, name, f"a name or {n_axes} (before, after) pairs as padding", padding)
    return tuple((p[0], p[1]) for p in pads)


def conv_dimension_numbers(
    lhs_shape: Sequence[int], rhs_shape: Sequence[int], dimension_numbers: Any
) -> ConvDimensionNumbers:
    """Return dimension numbers from None (NCHW, OIHW, NCHW), three strings, or themselves.

    Errors: TypeError where they do not fit the ranks.
    """
    if isinstance(dimension_numbers, ConvDimensionNumbers):
        return dimension_numbers
    n = len(lhs_shape)
    same = n == len(rhs_shape) and n >= 2
    require(same, "conv", "operands of one rank, at least 2", tuple(lhs_shape), tuple(rhs_shape))
    if dimension_numbers is None:
        axes = tuple(range(n))
        return ConvDimensionNumbers(axes, axes, axes)
    strings = len(dimension_numbers) == 3 and all(isinstance(s, str) for s in dimension_numbers)
    require(strings, "conv", "None, three strings or ConvDimensionNumbers", dimension_numbers)
    for spec in dimension_numbers:
        require(len(spec) == n, "conv", f"dimension numbers of {n} letters", spec)
    return ConvDimensionNumbers(*conv_general_permutations(dimension_numbers))


def conv_general_permutations(dimension_numbers: Sequence[str]) -> Any:
    """Return the axes (batch, feature, spatial …) that three strings such as 'NHWC' name."""
    lhs, rhs, out = dimension_numbers
    for spec, letters in ((lhs, "NC"), (rhs, "OI"), (out, "NC")):
        once = len(set(spec)) == len(spec) and all(c in spec for c in letters)
        require(once, "conv", f"distinct letters, {letters[0]} and {letters[1]} among them", spec)
    spatial = [c for c in rhs if c not in "OI"]
    for spec in (lhs, out):
        same = sorted(c for c in spec if c not in "NC") == sorted(spatial)
        require(same, "conv", f"the spatial letters of {rhs!r}", spec)

    def places(spec: str, letters: str) -> tuple[int, ...]:
        return tuple(spec.index(c) for c in (*letters, *spatial))

    return places(lhs, "NC"), places(rhs, "OI"), places(out, "NC")


def conv_shape_tuple(
    lhs_shape: Sequence[int],
    rhs_shape: Sequence[int],
    strides: Sequence[int],
    pads: Any,
    batch_group_count: int = 1,
) -> tuple[int, ...]:
    """Return the shape of the convolution of (batch, feature, spatial …) with (out, in, spatial …).

    Errors: TypeError where strides or pads are not one for each spatial axis.
    """
    lhs, rhs = tuple(lhs_shape), tuple(rhs_shape)
    if isinstance(pads, str):
        pads = padtype_to_pads(lhs[2:], rhs[2:], strides, pads)
    n = len(lhs) - 2
    require(len(strides) == n, "conv", f"{n} window strides", strides)
    pads = canonical_pads("conv", pads, n)
    space = zip(lhs[2:], rhs[2:], strides, pads, strict=True)
    out = [window_count(max(0, a + sum(p)), k, s) for a, k, s, p in space]
    return (lhs[0] // batch_group_count, rhs[0], *out)


def permuted_shape(shape: Sequence[int], order: Sequence[int]) -> tuple[int, ...]:
    """Return the sizes of axes in another order."""
    return tuple(shape[i] for i in order)


def conv_general_shape_tuple(
    lhs_shape: Sequence[int],
    rhs_shape: Sequence[int],
    window_strides: Sequence[int],
    padding: Any,
    dimension_numbers: Any,
) -> tuple[int, ...]:
    """Return the shape of a convolution with any dimension numbers."""
    numbers = conv_dimension_numbers(lhs_shape, rhs_shape, dimension_numbers)
    lhs = permuted_shape(lhs_shape, numbers.lhs_spec)
    rhs = permuted_shape(rhs_shape, numbers.rhs_spec)
    out = conv_shape_tuple(lhs, rhs, window_strides, padding)
    return permuted_shape(out, [int(i) for i in np.argsort(numbers.out_spec)])


def conv_transpose_padding(k: int, stride: int, padding: str) -> tuple[int, int]:
    """Return the padding of the dilated input for which a transposed convolution of a kernel of
    size `k` has n * stride ('SAME') or n * stride + max(k - stride, 0) ('VALID') elements.
    """
    name = padding.upper()
    require(name in ("SAME", "VALID"), "conv_transpose", "'SAME' or 'VALID'", padding)
    if name == "VALID":
        total, before = k + stride - 2 + max(k - stride, 0), k - 1
    else:
        total = k + stride - 2
        before = k - 1 if stride > k - 1 else -(-total // 2)
    return before, total - before


def conv_transpose_shape_tuple(
    lhs_shape: Sequence[int],
    rhs_shape: Sequence[int],
    window_strides: Sequence[int],
    padding: Any,
    dimension_numbers: Any,
) -> tuple[int, ...]:
    """Return the shape of a transposed convolution."""
    numbers = conv_dimension_numbers(lhs_shape, rhs_shape, dimension_numbers)
    lhs = permuted_shape(lhs_shape, numbers.lhs_spec)
    rhs = permuted_shape(rhs_shape, numbers.rhs_spec)
    if isinstance(padding, str):
        pairs = zip(rhs[2:], window_strides, strict=True)
        padding = [conv_transpose_padding(k, s, padding) for k, s in pairs]
    space = zip(lhs[2:], rhs[2:], window_strides, padding, strict=True)
    out = (lhs[0], rhs[0], *((n - 1) * s + 1 + sum(p) - k + 1 for n, k, s, p in space))
    return permuted_shape(out, [int(i) for i in np.argsort(numbers.out_spec)])
