"""Convolutions as kernels and in NumPy, with axes brought to (batch, space, features)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from math import prod
from typing import Any, NamedTuple, Protocol

import numpy as np

from gradax import kernel
from gradax.kernel.libraries import dtype_code, has_dtype_code
from gradax.lax.conv_shapes import ConvDimensionNumbers, WindowAxis, dilated
from gradax.lax.dot import in_place, permuted
from gradax.lax.patches import all_patches, input_position, table
from gradax.lax.shapes import accumulation_dtype

Ints = tuple[int, ...]

# Up to so many terms a sum is written out, so that it joins the loops around it.
UNROLLED_TERMS = 9

# The library uses the widest vectors that the processor has, up to so many bytes.
VECTOR_BYTES = 64


class Conv(Protocol):
    """What is read of the operation."""

    @property
    def dimension_numbers(self) -> ConvDimensionNumbers:
        """Which axis plays which part."""
        ...

    @property
    def feature_group_count(self) -> int:
        """The number of groups of features."""
        ...

    @property
    def batch_group_count(self) -> int:
        """The number of groups of the batch."""
        ...

    @property
    def preferred_element_type(self) -> Any:
        """The dtype of the result, None: the operands'."""
        ...

    def axes(self, space: Ints, window: Ints) -> list[WindowAxis]:
        """Return how the window moves along each spatial axis."""
        ...


class Orders(NamedTuple):
    """The axes of each array in the order (batch, space, features), of rhs (window, in, out)."""

    lhs: Ints
    rhs: Ints
    out: Ints


def canonical_orders(numbers: ConvDimensionNumbers) -> Orders:
    """Return the axes in canonical order."""
    lhs, rhs, out = numbers
    return Orders(
        (lhs[0], *lhs[2:], lhs[1]), (*rhs[2:], rhs[1], rhs[0]), (out[0], *out[2:], out[1])
    )


def moved(x: kernel.Tensor, order: Ints) -> kernel.Tensor:
    """Permute the axes, as a view where no element moves."""
    if in_place(x, order):
        return kernel.reshape(x, tuple(x.shape[a] for a in order))
    return permuted(x, order)


def lower_conv(op: Conv, lhs: kernel.Tensor, rhs: kernel.Tensor) -> kernel.Tensor:
    """Choose between loops that fuse with their surroundings and the library's convolutions."""
    orders = canonical_orders(op.dimension_numbers)
    out_dtype = np.dtype(op.preferred_element_type or lhs.dtype)
    wide = accumulation_dtype(out_dtype)
    groups = op.feature_group_count
    if op.batch_group_count > 1:
        groups = op.batch_group_count
        lhs = batch_to_features(moved(lhs, orders.lhs), groups)
        orders = orders._replace(lhs=tuple(range(lhs.ndim)))
    space, features = [lhs.shape[a] for a in orders.lhs[1:-1]], lhs.shape[orders.lhs[-1]]
    *window, per_group, outs = (rhs.shape[a] for a in orders.rhs)
    axes = op.axes(tuple(space), tuple(window))
    shape = (lhs.shape[orders.lhs[0]], *(a.out for a in axes), outs)
    back = tuple(int(i) for i in np.argsort(orders.out))
    if prod(shape) == 0 or prod(window) * per_group == 0:
        zero = kernel.const(0, out_dtype)
        return kernel.compute(tuple(shape[a] for a in back), lambda *i: zero)
    if prod(window) * per_group <= UNROLLED_TERMS or len(axes) > 3:
        x, y = moved(lhs, orders.lhs), moved(rhs, orders.rhs)
        return moved(kernel.cast(in_loops(op, x, y, shape, groups, wide), out_dtype), back)
    sizes = (features, outs, groups)
    if any(fits(axes, orders, wide, *sizes) for fits in (in_planes, in_depth, in_tiles)):
        x, y = kernel.cast(lhs, wide), kernel.cast(rhs, wide)
        return kernel.cast(tiled(axes, x, y, orders, groups), out_dtype)
    x, y = moved(lhs, orders.lhs), moved(rhs, orders.rhs)
    if out_dtype != x.dtype or not has_dtype_code(x.dtype):
        x, y = kernel.cast(x, wide), kernel.cast(y, wide)
    return moved(kernel.cast(in_library(axes, x, y, shape, groups), out_dtype), back)


