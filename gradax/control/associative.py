"""`associative_scan`: prefixes of any associative function.

Sums, products and extrema are cumulative operations. All else is a loop along the axis; where
elements are small, the axis is cut in chunks that the loop walks side by side, as lanes of vectors,
and what the chunks before it give is combined with each afterwards. The functions are traced a few
times, whatever the size, and applied at most twice to each element.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

from gradax import tree
from gradax.control.mapping import cut
from gradax.control.scan import scan
from gradax.core.aval import Aval
from gradax.core.jaxpr import ClosedJaxpr, Eqn
from gradax.core.staging import stage
from gradax.core.value import as_value, aval_of
from gradax.errors import AxisError, ShapeError, at_user_line
from gradax.lax.arithmetic import Add, Max, Min, Mul
from gradax.lax.cumulative import Cummax, Cummin, Cumprod, Cumsum
from gradax.lax.joining import Concatenate
from gradax.lax.shapes import BroadcastInDim, Reshape, Transpose
from gradax.lax.slicing import Rev

Combine = Callable[[list[Any], list[Any]], list[Any]]

CUMULATIVE: dict[type, type] = {Add: Cumsum, Mul: Cumprod, Max: Cummax, Min: Cummin}
# Elements that a loop's step should have, so that its vectors are full.
WIDTH = 64
LEAST_CHUNK = 16


def associative_scan(
    fn: Callable[[Any, Any], Any], elems: Any, reverse: bool = False, axis: int = 0
) -> Any:
    """Return the inclusive prefixes of an associative `fn` along an axis.

    `fn(a, b)` combines slices of any size along the axis, element by element.
    Shapes: the leaves of elems have one size along the axis; the result has their shapes.
    Errors: TypeError when they have not, or when fn is not callable.
    Cost: at most 2 n applications of fn.
    """
    if not callable(fn):
        raise TypeError(
            f"associative_scan: fn must be callable; got {type(fn).__name__}.{at_user_line()}"
        )
    leaves, structure = tree.flatten(elems)
    leaves = [as_value(x) for x in leaves]
    axis = check_axis(leaves, axis)

    def combine(a: list[Any], b: list[Any]) -> list[Any]:
        out = fn(tree.unflatten(structure, a), tree.unflatten(structure, b))
        return [as_value(x) for x in tree.leaves(out)]

    out = cumulative(combine, leaves, axis, reverse)
    if out is None:
        flipped = [Rev((axis,))(x) for x in leaves] if reverse else leaves
        out = prefixes(combine, flipped, axis)
        out = [Rev((axis,))(x) for x in out] if reverse else out
    return tree.unflatten(structure, out)


def check_axis(leaves: Sequence[Any], axis: int) -> int:
    """Return the axis counted from the first."""
    sizes: set[int] = set()
    for x in leaves:
        if not -x.ndim <= axis < x.ndim:
            raise AxisError(
                f"associative_scan: axis {axis} of a leaf of shape {x.shape}.{at_user_line()}"
            )
        sizes.add(x.shape[axis])
    if len(sizes) > 1:
        raise ShapeError(
            f"associative_scan: all leaves need one size along axis {axis}; got {sorted(sizes)}."
            f"{at_user_line()}"
        )
    return axis + leaves[0].ndim if axis < 0 and leaves else axis


def cumulative(combine: Combine, leaves: list[Any], axis: int, reverse: bool) -> list[Any] | None:
    """Return the prefixes of a function that is one known operation a leaf, None of another."""
    n = len(leaves)
    if not n or leaves[0].shape[axis] < 2:
        return None
    avals = [one_of(aval_of(x), axis) for x in leaves]
    closed = stage(lambda *xs: combine(list(xs[:n]), list(xs[n:])), [*avals, *avals])
    ops = known_operations(closed, n)
    if ops is None or any(aval_of(x).dtype.kind not in "fiu" for x in leaves):
        return None
    return [op(axis, reverse)(x) for op, x in zip(ops, leaves, strict=True)]


def one_of(aval: Aval, axis: int) -> Aval:
    """Return the type of a slice of size 1."""
    shape = (*aval.shape[:axis], 1, *aval.shape[axis + 1 :])
    return Aval(shape, aval.dtype, aval.weak_type)


def known_operations(closed: ClosedJaxpr, n: int) -> list[Callable[..., Any]] | None:
    """Return the cumulative operation of each leaf, None unless the program is those alone."""
    jaxpr = closed.jaxpr
    if len(jaxpr.eqns) != n or len(jaxpr.outvars) != n:
        return None
    made: dict[Any, Eqn] = {eqn.outvars[0]: eqn for eqn in jaxpr.eqns}
    found: list[Callable[..., Any]] = []
    for k, out in enumerate(jaxpr.outvars):
        eqn = made.get(out)
        pair = {jaxpr.invars[k], jaxpr.invars[n + k]}
        if eqn is None or type(eqn.op) not in CUMULATIVE or set(eqn.invars) != pair:
            return None
        found.append(CUMULATIVE[type(eqn.op)])
    return found


def prefixes(combine: Combine, elems: list[Any], axis: int) -> list[Any]:
    """Return the inclusive prefixes along an axis."""
    n = elems[0].shape[axis] if elems else 0
    if n < 2:
        return elems
    width = max(prod(x.shape) // n for x in elems)
    n_chunks = max(1, WIDTH // max(width, 1))
    size = n // n_chunks
    if n_chunks == 1 or size < LEAST_CHUNK:
        return one_by_one(combine, elems, axis)
    whole = n_chunks * size
    out = in_chunks(combine, [cut(x, 0, whole, 1, axis) for x in elems], axis, n_chunks)
    if whole == n:
        return out
    rest = [
        Concatenate(axis)(cut(y, whole - 1, whole, 1, axis), cut(x, whole, n, 1, axis))
        for x, y in zip(elems, out, strict=True)
    ]
    tail = [cut(y, 1, n - whole + 1, 1, axis) for y in one_by_one(combine, rest, axis)]
    return [Concatenate(axis)(y, z) for y, z in zip(out, tail, strict=True)]


def one_by_one(combine: Combine, elems: list[Any], axis: int) -> list[Any]:
    """Return prefixes by a loop over slices of size 1."""
    n = elems[0].shape[axis]
    steps = [lead(Reshape(split_shape(x.shape, axis, n, 1))(x), axis) for x in elems]
    return [merged(y, axis) for y in walk(combine, steps)]


def walk(combine: Combine, steps: list[Any]) -> list[Any]:
    """Return the prefixes of stacked slices."""
    n = steps[0].shape[0]
    first = [Reshape(x.shape[1:])(cut(x, 0, 1)) for x in steps]
    later = [cut(x, 1, n) for x in steps]

    def step(carry: list[Any], x: list[Any]) -> tuple[list[Any], list[Any]]:
        new = combine(carry, x)
        return new, new

    _, stacked = scan(step, first, later)
    return [Concatenate(0)(cut(x, 0, 1), y) for x, y in zip(steps, stacked, strict=True)]


def in_chunks(combine: Combine, elems: list[Any], axis: int, n_chunks: int) -> list[Any]:
    """Return prefixes by a loop that walks all chunks side by side."""
    size = elems[0].shape[axis] // n_chunks
    steps = [lead(Reshape(split_shape(x.shape, axis, n_chunks, size))(x), axis + 1) for x in elems]
    local = [Transpose(back(y.ndim, axis + 1))(y) for y in walk(combine, steps)]
    ends = [cut(y, size - 1, size, 1, axis + 1) for y in local]
    ends = [Reshape((*y.shape[: axis + 1], *y.shape[axis + 2 :]))(y) for y in ends]
    before = [cut(y, 0, n_chunks - 1, 1, axis) for y in one_by_one(combine, ends, axis)]
    firsts = [merged_chunks(cut(y, 0, 1, 1, axis), axis) for y in local]
    others = [merged_chunks(cut(y, 1, n_chunks, 1, axis), axis) for y in local]
    wide = [merged_chunks(repeated(y, axis, size), axis) for y in before]
    return [Concatenate(axis)(a, b) for a, b in zip(firsts, combine(wide, others), strict=True)]


def split_shape(shape: tuple[int, ...], axis: int, outer: int, inner: int) -> tuple[int, ...]:
    """Return a shape with an axis cut in two."""
    return (*shape[:axis], outer, inner, *shape[axis + 1 :])


def lead(x: Any, axis: int) -> Any:
    """Move an axis to the front."""
    return Transpose((axis, *(k for k in range(x.ndim) if k != axis)))(x)


def back(ndim: int, axis: int) -> tuple[int, ...]:
    """Return the permutation that moves the front axis to a place."""
    order = list(range(1, ndim))
    return (*order[:axis], 0, *order[axis:])


def merged(y: Any, axis: int) -> Any:
    """Return stacked slices of size 1 as one array."""
    y = Transpose(back(y.ndim, axis))(y)
    return merged_chunks(y, axis)


def merged_chunks(y: Any, axis: int) -> Any:
    """Join an axis and the one behind it."""
    n = y.shape[axis] * y.shape[axis + 1]
    return Reshape((*y.shape[:axis], n, *y.shape[axis + 2 :]))(y)


def repeated(y: Any, axis: int, times: int) -> Any:
    """Return an array with a new axis behind another, along which it repeats."""
    kept = tuple(k for k in range(y.ndim + 1) if k != axis + 1)
    shape = (*y.shape[: axis + 1], times, *y.shape[axis + 1 :])
    return BroadcastInDim(shape, kept)(y)
