"""Reading through a view: the operand's indices of a point of the view, without division."""

from __future__ import annotations

from gradax.kernel import Const, Scalar, Shape, View, const, flat_index, unflat_index
from gradax.kernel.ir import INT


def indices_through_view(view: View, indices: tuple[Scalar, ...]) -> tuple[Scalar, ...] | None:
    """Return the operand's indices; None when they cannot be had without division."""
    if view.dtype != view.operand.dtype or view.operand.size == 0:
        return None
    out: list[Scalar] = []
    for operand_dims, view_dims in matched_groups(view.operand.shape, view.shape):
        here = [indices[k] for k in view_dims]
        sizes = tuple(view.shape[k] for k in view_dims)
        extents = tuple(view.operand.shape[k] for k in operand_dims)
        flat = flat_index(here, sizes)
        wide = [n for n in extents if n != 1]
        if len(wide) > 1 and not isinstance(flat, Const):
            return None
        out.extend(place(flat, extents))
    return tuple(out)


def place(flat: Scalar, extents: Shape) -> list[Scalar]:
    """Return the indices in `extents`, of which at most one is not 1, of a flat position."""
    if isinstance(flat, Const):
        return list(unflat_index(flat, extents)) if extents else []
    zero = const(0, INT)
    return [zero if n == 1 else flat for n in extents]


def matched_groups(a: Shape, b: Shape) -> list[tuple[list[int], list[int]]]:
    """Return the smallest runs of axes of `a` and `b` with equal products, in order."""
    groups: list[tuple[list[int], list[int]]] = []
    i = j = 0
    while i < len(a) or j < len(b):
        left, right = [], []
        m = n = 1
        if i < len(a):
            m, left, i = a[i], [i], i + 1
        if j < len(b) and not (left and m == 1 and b[j] != 1):
            n, right, j = b[j], [j], j + 1
        while m != n:
            if m < n:
                m, i = m * a[i], i + 1
                left.append(i - 1)
            else:
                n, j = n * b[j], j + 1
                right.append(j - 1)
        groups.append((left, right))
    return groups
