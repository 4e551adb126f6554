"""Convolutions: the operation, its derivatives as convolutions, its batching by folding axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, final

import numpy as np

from gradax import dtypes, kernel
from gradax.core.aval import Aval
from gradax.core.op import Op, operation
from gradax.core.tangent import Zero, is_linear, is_zero
from gradax.core.value import as_value, aval_of
from gradax.errors import require
from gradax.lax.arithmetic import Add
from gradax.lax.conv_lower import convolve, lower_conv
from gradax.lax.conv_shapes import (
    ConvDimensionNumbers,
    Pads,
    WindowAxis,
    canonical_pads,
    conv_dimension_numbers,
    conv_transpose_padding,
    dilated,
    padtype_to_pads,
    permuted_shape,
)
from gradax.lax.families import NUMBER, check_dtype, check_same_dtype, tangent_like
from gradax.lax.precision import PrecisionLike, canonical_precision
from gradax.lax.shapes import Reshape, Transpose, move_batch_axis
from gradax.lax.slicing import Rev
from gradax.records import replace

Ints = tuple[int, ...]


@final
@operation
class ConvGeneralDilated(Op):
    """Slide a kernel over an array: out[o] = sum over k of lhs[o * stride + k * dilation] rhs[k].

    Shapes: lhs: (batch, features, space), rhs: (out features, features / feature groups, window)
        -> (batch / batch groups, out features, space'), the axes where dimension_numbers say.
    Errors: TypeError where features, groups, strides or dilations do not fit.
    """

    window_strides: Ints
    padding: Pads
    lhs_dilation: Ints
    rhs_dilation: Ints
    dimension_numbers: ConvDimensionNumbers
    feature_group_count: int = 1
    batch_group_count: int = 1
    precision: Any = None
    preferred_element_type: Any = None

    def infer(self, *avals: Aval) -> Aval:
        lhs, rhs = avals
        check_dtype(self, NUMBER, lhs, rhs)
        check_same_dtype(self, lhs, rhs)
        self.check_sizes(lhs, rhs)
        numbers = self.dimension_numbers
        out = [0] * lhs.ndim
        sizes = [lhs.shape[numbers.lhs_spec[0]] // self.batch_group_count]
        sizes += [
            rhs.shape[numbers.rhs_spec[0]],
            *(a.out for a in self.axes_of(lhs.shape, rhs.shape)),
        ]
        for axis, size in zip(numbers.out_spec, sizes, strict=True):
            out[axis] = size
        weak = lhs.weak_type and rhs.weak_type
        return Aval(out, self.preferred_element_type or lhs.dtype, weak)

    def check_sizes(self, lhs: Aval, rhs: Aval) -> None:
        """Raise a ShapeError unless ranks, features, groups, strides and dilations fit."""
        n = lhs.ndim - 2
        require(n >= 0 and rhs.ndim == lhs.ndim, self, "operands of one rank, at least 2", lhs, rhs)
        for what, values in (
            ("window strides", self.window_strides),
            ("lhs dilations", self.lhs_dilation),
            ("rhs dilations", self.rhs_dilation),
        ):
            fits = len(values) == n and all(v > 0 for v in values)
            require(fits, self, f"{n} positive {what}", values)
        require(len(self.padding) == n, self, f"{n} paddings", self.padding)
        batch, features = permuted_shape(lhs.shape, self.dimension_numbers.lhs_spec[:2])
        outs, per_group = permuted_shape(rhs.shape, self.dimension_numbers.rhs_spec[:2])
        groups, batches = self.feature_group_count, self.batch_group_count
        require(groups > 0 and batches > 0, self, "positive group counts", groups, batches)
        require(groups == 1 or batches == 1, self, "one kind of groups", groups, batches)
        fits = features == groups * per_group
        expected = f"{groups} x {per_group} features in the lhs, from the rhs {rhs.shape}"
        require(fits, self, expected, f"{features} in {lhs.shape}")
        expected = f"out features that {groups * batches} groups divide"
        require(outs % (groups * batches) == 0, self, expected, f"{outs} in {rhs.shape}")
        expected = f"a batch that {batches} groups divide"
        require(batch % batches == 0, self, expected, f"{batch} in {lhs.shape}")

    def axes(self, space: Ints, window: Ints) -> list[WindowAxis]:
        """Return how the window moves along each spatial axis."""
        return [
            WindowAxis(n, k, stride, before, after, base, dilation)
            for n, k, stride, (before, after), base, dilation in zip(
                space,
                window,
                self.window_strides,
                self.padding,
                self.lhs_dilation,
                self.rhs_dilation,
                strict=True,
            )
        ]

    def axes_of(self, lhs: Ints, rhs: Ints) -> list[WindowAxis]:
        """Return how the window moves, given the shapes of the operands."""
        numbers = self.dimension_numbers
        space = permuted_shape(lhs, numbers.lhs_spec[2:])
        return self.axes(space, permuted_shape(rhs, numbers.rhs_spec[2:]))

    def jvp(self, primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
        (x, y), (dx, dy) = primals, tangents
        out = self(x, y)
        terms = [] if is_zero(dx) else [self(dx, y)]
        terms += [] if is_zero(dy) else [self(x, dy)]
        if not terms:
            return out, Zero(tangent_like(out))
        return out, terms[0] if len(terms) == 1 else Add()(*terms)

    def transpose(self, ct: Any, *operands: Any) -> Any:
        lhs, rhs = operands
        if is_linear(lhs):
            return cotangent_lhs(self, ct, lhs.aval, rhs), None
        return None, cotangent_rhs(self, ct, lhs, rhs.aval)

    def batch(self, args: tuple[Any, ...], dims: tuple[int | None, ...]) -> Any:
        (lhs, rhs), (dl, dr) = args, dims
        numbers = self.dimension_numbers
        if dl is not None and dr is not None:
            return batch_both(self, lhs, rhs, dl, dr)
        if dl is not None:
            n = lhs.shape[dl]
            lhs = fold(lhs, dl, numbers.lhs_spec[0], self.batch_group_count)
            return unfold(self(lhs, rhs), numbers.out_spec[0], 1, n)
        assert dr is not None
        n = rhs.shape[dr]
        groups = self.feature_group_count * self.batch_group_count
        rhs = fold(rhs, dr, numbers.rhs_spec[0], groups)
        return unfold(self(lhs, rhs), numbers.out_spec[1], groups, n)

    def lower(self, *operands: kernel.Tensor) -> Any:
        return lower_conv(self, *operands)

    def reference(self, *operands: Any) -> Any:
        return convolve(self, *map(np.asarray, operands))


def batch_both(op: ConvGeneralDilated, lhs: Any, rhs: Any, dl: int, dr: int) -> Any:
    """Map both operands: one more group for each mapped index."""
    numbers, n = op.dimension_numbers, lhs.shape[dl]
    if op.batch_group_count > 1:
        lhs = fold(lhs, dl, numbers.lhs_spec[0])
        op = replace(op, batch_group_count=n * op.batch_group_count)
    else:
        lhs = fold(lhs, dl, numbers.lhs_spec[1])
        op = replace(op, feature_group_count=n * op.feature_group_count)
    return unfold(op(lhs, fold(rhs, dr, numbers.rhs_spec[0])), numbers.out_spec[1], 1, n)


def fold(x: Any, dim: int, axis: int, groups: int = 1) -> Any:
    """Join the mapped axis `dim` into `axis` (counted without it), inside its `groups`."""
    x = move_batch_axis(x, dim, 0)
    n, *shape = x.shape
    if groups > 1:
        x = Reshape((n, *shape[:axis], groups, shape[axis] // groups, *shape[axis + 1 :]))(x)
        x = move_batch_axis(x, 0, axis + 1)
    else:
        x = move_batch_axis(x, 0, axis)
    return Reshape((*shape[:axis], n * shape[axis], *shape[axis + 1 :]))(x)


def unfold(x: Any, axis: int, groups: int, n: int) -> tuple[Any, int]:
    """Undo `fold` on a result: return it with its mapped axis, and where that is."""
    before, after = x.shape[:axis], x.shape[axis + 1 :]
    size = x.shape[axis] // (groups * n)
    if groups == 1:
        return Reshape((*before, n, size, *after))(x), axis
    x = move_batch_axis(Reshape((*before, groups, n, size, *after))(x), axis + 1, 0)
    return Reshape((n, *before, groups * size, *after))(x), 0


def cotangent_lhs(op: ConvGeneralDilated, ct: Any, lhs: Aval, rhs: Any) -> Any:
    """Return the cotangent of the array: the strided cotangent with the kernel reversed."""
    numbers = op.dimension_numbers
    lhs_spec, rhs_spec, out_spec = numbers
    rhs_aval = aval_of(rhs)
    axes = [a.transposed() for a in op.axes_of(lhs.shape, rhs_aval.shape)]
    groups = op.feature_group_count * op.batch_group_count
    kernel_ = swap_features(rhs, rhs_spec[0], rhs_spec[1], groups)
    out = ConvGeneralDilated(
        op.lhs_dilation,
        tuple((a.before, a.after) for a in axes),
        op.window_strides,
        op.rhs_dilation,
        ConvDimensionNumbers(out_spec, (rhs_spec[1], rhs_spec[0], *rhs_spec[2:]), lhs_spec),
        groups,
        1,
        swapped(op.precision),
        element_type(op, ct, rhs_aval, lhs),
    )(ct, Rev(rhs_spec[2:])(kernel_) if rhs_spec[2:] else kernel_)
    if op.batch_group_count > 1:
        out, dim = unfold(out, lhs_spec[1], 1, op.batch_group_count)
        out = fold(out, dim, lhs_spec[0])
    return out


def cotangent_rhs(op: ConvGeneralDilated, ct: Any, lhs: Any, rhs: Aval) -> Any:
    """Return the cotangent of the kernel: the array with the cotangent as a dilated kernel."""
    lhs_spec, rhs_spec, out_spec = op.dimension_numbers
    lhs_aval = aval_of(lhs)
    padding: list[tuple[int, int]] = []
    for axis in op.axes_of(lhs_aval.shape, rhs.shape):
        span, reach = dilated(axis.n, axis.base_dilation), dilated(axis.out, axis.stride)
        wanted = dilated(axis.window, axis.dilation)
        padding.append((axis.before, wanted - 1 + reach - span - axis.before))
    feature_groups, batch_groups = 1, op.feature_group_count
    if op.batch_group_count > 1:
        # The groups of the batch become groups of what is now the feature axis.
        feature_groups = op.batch_group_count
    numbers = ConvDimensionNumbers(
        (lhs_spec[1], lhs_spec[0], *lhs_spec[2:]),
        (out_spec[1], out_spec[0], *out_spec[2:]),
        (rhs_spec[1], rhs_spec[0], *rhs_spec[2:]),
    )
    return ConvGeneralDilated(
        op.rhs_dilation,
        tuple(padding),
        op.lhs_dilation,
        op.window_strides,
        numbers,
        feature_groups,
        batch_groups,
        swapped(op.precision),
        element_type(op, ct, lhs_aval, rhs),
    )(lhs, ct)


def swap_features(rhs: Any, outs: int, ins: int, groups: int) -> Any:
    """Exchange the parts of (groups, out) and in features, so that groups are with the latter."""
    if groups == 1:
        return rhs
    out, dim = unfold(rhs, outs, 1, groups)
    return fold(out, dim, ins)


def swapped(precision: Any) -> Any:
    """Return the precision of a product with its operands exchanged."""
    return precision[::-1] if isinstance(precision, tuple) else precision


def element_type(op: ConvGeneralDilated, ct: Any, other: Aval, wanted: Aval) -> Any:
    """Return the preferred element type that gives a cotangent of the operand's dtype."""
    same = op.preferred_element_type is None and ct.dtype == other.dtype == wanted.dtype
    return None if same else wanted.dtype


def conv_general_dilated(
    lhs: Any,
    rhs: Any,
    window_strides: Sequence[int],
    padding: Any,
    lhs_dilation: Sequence[int] | None = None,
    rhs_dilation: Sequence[int] | None = None,
    dimension_numbers: Any = None,
    feature_group_count: int = 1,
    batch_group_count: int = 1,
    precision: PrecisionLike = None,
    preferred_element_type: Any = None,
    out_sharding: Any = None,
) -> Any:
    """Convolve arrays of any number of spatial axes, strided, dilated, padded and grouped.

    Shapes: see `ConvGeneralDilated`; dimension_numbers: None for (NCHW, OIHW, NCHW), three strings
        such as ('NHWC', 'HWIO', 'NHWC'), or ConvDimensionNumbers.
    Errors: TypeError where shapes do not fit; ValueError for a padding of an unknown name.
    """
    x, y = as_value(lhs), as_value(rhs)
    numbers = conv_dimension_numbers(x.shape, y.shape, dimension_numbers)
    n = x.ndim - 2
    holes = (1,) * n if lhs_dilation is None else tuple(map(int, lhs_dilation))
    spread = (1,) * n if rhs_dilation is None else tuple(map(int, rhs_dilation))
    strides = tuple(map(int, window_strides))
    for what, values in (("window strides", strides), ("rhs dilations", spread)):
        require(len(values) == n, "conv_general_dilated", f"{n} {what}", values)
    if isinstance(padding, str):
        plain = all(d == 1 for d in holes)
        expected = "explicit padding where lhs_dilation is used (or conv_transpose)"
        require(plain, "conv_general_dilated", expected, padding)
        window = permuted_shape(y.shape, numbers.rhs_spec[2:])
        window = [dilated(k, d) for k, d in zip(window, spread, strict=True)]
        space = permuted_shape(x.shape, numbers.lhs_spec[2:])
        padding = padtype_to_pads(space, window, strides, padding)
    if preferred_element_type is not None:
        preferred_element_type = dtypes.canonicalize_dtype(preferred_element_type)
    return ConvGeneralDilated(
        strides,
        canonical_pads("conv_general_dilated", padding, n),
        holes,
        spread,
        numbers,
        int(feature_group_count),
        int(batch_group_count),
        canonical_precision(precision),
        preferred_element_type,
    )(x, y)


def conv(
    lhs: Any,
    rhs: Any,
    window_strides: Sequence[int],
    padding: Any,
    precision: PrecisionLike = None,
    preferred_element_type: Any = None,
) -> Any:
    """Convolve (batch, in, space) with (out, in, window), padded by name."""
    return conv_general_dilated(
        lhs,
        rhs,
        window_strides,
        padding,
        precision=precision,
        preferred_element_type=preferred_element_type,
    )


def conv_with_general_padding(
    lhs: Any,
    rhs: Any,
    window_strides: Sequence[int],
    padding: Any,
    lhs_dilation: Sequence[int] | None,
    rhs_dilation: Sequence[int] | None,
    precision: PrecisionLike = None,
    preferred_element_type: Any = None,
) -> Any:
    """Convolve (batch, in, space) with (out, in, window), with any padding and dilations."""
    return conv_general_dilated(
        lhs,
        rhs,
        window_strides,
        padding,
        lhs_dilation,
        rhs_dilation,
        precision=precision,
        preferred_element_type=preferred_element_type,
    )


def conv_transpose(
    lhs: Any,
    rhs: Any,
    strides: Sequence[int],
    padding: Any,
    rhs_dilation: Sequence[int] | None = None,
    dimension_numbers: Any = None,
    transpose_kernel: bool = False,
    precision: PrecisionLike = None,
    preferred_element_type: Any = None,
    use_consistent_padding: bool = False,
) -> Any:
    """Convolve with fractional strides: the transpose of a convolution of stride `strides`.

    Shapes: as conv_general_dilated, by default with the features last; 'SAME' gives n * stride
        elements, 'VALID' n * stride + max(window - stride, 0).
    Explicit padding applies to the input with holes; with `use_consistent_padding` it is that of
    the convolution which this one transposes.
    """
    x, y = as_value(lhs), as_value(rhs)
    n = x.ndim - 2
    if dimension_numbers is None:
        require(1 <= n <= 3, "conv_transpose", "1 to 3 spatial axes, or dimension numbers", n)
        space = "HWD"[:n]
        dimension_numbers = (f"N{space}C", f"{space}IO", f"N{space}C")
    numbers = conv_dimension_numbers(x.shape, y.shape, dimension_numbers)
    dilation = tuple(rhs_dilation) if rhs_dilation is not None else (1,) * n
    window = permuted_shape(y.shape, numbers.rhs_spec[2:])
    reach = [dilated(k, d) for k, d in zip(window, dilation, strict=True)]
    if isinstance(padding, str):
        pairs = zip(reach, strides, strict=True)
        padding = [conv_transpose_padding(k, s, padding) for k, s in pairs]
    elif use_consistent_padding:
        pairs = zip(reach, padding, strict=True)
        padding = [(k - 1 - before, k - 1 - after) for k, (before, after) in pairs]
    if transpose_kernel:
        outs, ins = numbers.rhs_spec[:2]
        order = list(range(y.ndim))
        order[outs], order[ins] = ins, outs
        y = Transpose(tuple(order))(Rev(numbers.rhs_spec[2:])(y))
    return conv_general_dilated(
        x,
        y,
        (1,) * n,
        padding,
        strides,
        dilation,
        numbers,
        precision=precision,
        preferred_element_type=preferred_element_type,
    )
