"""Products of arrays: dot, matmul, tensordot, inner, outer, kron, cross and their like."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from gradax import dtypes
from gradax.errors import ArgumentError, at_user_line
from gradax.lax.arithmetic import Add, Sub
from gradax.lax.dot import DotGeneral
from gradax.lax.families import incompatible, unequal_factors
from gradax.lax.joining import Concatenate
from gradax.lax.precision import PrecisionLike, canonical_precision
from gradax.lax.shapes import BroadcastInDim, Reshape, Squeeze
from gradax.numpy.arithmetic import conjugate, multiply
from gradax.numpy.axes import canonical_axes
from gradax.numpy.indexing import index
from gradax.numpy.one_program import one_program
from gradax.numpy.promotion import COMPLEX, binary, broadcast_shape, operands, promote_dtypes
from gradax.numpy.ranges import diagonal
from gradax.numpy.reductions import sum
from gradax.numpy.shaping import expand_dims, moveaxis, transposed

Axes = tuple[int, ...]


def contract(
    x: Any,
    y: Any,
    contracted: tuple[Axes, Axes],
    batch: tuple[Axes, Axes] = ((), ()),
    precision: PrecisionLike = None,
    preferred: Any = None,
) -> Any:
    """Return the general product of two arrays of one dtype."""
    wanted = x.dtype if preferred is None else dtypes.check_user_dtype(preferred, "dot")
    return product_op((contracted, batch), canonical_precision(precision), wanted)(x, y)


@lru_cache(1000)
def product_op(numbers: Any, precision: Any, wanted: Any) -> DotGeneral:
    """Return the operation; making one takes longer than a small product."""
    return DotGeneral(numbers, precision, wanted)


def factors(name: str, x: Any, y: Any) -> list[Any]:
    """Return two arguments as arrays of one dtype."""
    x, y = operands(name, x, y)
    return [x, y] if x.aval.dtype == y.aval.dtype else promote_dtypes(x, y)


def dot(
    a: Any,
    b: Any,
    *,
    precision: PrecisionLike = None,
    preferred_element_type: Any = None,
    out_sharding: Any = None,
) -> Any:
    """Multiply: the last axis of `a` with the last but one (of vectors, the only) axis of `b`.

    Errors: TypeError where the two axes differ in size.
    """
    x, y = factors("dot", a, b)
    if x.ndim == 0 or y.ndim == 0:
        return multiply(x, y)
    axis = max(y.ndim - 2, 0)
    if x.shape[-1] != y.shape[axis]:
        mend = unequal_factors(x.shape, x.ndim - 1, y.shape, axis)
        raise incompatible("dot", x.shape, y.shape, mend=mend)
    pairs = (x.ndim - 1,), (axis,)
    return contract(x, y, pairs, ((), ()), precision, preferred_element_type)


def matmul(
    a: Any,
    b: Any,
    *,
    precision: PrecisionLike = None,
    preferred_element_type: Any = None,
    out_sharding: Any = None,
) -> Any:
    """Multiply matrices in the last two axes; the others are broadcast; vectors lose their axis.

    Errors: ValueError for rank 0; TypeError for sizes that do not fit.
    """
    x, y = factors("matmul", a, b)
    if x.ndim == 0 or y.ndim == 0:
        raise ArgumentError(
            f"matmul: expected arrays of rank 1 or more, got shapes {x.shape} and {y.shape}"
            f"{at_user_line()}\nUse x * y for products with a number."
        )
    axis = max(y.ndim - 2, 0)
    if x.shape[-1] != y.shape[axis]:
        mend = unequal_factors(x.shape, x.ndim - 1, y.shape, axis)
        raise incompatible("matmul", x.shape, y.shape, mend=mend)
    if x.ndim <= 2 and y.ndim <= 2:
        pairs = (x.ndim - 1,), (axis,)
        return contract(x, y, pairs, ((), ()), precision, preferred_element_type)
    return stacked_matmul(x, y, precision, preferred_element_type)


def stacked_matmul(x: Any, y: Any, precision: PrecisionLike, preferred: Any) -> Any:
    """Multiply stacks of matrices, without repeating those of a stack of one."""
    bx, by = x.shape[:-2], y.shape[:-2]
    batch = broadcast_shape("matmul", bx, by)
    n = len(batch)
    x_ones = tuple(i for i, m in enumerate(bx) if m == 1 and batch[n - len(bx) + i] != 1)
    y_ones = tuple(i for i, m in enumerate(by) if m == 1 and batch[n - len(by) + i] != 1)
    # Where an axis of either is repeated it is left out, and its partner is a free axis.
    x_places = [n - len(bx) + i for i in range(len(bx)) if i not in x_ones]
    y_places = [n - len(by) + i for i in range(len(by)) if i not in y_ones]
    x = Squeeze(x_ones)(x) if x_ones else x
    y = Squeeze(y_ones)(y) if y_ones else y
    shared = [p for p in x_places if p in y_places]
    pairs = (x.ndim - 1,), (max(y.ndim - 2, 0),)
    axes = tuple(x_places.index(p) for p in shared), tuple(y_places.index(p) for p in shared)
    out = contract(x, y, pairs, axes, precision, preferred)
    order = [*shared, *(p for p in x_places if p not in shared)]
    n_rows = 1 if x.ndim > len(x_places) + 1 else 0
    after = [p for p in y_places if p not in shared]
    labels: list[Any] = [*order, *["row"] * n_rows, *after]
    labels += ["column"] * (1 if y.ndim > len(y_places) + 1 else 0)
    wanted = [*range(n), *(v for v in ("row", "column") if v in labels)]
    return transposed(out, tuple(labels.index(v) for v in wanted if v in labels))


@one_program()
def vdot(
    a: Any,
    b: Any,
    *,
    precision: PrecisionLike = None,
    preferred_element_type: Any = None,
) -> Any:
    """Return the sum of the products of all elements, those of `a` conjugated."""
    x, y = factors("vdot", a, b)
    if x.size != y.size:
        raise incompatible("vdot", x.shape, y.shape)
    x = conjugate(x) if x.dtype in COMPLEX else x
    x, y = (v if v.ndim == 1 else Reshape((v.size,))(v) for v in (x, y))
    return contract(x, y, ((0,), (0,)), ((), ()), precision, preferred_element_type)


@one_program()
def inner(
    a: Any,
    b: Any,
    *,
    precision: PrecisionLike = None,
    preferred_element_type: Any = None,
) -> Any:
    """Multiply and sum over the last axis of both."""
    x, y = factors("inner", a, b)
    if x.ndim == 0 or y.ndim == 0:
        return multiply(x, y)
    if x.shape[-1] != y.shape[-1]:
        raise incompatible("inner", x.shape, y.shape)
    pairs = (x.ndim - 1,), (y.ndim - 1,)
    return contract(x, y, pairs, ((), ()), precision, preferred_element_type)


@one_program("out")
def outer(a: Any, b: Any, out: None = None) -> Any:
    """Return the matrix of the products of all elements of `a` with all of `b`."""
    if out is not None:
        raise NotImplementedError("outer: the 'out' argument is not supported")
    x, y = factors("outer", a, b)
    x, y = (v if v.ndim == 1 else Reshape((v.size,))(v) for v in (x, y))
    return multiply(expand_dims(x, 1), expand_dims(y, 0))


@one_program("axes")
def tensordot(
    a: Any,
    b: Any,
    axes: Any = 2,
    *,
    precision: PrecisionLike = None,
    preferred_element_type: Any = None,
    out_sharding: Any = None,
) -> Any:
    """Multiply and sum over the last n axes of `a` with the first n of `b`, or over pairs of axes.

    Errors: TypeError when paired axes differ in size.
    """
    x, y = factors("tensordot", a, b)
    if isinstance(axes, (tuple, list)):
        first, second = axes
        cx = canonical_axes("tensordot", first, x.ndim)
        cy = canonical_axes("tensordot", second, y.ndim)
    else:
        n = int(axes)
        if not 0 <= n <= min(x.ndim, y.ndim):
            raise ArgumentError(
                f"tensordot: cannot sum over {n} axes of arrays of shapes {x.shape} and {y.shape}"
                f"{at_user_line()}"
            )
        cx, cy = tuple(range(x.ndim - n, x.ndim)), tuple(range(n))
    if len(cx) != len(cy) or any(x.shape[i] != y.shape[j] for i, j in zip(cx, cy, strict=False)):
        raise incompatible("tensordot", x.shape, y.shape)
    return contract(x, y, (cx, cy), ((), ()), precision, preferred_element_type)


def vecdot(
    x1: Any,
    x2: Any,
    /,
    *,
    axis: int = -1,
    precision: PrecisionLike = None,
    preferred_element_type: Any = None,
) -> Any:
    """Multiply, `x1` conjugated, and sum along an axis; the others are broadcast."""
    x, y = factors("vecdot", x1, x2)
    x, y = moveaxis(x, axis, -1), moveaxis(y, axis, -1)
    if x.shape[-1] != y.shape[-1]:
        raise incompatible("vecdot", x.shape, y.shape)
    x = conjugate(x) if x.dtype in COMPLEX else x
    out = matmul(
        expand_dims(x, -2),
        expand_dims(y, -1),
        precision=precision,
        preferred_element_type=preferred_element_type,
    )
    return Squeeze((out.ndim - 2, out.ndim - 1))(out)


def matvec(x1: Any, x2: Any, /) -> Any:
    """Multiply matrices with vectors; leading axes are broadcast."""
    x, y = factors("matvec", x1, x2)
    if x.ndim < 2 or y.ndim < 1 or x.shape[-1] != y.shape[-1]:
        raise incompatible("matvec", x.shape, y.shape)
    out = matmul(x, expand_dims(y, -1))
    return Squeeze((out.ndim - 1,))(out)


def vecmat(x1: Any, x2: Any, /) -> Any:
    """Multiply vectors, conjugated, with matrices; leading axes are broadcast."""
    x, y = factors("vecmat", x1, x2)
    if x.ndim < 1 or y.ndim < 2 or x.shape[-1] != y.shape[-2]:
        raise incompatible("vecmat", x.shape, y.shape)
    out = matmul(expand_dims(conjugate(x), -2), y)
    return Squeeze((out.ndim - 2,))(out)


@one_program()
def kron(a: Any, b: Any) -> Any:
    """Return the Kronecker product: `b` scaled by every element of `a`."""
    x, y = factors("kron", a, b)
    ndim = max(x.ndim, y.ndim)
    xs, ys = (1,) * (ndim - x.ndim) + x.shape, (1,) * (ndim - y.ndim) + y.shape
    wide_x = tuple(n for m in xs for n in (m, 1))
    wide_y = tuple(n for m in ys for n in (1, m))
    x = BroadcastInDim(wide_x, tuple(range(2 * (ndim - x.ndim), 2 * ndim, 2)))(x)
    y = BroadcastInDim(wide_y, tuple(range(2 * (ndim - y.ndim) + 1, 2 * ndim, 2)))(y)
    shape = tuple(m * n for m, n in zip(xs, ys, strict=True))
    return Reshape(shape)(multiply(x, y))


def trace(
    a: Any,
    offset: int = 0,
    axis1: int = 0,
    axis2: int = 1,
    dtype: Any = None,
    out: None = None,
) -> Any:
    """Sum the diagonal of the matrices in two axes."""
    if out is not None:
        raise NotImplementedError("trace: the 'out' argument is not supported")
    return sum(diagonal(a, offset, axis1, axis2), -1, dtype=dtype)


@one_program("axisa", "axisb", "axisc", "axis")
def cross(
    a: Any,
    b: Any,
    axisa: int = -1,
    axisb: int = -1,
    axisc: int = -1,
    axis: int | None = None,
) -> Any:
    """Return the cross product of vectors of 3 (or 2) elements along an axis.

    Errors: ValueError for other sizes.
    """
    if axis is not None:
        axisa = axisb = axisc = axis
    x, y = factors("cross", a, b)
    x, y = moveaxis(x, axisa, -1), moveaxis(y, axisb, -1)
    if not {x.shape[-1], y.shape[-1]} <= {2, 3}:
        raise ArgumentError(
            f"cross: expected vectors of 2 or 3 elements, got shapes {x.shape} and {y.shape}"
            f"{at_user_line()}"
        )
    x0, x1, *x2 = (index(x, (..., i)) for i in range(x.shape[-1]))
    y0, y1, *y2 = (index(y, (..., i)) for i in range(y.shape[-1]))
    last = minus(multiply(x0, y1), multiply(x1, y0))
    if not x2 and not y2:
        return last
    zero = multiply(last, 0)
    first = minus(multiply(x1, y2[0]) if y2 else zero, multiply(x2[0], y1) if x2 else zero)
    second = minus(multiply(x2[0], y0) if x2 else zero, multiply(x0, y2[0]) if y2 else zero)
    parts = [expand_dims(binary(Add(), zero, v), -1) for v in (first, second, last)]
    return moveaxis(Concatenate(parts[0].ndim - 1)(*parts), -1, axisc)


def minus(x: Any, y: Any) -> Any:
    """Return the difference."""
    return binary(Sub(), x, y)


def multi_dot(arrays: Sequence[Any], *, precision: PrecisionLike = None) -> Any:
    """Multiply matrices in the order that takes the fewest operations; the ends may be vectors."""
    found = operands("multi_dot", *arrays)
    if len(found) < 2:
        raise ArgumentError(f"multi_dot: expected 2 arrays or more, got {len(found)}")
    found = promote_dtypes(*found)
    is_row, is_column = found[0].ndim == 1, found[-1].ndim == 1
    found[0] = expand_dims(found[0], 0) if is_row else found[0]
    found[-1] = expand_dims(found[-1], 1) if is_column else found[-1]
    sizes = [found[0].shape[0], *(x.shape[1] for x in found)]

    cost: dict[tuple[int, int], tuple[int, int]] = {}
    for span in range(len(found)):
        for i in range(len(found) - span):
            j = i + span
            options = [
                (cost[i, k][0] + cost[k + 1, j][0] + sizes[i] * sizes[k + 1] * sizes[j + 1], k)
                for k in range(i, j)
            ]
            cost[i, j] = min(options, default=(0, i))

    def multiply(i: int, j: int) -> Any:
        if i == j:
            return found[i]
        k = cost[i, j][1]
        return matmul(multiply(i, k), multiply(k + 1, j), precision=precision)

    out = multiply(0, len(found) - 1)
    dropped = tuple(i for i, drop in enumerate((is_row, is_column)) if drop)
    return Squeeze(dropped)(out) if dropped else out