def in_planes(
    axes: Sequence[WindowAxis], orders: Orders, dtype: Any, features: int, outs: int, groups: int
) -> bool:
    """Tell whether each group has one plane of floats, whose lines lie together and are long."""
    last = len(orders.lhs) - 1
    together = bool(axes) and orders.lhs[-2] == orders.out[-2] == last
    if dtype not in (np.float32, np.float64) or features != groups or not together:
        return False
    is_long = axes[-1].out * np.dtype(dtype).itemsize >= 2 * VECTOR_BYTES
    return reaches_little(axes) and (is_long or outs != groups or features == 1)


def in_depth(
    axes: Sequence[WindowAxis], _: Orders, dtype: Any, features: int, outs: int, groups: int
) -> bool:
    """Tell whether each group has one channel of floats, and there are vectors of channels."""
    if dtype not in (np.float32, np.float64) or not features == outs == groups:
        return False
    return reaches_little(axes) and groups * np.dtype(dtype).itemsize >= VECTOR_BYTES


def reaches_little(axes: Sequence[WindowAxis]) -> bool:
    """Tell whether what one result reads, with the padding in it, may be copied as a whole."""
    reach = prod(dilated(a.window, a.dilation) for a in axes)
    return reach <= 4 * prod(a.n for a in axes) + 4096


def in_tiles(
    axes: Sequence[WindowAxis], _: Orders, dtype: Any, features: int, outs: int, groups: int
) -> bool:
    """Tell whether the library's convolution of floats, which copies inputs, is the best way."""
    if dtype not in (np.float32, np.float64):
        return False
    holes = any(a.base_dilation > 1 for a in axes)
    if not holes and (features == groups > 1 or outs == groups > 1 or features == outs == 1):
        return False
    return reaches_little(axes)


def tiled(
    axes: Sequence[WindowAxis], x: kernel.Tensor, y: kernel.Tensor, orders: Orders, groups: int
) -> kernel.Tensor:
    """Call the library's convolution of floats, on arrays as they lie in memory."""
    sizes = (x.shape[orders.lhs[0]], *(a.out for a in axes), y.shape[orders.rhs[-1]])
    shape = tuple(sizes[i] for i in np.argsort(orders.out))
    *space, ins, outs = orders.rhs
    layouts = ((x.shape, orders.lhs), (y.shape, (outs, *space, ins)), (shape, orders.out))
    some = list(axes) or [WindowAxis(1, 1, 1, 0, 0, 1, 1)]
    params = [dtype_code(x.dtype), sizes[0], x.shape[orders.lhs[-1]], sizes[-1], groups, len(some)]
    params += [v for row in table(some) for v in row]
    for actual, (first, *inner, last) in layouts:
        steps = [prod(actual[a + 1 :]) for a in range(len(actual))]
        params += [steps[first], *([steps[a] for a in inner] or [0]), steps[last]]
    params.append(VECTOR_BYTES)
    return kernel.one_result(kernel.Library("conv_floats", (x, y), [(shape, x.dtype)], params))


