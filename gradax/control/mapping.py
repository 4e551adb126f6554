"""`map` and `associative_scan`: loops written with others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gradax import tree
from gradax.control.scan import scan
from gradax.core.value import as_value
from gradax.errors import ShapeError, at_user_line
from gradax.lax.arithmetic import Add
from gradax.lax.bits import Or
from gradax.lax.joining import Concatenate
from gradax.lax.shapes import Reshape
from gradax.lax.slicing import Pad, Rev, Slice
from gradax.transforms.vmap import batch_flat, to_axis


def map(f: Callable[[Any], Any], xs: Any, *, batch_size: int | None = None) -> Any:
    """Apply `f` to each slice along the leading axis of `xs`, one after another.

    With `batch_size`, that many slices are mapped at once.
    Shapes: leaves of xs: T[n, …]; those of the result are stacked the same way.
    """
    if batch_size is None:
        return scan(lambda _, x: ((), f(x)), (), xs)[1]
    leaves, structure = tree.flatten(xs)
    leaves = [as_value(x) for x in leaves]
    n = leaves[0].shape[0] if leaves else 0
    whole = n // batch_size * batch_size
    parts = []
    if whole:
        steps = [
            Reshape((whole // batch_size, batch_size, *x.shape[1:]))(cut(x, 0, whole))
            for x in leaves
        ]
        chunked = tree.unflatten(structure, steps)
        out = scan(lambda _, x: ((), mapped(f, x, batch_size)), (), chunked)[1]
        parts.append(tree.map(lambda y: Reshape((whole, *y.shape[2:]))(y), out))
    if n - whole or not whole:
        rest = tree.unflatten(structure, [cut(x, whole, n) for x in leaves])
        parts.append(mapped(f, rest, n - whole))
    if len(parts) == 1:
        return parts[0]
    return tree.map(lambda a, b: Concatenate(0)(a, b), *parts)


def mapped(f: Callable[[Any], Any], xs: Any, size: int) -> Any:
    """Map `f` over axis 0 of all leaves."""
    leaves, structure = tree.flatten(xs)
    found: list[Any] = []

    def flat(*args: Any) -> list[Any]:
        out, out_tree = tree.flatten(f(tree.unflatten(structure, args)))
        found.append(out_tree)
        return out

    outs = batch_flat(flat, size, leaves, [0] * len(leaves))
    return tree.unflatten(found[0], [to_axis(x, d, size) for x, d in outs])


def cut(x: Any, start: int, stop: int, step: int = 1, axis: int = 0) -> Any:
    """Return the elements start, start + step, … before stop along an axis."""
    n = x.ndim
    starts = tuple(start if i == axis else 0 for i in range(n))
    limits = tuple(max(stop, start) if i == axis else x.shape[i] for i in range(n))
    steps = None if step == 1 else tuple(step if i == axis else 1 for i in range(n))
    return Slice(starts, limits, steps)(x)


def associative_scan(
    fn: Callable[[Any, Any], Any], elems: Any, reverse: bool = False, axis: int = 0
) -> Any:
    """Return the inclusive prefixes of an associative `fn` along an axis, in parallel.

    Shapes: the leaves of elems have one size along the axis; the result has their shapes.
    Errors: TypeError when they have not, or when fn is not callable.
    Cost: about 2 n applications of fn, in 2 log2(n) vectorized calls.
    """
    if not callable(fn):
        raise TypeError(
            f"associative_scan: fn must be callable; got {type(fn).__name__}.{at_user_line()}"
        )
    leaves, structure = tree.flatten(elems)
    leaves = [as_value(x) for x in leaves]
    axis = axis + leaves[0].ndim if axis < 0 and leaves else axis
    sizes = {x.shape[axis] for x in leaves}
    if len(sizes) > 1:
        raise ShapeError(
            f"associative_scan: all leaves need one size along axis {axis}; got {sorted(sizes)}."
            f"{at_user_line()}"
        )

    def combine(a: list[Any], b: list[Any]) -> list[Any]:
        out = fn(tree.unflatten(structure, a), tree.unflatten(structure, b))
        return [as_value(x) for x in tree.leaves(out)]

    if reverse:
        leaves = [Rev((axis,))(x) for x in leaves]
    out = prefixes(combine, leaves, axis)
    if reverse:
        out = [Rev((axis,))(x) for x in out]
    return tree.unflatten(structure, out)


def prefixes(combine: Callable[..., list[Any]], elems: list[Any], axis: int) -> list[Any]:
    """Return prefixes: those of pairs, by recursion, are the odd ones; the even ones follow."""
    n = elems[0].shape[axis] if elems else 0
    if n < 2:
        return elems
    pairs = combine(
        [cut(x, 0, n - 1, 2, axis) for x in elems], [cut(x, 1, n, 2, axis) for x in elems]
    )
    odd = prefixes(combine, pairs, axis)
    before = odd if n % 2 else [cut(x, 0, x.shape[axis] - 1, 1, axis) for x in odd]
    rest = combine(before, [cut(x, 2, n, 2, axis) for x in elems]) if n > 2 else []
    even = [
        Concatenate(axis)(cut(x, 0, 1, 1, axis), r) if n > 2 else cut(x, 0, 1, 1, axis)
        for x, r in zip(elems, rest or elems, strict=True)
    ]
    return [interleave(a, b, axis) for a, b in zip(even, odd, strict=True)]


def interleave(a: Any, b: Any, axis: int) -> Any:
    """Return a[0], b[0], a[1], b[1], … along an axis."""
    n = a.shape[axis] + b.shape[axis]
    zero = np.zeros((), a.dtype)
    return join(spaced(a, 0, n, axis, zero), spaced(b, 1, n, axis, zero))


def join(a: Any, b: Any) -> Any:
    """Return the elements of two arrays that are zero where the other is not."""
    return Or()(a, b) if a.dtype == np.bool_ else Add()(a, b)


def spaced(x: Any, first: int, n: int, axis: int, zero: Any) -> Any:
    """Return x's elements two places apart from `first` on, zeros between, n in all."""
    last = first + 2 * x.shape[axis] - 1
    own = (first, n - last, 1)
    return Pad(tuple(own if i == axis else (0, 0, 0) for i in range(x.ndim)))(x, zero)
