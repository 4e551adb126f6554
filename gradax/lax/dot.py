"""Products of arrays: dot_general and what is written with it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import prod
from typing import Any, final

import numpy as np

from gradax import dtypes, kernel, native
from gradax.core.aval import Aval
from gradax.core.op import Op, operation
from gradax.core.tangent import Zero, is_linear, is_zero
from gradax.core.value import as_value
from gradax.errors import require
from gradax.kernel.libraries import dtype_code, has_dtype_code
from gradax.lax.arithmetic import Add
from gradax.lax.families import ANY, check_dtype, incompatible, tangent_like
from gradax.lax.precision import PrecisionLike, canonical_precision
from gradax.lax.shapes import Transpose, accumulation_dtype
from gradax.sizes import is_open, likely

Axes = tuple[int, ...]
Sides = tuple[Axes, Axes]  # of the left operand, of the right one
DimensionNumbers = tuple[Sides, Sides]
DotDimensionNumbers = tuple[
    tuple[Sequence[int], Sequence[int]], tuple[Sequence[int], Sequence[int]]
]

# Processors with vectors of so many bytes multiply short integers faster than floats.
PACKED_BYTES = 32

# Up to here a product is written out, term by term, so that it joins the loops around it.
UNROLLED_TERMS = 8
SMALL_WORK = 512
# From here on the library's tiles gain more than joining loops does: rows, columns, and terms
# where the loops would read the right operand along its rows, or across them.
TILED_SIDE = 16
TILED_TERMS = (4, 2)


@final
@operation
class DotGeneral(Op):
    """Sum the products of two arrays over contracted axes, for each index of the batch axes.

    Shapes: x: [batch, free x, contracted], y: [batch, free y, contracted], the axes in any order
        -> [batch, free x, free y].
    Errors: TypeError where contracted or batch axes differ in size.
    Accuracy: half-precision products are summed in float32; `precision` never lowers any.
    """

    dimension_numbers: DimensionNumbers
    precision: Any = None
    preferred_element_type: Any = None

    name = "dot_general"

    def infer(self, *avals: Aval) -> Aval:
        x, y = avals
        check_dtype(self, ANY, x, y)
        self.check_dimensions(x, y)
        (cx, cy), (bx, by) = self.dimension_numbers
        if any(x.shape[i] != y.shape[j] for i, j in zip((*cx, *bx), (*cy, *by), strict=True)):
            raise incompatible("dot_general", x.shape, y.shape)
        shape = [x.shape[i] for i in (*bx, *free_axes(x.ndim, cx, bx))]
        shape += [y.shape[i] for i in free_axes(y.ndim, cy, by)]
        weak = x.weak_type and y.weak_type
        return Aval(shape, self.result_dtype(x.dtype, y.dtype), weak)

    def check_dimensions(self, x: Aval, y: Aval) -> None:
        """Raise a ShapeError unless the dimension numbers fit the operands' ranks."""
        contracting, batching = self.dimension_numbers
        for one, other, what in ((*contracting, "contracting"), (*batching, "batch")):
            require(len(one) == len(other), self, f"as many {what} axes on both sides", one, other)
        for aval, c, b in zip((x, y), contracting, batching, strict=True):
            axes = (*c, *b)
            fits = len(set(axes)) == len(axes) and all(0 <= a < aval.ndim for a in axes)
            require(fits, self, f"distinct axes of {aval}", self.dimension_numbers)

    def result_dtype(self, x: Any, y: Any) -> Any:
        """Return the dtype of the result."""
        if self.preferred_element_type is not None:
            return self.preferred_element_type
        return x if x == y else dtypes.promote_types(x, y)

    def jvp(self, primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
        (x, y), (dx, dy) = primals, tangents
        out = self(x, y)
        terms = [] if is_zero(dx) else [self(dx, y)]
        terms += [] if is_zero(dy) else [self(x, dy)]
        if not terms:
            return out, Zero(tangent_like(out))
        return out, terms[0] if len(terms) == 1 else Add()(*terms)

    def transpose(self, ct: Any, *operands: Any) -> Any:
        x, y = operands
        (cx, cy), (bx, by) = self.dimension_numbers
        n_batch = len(bx)
        if is_linear(x):
            n_free = x.aval.ndim - len(cx) - n_batch
            kept = tuple(range(n_batch + n_free, ct.ndim))
            return self.cotangent(ct, y, kept, (cy, by), (cx, bx), x.aval), None
        n_free = np.ndim(x) - len(cx) - n_batch
        kept = tuple(range(n_batch, n_batch + n_free))
        return None, self.cotangent(ct, x, kept, (cx, bx), (cy, by), y.aval)

    def cotangent(self, ct: Any, y: Any, over: Axes, of_y: Sides, of_x: Sides, x: Aval) -> Any:
        """Return the cotangent of the operand `x`; `over` are the axes in ct of the other, y."""
        (cy, by), (cx, bx) = of_y, of_x
        ny = np.ndim(y)
        rest, batch = free_axes(ny, cy, by), tuple(range(len(bx)))
        same = self.preferred_element_type is None and ct.dtype == y.dtype == x.dtype
        preferred = None if same else x.dtype
        precision = self.precision
        swapped = precision[::-1] if isinstance(precision, tuple) else precision
        # A product has axes (batch, x free, y contracted in y's order), or the last two the other
        # way round with the operands exchanged: take the order that x has, if it is one of them.
        partner = [cx[k] for k in np.argsort(np.asarray(cy, int))]
        free = free_axes(x.ndim, cx, bx)
        if (*bx, *partner, *free) == tuple(range(x.ndim)):
            numbers = ((rest, over), (by, batch))
            return DotGeneral(numbers, precision, preferred)(y, ct)
        out = DotGeneral(((over, rest), (batch, by)), swapped, preferred)(ct, y)
        order = (*bx, *free, *partner)
        if order == tuple(range(x.ndim)):
            return out
        return Transpose(tuple(int(i) for i in np.argsort(order)))(out)

    def batch(self, args: tuple[Any, ...], dims: tuple[int | None, ...]) -> Any:
        (x, y), (dx, dy) = args, dims
        (cx, cy), (bx, by) = self.dimension_numbers
        if dx is not None:
            cx, bx = raised(cx, dx), raised(bx, dx)
        if dy is not None:
            cy, by = raised(cy, dy), raised(by, dy)
        if dx is not None and dy is not None:
            bx, by = (dx, *bx), (dy, *by)
            place = 0
        elif dx is not None:
            place = len(bx) + free_axes(x.ndim, cx, bx).index(dx)
        else:
            n_free = np.ndim(x) - len(cx) - len(bx)
            place = len(by) + n_free + free_axes(y.ndim, cy, by).index(dy)
        numbers = ((cx, cy), (bx, by))
        return DotGeneral(numbers, self.precision, self.preferred_element_type)(x, y), place

    def lower(self, *operands: kernel.Tensor) -> Any:
        return lower_dot(self, *operands)

    def reference(self, *operands: Any) -> Any:
        x, y = map(np.asarray, operands)
        (cx, cy), (bx, by) = self.dimension_numbers
        fx, fy = free_axes(x.ndim, cx, bx), free_axes(y.ndim, cy, by)
        out_dtype = np.dtype(self.result_dtype(x.dtype, y.dtype))
        wide = accumulation_dtype(out_dtype)
        shape = [x.shape[i] for i in (*bx, *fx)] + [y.shape[i] for i in fy]
        batch, terms = [x.shape[i] for i in bx], prod(x.shape[i] for i in cx)
        rows, columns = prod(x.shape[i] for i in fx), prod(y.shape[i] for i in fy)
        x = x.transpose(*bx, *fx, *cx).reshape(*batch, rows, terms).astype(wide, copy=False)
        y = y.transpose(*by, *cy, *fy).reshape(*batch, terms, columns).astype(wide, copy=False)
        with np.errstate(all="ignore"):
            return np.matmul(x, y).reshape(shape).astype(out_dtype, copy=False)

    def printed_params(self) -> dict[str, Any]:
        lists = tuple(tuple(map(list, pair)) for pair in self.dimension_numbers)
        shown: dict[str, Any] = {"dimension_numbers": lists}
        if self.precision is not None:
            shown["precision"] = self.precision
        if self.preferred_element_type is not None:
            shown["preferred_element_type"] = self.preferred_element_type
        return shown


def free_axes(ndim: int, contracted: Iterable[int], batch: Iterable[int]) -> Axes:
    """Return the axes that are neither contracted nor batched."""
    taken = {*contracted, *batch}
    return tuple(i for i in range(ndim) if i not in taken)


def raised(axes: Axes, dim: int) -> Axes:
    """Return where axes are once another is inserted at `dim`."""
    return tuple(a + (a >= dim) for a in axes)


def lower_dot(op: DotGeneral, x: kernel.Tensor, y: kernel.Tensor) -> kernel.Tensor:
    """Choose between loops that fuse with their surroundings and the library's product."""
    (cx, cy), (bx, by) = op.dimension_numbers
    fx, fy = free_axes(x.ndim, cx, bx), free_axes(y.ndim, cy, by)
    # A transposed array is read where it lies.
    x, (cx, bx, fx) = untransposed(x, cx, bx, fx)
    y, (cy, by, fy) = untransposed(y, cy, by, fy)
    out = np.dtype(op.result_dtype(x.dtype, y.dtype))
    terms = prod(x.shape[i] for i in cx)
    rows, columns = prod(x.shape[i] for i in fx), prod(y.shape[i] for i in fy)
    unroll = not is_open(terms) and terms <= UNROLLED_TERMS
    is_short = unroll and not (
        out == x.dtype == y.dtype
        and out.name in ("float32", "float64")
        and likely(rows) >= TILED_SIDE
        and likely(columns) >= TILED_SIDE
        and terms >= TILED_TERMS[bool(fy and fy[-1] != y.ndim - 1)]
    )
    if is_short or rows * columns == 1 or likely(rows * columns * terms) <= SMALL_WORK:
        return loops(x, y, (cx, cy), (bx, by), (fx, fy), out, unroll)
    batch = prod(x.shape[i] for i in bx)
    wide = accumulation_dtype(out)
    packed = x.dtype == y.dtype and native.vector_bytes() >= PACKED_BYTES
    exact = out == np.int32 and not packed and is_exact_in_float(x.dtype, y.dtype, terms)
    if exact:
        x, y = kernel.cast(x, np.float32), kernel.cast(y, np.float32)
    elif x.dtype != y.dtype or not has_dtype_code(x.dtype) or not takes(x.dtype, out):
        x, y = kernel.cast(x, wide), kernel.cast(y, wide)
    given = x.dtype if exact else out if takes(x.dtype, out) else wide
    order = contraction_order(x, y, (cx, cy), (bx, by), (fx, fy))
    left, trans_a = as_matrices(x, bx, fx, tuple(cx[k] for k in order), (batch, rows, terms))
    right, trans_b = as_matrices(y, by, fy, tuple(cy[k] for k in order), (batch, columns, terms))
    strides = (rows * terms, columns * terms, rows * columns)
    sizes = (dtype_code(x.dtype), batch, rows, columns, terms)
    params = (*sizes, trans_a, not trans_b, *strides, dtype_code(given))
    node = kernel.Library("gemm", (left, right), [((batch, rows, columns), given)], params)
    shape = tuple(x.shape[i] for i in (*bx, *fx)) + tuple(y.shape[i] for i in fy)
    product = kernel.reshape(kernel.one_result(node), shape)
    return product if given == out else kernel.cast(product, out)


def untransposed(x: kernel.Tensor, *lists: Axes) -> tuple[kernel.Tensor, list[Axes]]:
    """Return what a tensor is the transpose of (or itself), and where given axes lie in that."""
    while isinstance(x, kernel.Map) and isinstance(x.body, kernel.Load):
        load = x.body
        axes = [i.axis for i in load.indices if isinstance(i, kernel.Index)]
        if load.guard is not None or sorted(axes) != list(range(load.source.ndim)):
            break
        if len(axes) != x.ndim or any(
            x.shape[a] != n for a, n in zip(axes, load.source.shape, strict=True)
        ):
            break
        lists = tuple(tuple(axes.index(a) for a in given) for given in lists)
        x = load.source
    return x, list(lists)


def is_exact_in_float(x: Any, y: Any, terms: int) -> bool:
    """Tell whether every partial sum of products of two dtypes is a float32 without rounding."""
    if any(np.dtype(d).kind not in "iu" or np.dtype(d).itemsize > 1 for d in (x, y)):
        return False
    largest = [max(-int(np.iinfo(d).min), int(np.iinfo(d).max)) for d in (x, y)]
    return terms * prod(largest) <= 1 << 24


def takes(operand: Any, out: Any) -> bool:
    """Tell whether the library has the product of `operand`s with results of `out`."""
    return operand == out or out.name in ("int32", "float32", "float64")


def contraction_order(
    x: kernel.Tensor,
    y: kernel.Tensor,
    contracted: tuple[Axes, Axes],
    batch: tuple[Axes, Axes],
    free: tuple[Axes, Axes],
) -> tuple[int, ...]:
    """Order the contracted axes so that as few bytes as possible are moved."""
    if len(contracted[0]) < 2:
        return tuple(range(len(contracted[0])))

    def cost(order: tuple[int, ...]) -> int:
        sides = zip((x, y), contracted, batch, free, strict=True)
        return sum(
            0 if is_matrix(t, b, f, tuple(c[k] for k in order)) else likely(t.nbytes)
            for t, c, b, f in sides
        )

    orders = [tuple(int(k) for k in np.argsort(np.asarray(c))) for c in contracted]
    return min(orders, key=cost)


def is_matrix(x: kernel.Tensor, batch: Axes, free: Axes, contracted: Axes) -> bool:
    """Tell whether axes lie as (batch, free, contracted) or (batch, contracted, free)."""
    return in_place(x, (*batch, *free, *contracted)) or in_place(x, (*batch, *contracted, *free))


def in_place(x: kernel.Tensor, order: Axes) -> bool:
    """Tell whether a permutation moves no element (axes of size 1 may go anywhere)."""
    long = [a for a in order if x.shape[a] != 1]
    return long == sorted(long)


def as_matrices(
    x: kernel.Tensor, batch: Axes, free: Axes, contracted: Axes, sizes: tuple[int, int, int]
) -> tuple[kernel.Tensor, bool]:
    """Return an operand as [batch, free, contracted], and whether the last two are swapped."""
    n_batch, n_free, n_contracted = sizes
    if not in_place(x, (*batch, *free, *contracted)):
        if in_place(x, (*batch, *contracted, *free)):
            return kernel.reshape(x, (n_batch, n_contracted, n_free)), True
        x = permuted(x, (*batch, *free, *contracted))
    return kernel.reshape(x, sizes), False


def permuted(x: kernel.Tensor, order: Axes) -> kernel.Tensor:
    """Transpose a tensor."""
    inverse = np.argsort(order)
    return kernel.compute(tuple(x.shape[a] for a in order), lambda *i: x[[i[k] for k in inverse]])


def loops(
    x: kernel.Tensor,
    y: kernel.Tensor,
    contracted: tuple[Axes, Axes],
    batch: tuple[Axes, Axes],
    free: tuple[Axes, Axes],
    out: Any,
    unroll: bool,
) -> kernel.Tensor:
    """Write the product as loops, the sum in them unrolled or not."""
    wide = accumulation_dtype(out)
    (cx, cy), (bx, by), (fx, fy) = contracted, batch, free
    times, plus = ("and", "or") if wide == np.bool_ else ("mul", "add")
    shape = tuple(x.shape[i] for i in (*bx, *fx)) + tuple(y.shape[i] for i in fy)
    extents = tuple(x.shape[i] for i in cx)
    n, n_batch, n_x = len(shape), len(bx), len(fx)
    here = [kernel.index(i) for i in range(n)]

    def term(summed: Sequence[kernel.Scalar]) -> kernel.Scalar:
        at_x = dict(zip((*bx, *fx, *cx), (*here[: n_batch + n_x], *summed), strict=True))
        at_y = dict(
            zip((*by, *fy, *cy), (*here[:n_batch], *here[n_batch + n_x :], *summed), strict=True)
        )
        a = kernel.convert(x[[at_x[i] for i in range(x.ndim)]], wide)
        return kernel.apply(times, a, kernel.convert(y[[at_y[i] for i in range(y.ndim)]], wide))

    if unroll:
        total: kernel.Scalar = kernel.const(0, wide)
        for place in np.ndindex(*extents):
            new = term([kernel.const(p, kernel.INT) for p in place])
            # Beginning with zero, as BLAS does, decides the sign of a sum of zeros.
            total = kernel.apply(plus, total, new)
        return kernel.Map(shape, kernel.convert(total, out))
    rule = kernel.apply(plus, kernel.slot(0, wide), kernel.slot(1, wide))
    body = term([kernel.index(n + k) for k in range(len(extents))])
    node = kernel.Reduce(shape, extents, (rule,), (kernel.const(0, wide),), (body,))
    return kernel.one_result(node) if wide == out else kernel.cast(kernel.one_result(node), out)


def canonical_numbers(numbers: DotDimensionNumbers) -> DimensionNumbers:
    """Return dimension numbers as tuples of integers."""
    (cx, cy), (bx, by) = numbers
    a, b, c, d = (tuple(int(i) for i in axes) for axes in (cx, cy, bx, by))
    return (a, b), (c, d)


def dot_general(
    lhs: Any,
    rhs: Any,
    dimension_numbers: DotDimensionNumbers,
    precision: PrecisionLike = None,
    preferred_element_type: Any = None,
    *,
    out_sharding: Any = None,
) -> Any:
    """Multiply and sum over contracted axes.

    Shapes: dimension_numbers is ((contracted of lhs, of rhs), (batch of lhs, of rhs));
        the result has axes (batch, free of lhs, free of rhs).
    Errors: TypeError where the sizes of paired axes differ.
    """
    x, y = as_value(lhs), as_value(rhs)
    preferred = None
    if preferred_element_type is not None:
        preferred = dtypes.canonicalize_dtype(preferred_element_type)
    op = DotGeneral(canonical_numbers(dimension_numbers), canonical_precision(precision), preferred)
    return op(x, y)


def dot(
    lhs: Any,
    rhs: Any,
    *,
    dimension_numbers: DotDimensionNumbers | None = None,
    precision: PrecisionLike = None,
    preferred_element_type: Any = None,
    out_sharding: Any = None,
) -> Any:
    """Multiply vectors and matrices: the last axis of `lhs` with the first of `rhs`.

    Errors: TypeError unless both have one or two axes and those two are equally long.
    """
    x, y = as_value(lhs), as_value(rhs)
    if dimension_numbers is None:
        if not (1 <= x.ndim <= 2 and 1 <= y.ndim <= 2 and x.shape[-1] == y.shape[0]):
            raise incompatible("dot", x.shape, y.shape)
        dimension_numbers = (((x.ndim - 1,), (0,)), ((), ()))
    return dot_general(x, y, dimension_numbers, precision, preferred_element_type)


def batch_matmul(lhs: Any, rhs: Any, precision: PrecisionLike = None) -> Any:
    """Multiply the matrices of two stacks.

    Shapes: [.., m, k], [.., k, n] -> [.., m, n], the leading axes equal.
    """
    x, y = as_value(lhs), as_value(rhs)
    n = x.ndim
    if n < 2 or n != y.ndim:
        raise incompatible("batch_matmul", x.shape, y.shape)
    batch = tuple(range(n - 2))
    return dot_general(x, y, (((n - 1,), (n - 2,)), (batch, batch)), precision)