def batch_to_features(x: kernel.Tensor, groups: int) -> kernel.Tensor:
    """Turn groups of the batch into groups of features."""
    batch, *space, features = x.shape
    split = kernel.reshape(x, (groups, batch // groups, *space, features))
    last = split.ndim - 1
    mixed = permuted(split, (*range(1, last), 0, last))
    return kernel.reshape(mixed, (batch // groups, *space, groups * features))


def in_library(
    axes: Sequence[WindowAxis], x: kernel.Tensor, y: kernel.Tensor, shape: Ints, groups: int
) -> kernel.Tensor:
    """Call the library's convolution for all types and any reach."""
    some = list(axes) or [WindowAxis(1, 1, 1, 0, 0, 1, 1)]
    params = [dtype_code(x.dtype), x.shape[0], x.shape[-1], y.shape[-1], groups, len(some)]
    params += [v for row in table(some) for v in row]
    node = kernel.Library("conv", (x, y), [(shape, x.dtype)], params)
    return kernel.one_result(node)


def in_loops(
    op: Conv, x: kernel.Tensor, y: kernel.Tensor, shape: Ints, groups: int, wide: Any
) -> kernel.Tensor:
    """Write the convolution as loops over the result, its sum unrolled when it is short."""
    *window, per_group, outs = y.shape
    n = len(shape)
    here = [kernel.index(i) for i in range(n)]
    axes = op.axes(x.shape[1:-1], y.shape[:-2])

    def term(place: list[kernel.Scalar]) -> kernel.Scalar:
        guard: kernel.Scalar | None = None
        at: list[kernel.Scalar] = [here[0]]
        for d, tap in enumerate(place[:-1]):
            position, inside = input_position(axes[d], here[1 + d], tap)
            guard = kernel.both(guard, inside)
            at.append(position)
        group = here[-1] / (outs // groups)
        at.append(group * per_group + place[-1] if groups > 1 else place[-1])
        a = kernel.convert(kernel.load(x, at, guard), wide)
        return a * kernel.convert(y[[*place, here[-1]]], wide)

    if prod((*window, per_group)) <= UNROLLED_TERMS:
        total: kernel.Scalar | None = None
        for place in product(*map(range, (*window, per_group))):
            new = term([kernel.const(p, kernel.INT) for p in place])
            total = new if total is None else total + new
        assert total is not None
        return kernel.Map(shape, total)
    body = term([kernel.index(n + k) for k in range(len(window) + 1)])
    rule = kernel.slot(0, wide) + kernel.slot(1, wide)
    zero = kernel.const(0, wide)
    return kernel.one_result(kernel.Reduce(shape, (*window, per_group), (rule,), (zero,), (body,)))


def convolve(op: Conv, lhs: Any, rhs: Any) -> Any:
    """Convolve with NumPy: a product with the array of all patches."""
    orders = canonical_orders(op.dimension_numbers)
    out_dtype = np.dtype(op.preferred_element_type or lhs.dtype)
    wide = accumulation_dtype(out_dtype)
    x = np.transpose(lhs, orders.lhs).astype(wide)
    y = np.transpose(rhs, orders.rhs).astype(wide)
    groups = op.feature_group_count
    if op.batch_group_count > 1:
        groups = op.batch_group_count
        batch, *inner, features = x.shape
        x = np.moveaxis(x.reshape(groups, batch // groups, *inner, features), 0, -2)
        x = x.reshape(batch // groups, *inner, groups * features)
    *window, per_group, outs = y.shape
    axes = op.axes(x.shape[1:-1], tuple(window))
    whole = [WindowAxis(n, 1, 1, 0, 0, 1, 1) for n in (x.shape[0], x.shape[-1])]
    patches = all_patches(x, [whole[0], *axes, whole[1]], np.zeros((), wide))
    patches = np.moveaxis(patches, 1 + len(axes), -1)
    terms = prod(window) * per_group
    shape = (x.shape[0], *(a.out for a in axes), outs)
    split = patches.reshape(prod(shape[:-1]), prod(window), groups, per_group)
    left = split.transpose(2, 0, 1, 3).reshape(groups, len(split), terms)
    right = y.reshape(terms, groups, outs // groups).transpose(1, 0, 2)
    with np.errstate(all="ignore"):
        out = np.matmul(left, right)
    out = out.transpose(1, 0, 2).reshape(shape).astype(out_dtype, copy=False)
    return np.transpose(out, np.argsort(orders.out))
