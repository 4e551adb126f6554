"""`map`: a loop over slices, one after another or some at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gradax import tree
from gradax.control.scan import scan
from gradax.core.value import as_value
from gradax.lax.joining import Concatenate
from gradax.lax.shapes import Reshape
from gradax.lax.slicing import Slice
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
