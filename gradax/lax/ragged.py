"""Products of groups: rows that belong to one group have a right operand of their own."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any, final

import numpy as np

from gradax import dtypes, kernel
from gradax.core.aval import Aval
from gradax.core.op import Op, operation
from gradax.core.tangent import Zero, is_linear, is_zero
from gradax.core.value import as_value
from gradax.errors import ShapeError, UnsupportedArgumentError, at_user_line, require
from gradax.kernel.libraries import dtype_code, has_dtype_code
from gradax.lax.arithmetic import Add
from gradax.lax.convert import ConvertElementType
from gradax.lax.dot import canonical_numbers, dot_general, free_axes
from gradax.lax.families import tangent_like
from gradax.lax.matrices import transposed
from gradax.lax.precision import PrecisionLike
from gradax.lax.shapes import (
    BroadcastInDim,
    ReduceSum,
    Reshape,
    Transpose,
    accumulation_dtype,
    broadcast_batch,
    move_batch_axis,
)
from gradax.records import record

I32 = np.dtype(np.int32)


@final
@operation
class RaggedDot(Op):
    """Multiply groups of rows; `sizes` says how many rows follow each other in each group.

    Shapes: x: T[b, rows, k], y: T[g, b, k, n], sizes: int32[b, g] -> T[b, rows, n], zero in rows
        of no group. By terms, summed over the rows of each group: y: T[b, rows, n]
        -> T[g, b, k, n].
    Cost: that of the products of the groups alone.
    """

    by_terms: bool
    preferred_element_type: Any = None

    def infer(self, *avals: Aval) -> Aval:
        x, y, sizes = avals
        require(x.ndim == 3 and sizes.dtype == I32 and sizes.ndim == 2, self, "x and sizes", *avals)
        groups = sizes.shape[1]
        batch, rows, k = x.shape
        expected = (batch, rows) if self.by_terms else (groups, batch, k)
        require(y.shape[:-1] == expected, self, f"y of {(*expected, 'n')}", *avals)
        n = y.shape[-1]
        shape = (groups, batch, k, n) if self.by_terms else (batch, rows, n)
        return Aval(shape, self.result_dtype(x.dtype, y.dtype))

    def result_dtype(self, x: Any, y: Any) -> Any:
        """Return the dtype of the result."""
        if self.preferred_element_type is not None:
            return self.preferred_element_type
        return x if x == y else dtypes.promote_types(x, y)

    def jvp(self, primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
        (x, y, sizes), (dx, dy, _) = primals, tangents
        out = self(x, y, sizes)
        terms = [] if is_zero(dx) else [self(dx, y, sizes)]
        terms += [] if is_zero(dy) else [self(x, dy, sizes)]
        if not terms:
            return out, Zero(tangent_like(out))
        return out, terms[0] if len(terms) == 1 else Add()(*terms)

    def transpose(self, ct: Any, *operands: Any) -> Any:
        x, y, sizes = operands
        if is_linear(x):
            to = RaggedDot(False, x.aval.dtype)
            pair = (y, transposed(ct)) if self.by_terms else (ct, transposed(y))
            return to(*pair, sizes), None, None
        if self.by_terms:
            return None, RaggedDot(False, y.aval.dtype)(x, ct, sizes), None
        return None, RaggedDot(True, y.aval.dtype)(x, ct, sizes), None

    def batch(self, args: tuple[Any, ...], dims: tuple[int | None, ...]) -> Any:
        size = next(a.shape[d] for a, d in zip(args, dims, strict=True) if d is not None)
        x, y, sizes = (
            broadcast_batch(a, size) if d is None else move_batch_axis(a, d, 0)
            for a, d in zip(args, dims, strict=True)
        )
        b = x.shape[1]
        x = Reshape((size * b, *x.shape[2:]))(x)
        sizes = Reshape((size * b, sizes.shape[2]))(sizes)
        if self.by_terms:
            y = Reshape((size * b, *y.shape[2:]))(y)
            out = self(x, y, sizes)
            return Reshape((out.shape[0], size, b, *out.shape[2:]))(out), 1
        y = move_batch_axis(y, 0, 1)
        y = Reshape((y.shape[0], size * b, *y.shape[3:]))(y)
        out = self(x, y, sizes)
        return Reshape((size, b, *out.shape[1:]))(out), 0

    def lower(self, *operands: kernel.Tensor) -> Any:
        x, y, sizes = operands
        out = np.dtype(self.result_dtype(x.dtype, y.dtype))
        wide = accumulation_dtype(out)
        wide = wide if has_dtype_code(wide) else np.dtype(np.float32)
        batch, rows, k = x.shape
        groups, n = sizes.shape[1], y.shape[-1]
        shape = (groups, batch, k, n) if self.by_terms else (batch, rows, n)
        flat = (kernel.cast(x, wide), kernel.cast(y, wide), sizes)
        params = (dtype_code(wide), int(self.by_terms), batch, groups, rows, k, n)
        node = kernel.Library("ragged_dot", flat, [(shape, wide)], params)
        return kernel.cast(kernel.one_result(node), out)

    def reference(self, *operands: Any) -> Any:
        x, y, sizes = map(np.asarray, operands)
        out = np.dtype(self.result_dtype(x.dtype, y.dtype))
        wide = accumulation_dtype(out)
        found = np.zeros(self.infer(*(Aval(a.shape, a.dtype) for a in (x, y, sizes))).shape, wide)
        x, y = x.astype(wide), y.astype(wide)
        for b in range(x.shape[0]):
            begin = 0
            for g, size in enumerate(sizes[b]):
                at = slice(begin, min(begin + max(int(size), 0), x.shape[1]))
                begin = at.stop
                if self.by_terms:
                    found[g, b] = x[b, at].T @ y[b, at]
                else:
                    found[b, at] = x[b, at] @ y[g, b]
        return found.astype(out)


@final
@record
class RaggedDotDimensionNumbers:
    """The axes of a product of groups.

    `dot_dimension_numbers` are those of `dot_general`; the one ragged axis of lhs is cut in groups,
    and an axis of rhs may count them.
    """

    dot_dimension_numbers: Any
    lhs_ragged_dimensions: Sequence[int]
    rhs_group_dimensions: Sequence[int]


def ragged_dot(
    lhs: Any,
    rhs: Any,
    group_sizes: Any,
    precision: PrecisionLike = None,
    preferred_element_type: Any = None,
    group_offset: Any = None,
    out_sharding: Any = None,
) -> Any:
    """Multiply each group of lhs's rows by its own matrix of rhs.

    Shapes: lhs: [m, k], rhs: [g, k, n], group_sizes: [g] integers -> [m, n]; the first
        group_sizes[0] rows are the first group, and rows after all groups give zeros.
    """
    numbers = RaggedDotDimensionNumbers((((1,), (1,)), ((), ())), (0,), (0,))
    return ragged_dot_general(
        lhs, rhs, group_sizes, numbers, precision, preferred_element_type, group_offset
    )


def ragged_dot_general(
    lhs: Any,
    rhs: Any,
    group_sizes: Any,
    ragged_dot_dimension_numbers: RaggedDotDimensionNumbers,
    precision: PrecisionLike = None,
    preferred_element_type: Any = None,
    group_offset: Any = None,
    out_sharding: Any = None,
) -> Any:
    """Multiply as `dot_general`, where an axis of lhs is cut in groups.

    Shapes: b batch axes, m and n free ones, k contracted ones, x those before the ragged axis.
        A free axis is ragged: [b, m, k], [g, b, k, n], sizes [b, x, g] -> [b, m, n].
        A contracted one: [b, m, k], [b, k, n], sizes [b, x, g] -> [g, b, m, n].
        A batch axis: [b, m, k], [b, k, n] -> [b, m, n], as `dot_general`. Sizes may be [g].
    Errors: TypeError for sizes of another shape or no integers; NotImplementedError for an offset.
    """
    x, y, sizes = as_value(lhs), as_value(rhs), as_value(group_sizes)
    if group_offset is not None:
        raise UnsupportedArgumentError(
            f"ragged_dot_general: group_offset is not implemented.{at_user_line()}"
        )
    if not dtypes.issubdtype(sizes.dtype, np.integer):
        raise wrong(f"group_sizes must be integers; got {sizes.aval}")
    numbers = ragged_dot_dimension_numbers
    ragged = tuple(numbers.lhs_ragged_dimensions)
    group_axes = tuple(numbers.rhs_group_dimensions)
    if len(ragged) != 1 or len(group_axes) > 1:
        raise wrong(f"expected one ragged axis and at most one group axis; got {numbers}")
    dot_numbers = canonical_numbers(numbers.dot_dimension_numbers)
    preferred = preferred_element_type
    preferred = None if preferred is None else dtypes.canonicalize_dtype(preferred)
    (axis,) = ragged
    (cx, _), (bx, _) = dot_numbers
    if axis in bx:
        return dot_general(x, y, dot_numbers, precision, preferred)
    sizes = ConvertElementType(I32, False)(sizes)
    if axis in cx:
        if group_axes:
            raise wrong("rhs has no group axis where a contracted axis is ragged")
        return by_terms(x, y, sizes, dot_numbers, axis, preferred)
    if len(group_axes) != 1:
        raise wrong("rhs needs a group axis where a free axis of lhs is ragged")
    return by_rows(x, y, sizes, dot_numbers, (axis, group_axes[0]), preferred)


def wrong(problem: str) -> ShapeError:
    """Make the error for operands that do not go together."""
    return ShapeError(f"ragged_dot_general: {problem}.{at_user_line()}")


def sizes_for(sizes: Any, batch: Sequence[int], outer: Sequence[int], inner: int) -> Any:
    """Return the sizes of groups, in rows, for each index of the batch and outer axes."""
    groups = sizes.shape[-1] if sizes.ndim else 0
    wanted = (*batch, *outer, groups)
    if sizes.shape == (groups,) and len(wanted) > 1:
        sizes = BroadcastInDim(wanted, (len(wanted) - 1,))(sizes)
    if sizes.ndim == 0 or sizes.shape != wanted:
        raise wrong(f"expected group_sizes of shape {wanted}; got {sizes.aval}")
    sizes = Reshape((prod(wanted[:-1]), groups))(sizes)
    if inner == 1:
        return sizes
    factor = BroadcastInDim(sizes.shape, ())(np.asarray(inner, I32))
    return sizes * factor


def arranged(x: Any, *axes: Sequence[int]) -> Any:
    """Return an array with lists of its axes in order, each list flattened to one axis."""
    order = tuple(a for group in axes for a in group)
    shape = tuple(prod(x.shape[a] for a in group) for group in axes)
    return Reshape(shape)(Transpose(order)(x))


def by_rows(x: Any, y: Any, sizes: Any, numbers: Any, axes: tuple[int, int], preferred: Any) -> Any:
    """Multiply where a free axis of x is ragged."""
    (cx, cy), (bx, by) = numbers
    axis, group_axis = axes
    free_x = free_axes(x.ndim, cx, bx)
    free_y = free_axes(y.ndim, (*cy, group_axis), by)
    at = free_x.index(axis)
    outer, inner = free_x[:at], free_x[at + 1 :]
    batch = [x.shape[a] for a in bx]
    outer_shape = [x.shape[a] for a in outer]
    groups = sizes_for(sizes, batch, outer_shape, prod(x.shape[a] for a in inner))
    if groups.shape[1] != y.shape[group_axis]:
        raise wrong(f"expected {y.shape[group_axis]} groups; got group_sizes {sizes.aval}")
    left = arranged(x, (*bx, *outer), (axis, *inner), cx)
    right = arranged(y, (group_axis,), by, cy, free_y)
    if outer:
        g, b, k, n = right.shape
        repeat = prod(outer_shape)
        right = BroadcastInDim((g, b, repeat, k, n), (0, 1, 3, 4))(right)
        right = Reshape((g, b * repeat, k, n))(right)
    out = RaggedDot(False, preferred)(left, right, groups)
    return Reshape((*batch, *(x.shape[a] for a in free_x), *(y.shape[a] for a in free_y)))(out)


def by_terms(x: Any, y: Any, sizes: Any, numbers: Any, axis: int, preferred: Any) -> Any:
    """Multiply where a contracted axis of x is ragged."""
    (cx, cy), (bx, by) = numbers
    free_x, free_y = free_axes(x.ndim, cx, bx), free_axes(y.ndim, cy, by)
    at = cx.index(axis)
    outer = tuple(sorted(a for a in cx if a < axis))
    inner = tuple(a for a in cx if a not in (*outer, axis))
    partner = dict(zip(cx, cy, strict=True))
    del at
    batch, outer_shape = [x.shape[a] for a in bx], [x.shape[a] for a in outer]
    groups = sizes_for(sizes, batch, outer_shape, prod(x.shape[a] for a in inner))
    left = arranged(x, (*bx, *outer), (axis, *inner), free_x)
    right = arranged(
        y, (*by, *(partner[a] for a in outer)), [partner[a] for a in (axis, *inner)], free_y
    )
    out = RaggedDot(True, preferred)(left, right, groups)
    if outer:
        g, _, m, n = out.shape
        out = ReduceSum((2,))(Reshape((g, prod(batch), prod(outer_shape), m, n))(out))
    free = (*(x.shape[a] for a in free_x), *(y.shape[a] for a in free_y))
    return Reshape((out.shape[0], *batch, *free))(out)
