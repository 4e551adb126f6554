"""Join adjacent axes of a loop nest that every access walks as one, and drop axes of size 1.

Pre:  offsets are flat.
Post: the same points are visited, with the same stores; axes are numbered anew from the outermost;
      offsets are sums from the outermost axis inwards; those of a slot in `shifts` are smaller by
      that, so that kernels on other parts of a buffer are equal.
Cost: linear in the distinct scalars.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain
from math import prod

from gradax.compiler.schedule.affine import (
    Accesses,
    Target,
    least,
    moved_offset,
    substitute,
)
from gradax.compiler.schedule.ir import slot_of
from gradax.kernel import Scalar, const, index
from gradax.kernel.ir import INT
from gradax.records import record
from gradax.sizes import same


@record
class Collapsed:
    """The new extents of each group of axes, and how to rewrite scalars and offsets."""

    groups: tuple[tuple[int, ...], ...]
    change: Callable[[Scalar], Scalar]
    move: Callable[[Scalar, int], Scalar]
    shifts: dict[int, int]


def collapse(
    groups: Sequence[Sequence[int]],
    roots: Sequence[Scalar | None],
    offsets: Sequence[Scalar],
    slots: Sequence[int] = (),
) -> Collapsed:
    """Collapse axes within each group; `groups` are the extents of consecutive axes.

    `slots` are those that the offsets are of, if they may be shifted.
    """
    accesses = Accesses(roots, offsets)
    new_groups: list[tuple[int, ...]] = []
    axes: list[Scalar] = []
    start = n_new = 0
    for extents in groups:
        joined = joined_runs(start, extents, accesses)
        start += len(extents)
        sizes: list[int] = []
        for run in joined:
            places: list[Scalar] = [const(0, INT)] * len(run)
            if prod(run) != 1:
                sizes.append(prod(run))
                places[max(k for k, n in enumerate(run) if n != 1)] = index(n_new)
                n_new += 1
            axes.extend(places)
        new_groups.append(tuple(sizes))
    order = range(n_new)
    extents = [n for group in groups for n in group]
    target = Target(order, axes, accesses.memo, least_offsets(accesses, extents, slots))

    def change(root: Scalar) -> Scalar:
        return substitute(root, target)

    def move(offset: Scalar, slot: int) -> Scalar:
        form = accesses.memo[offset]
        change(form.rest)
        return moved_offset(form, target, slot)

    return Collapsed(tuple(new_groups), change, move, target.shifts)


def least_offsets(
    accesses: Accesses, extents: Sequence[int], slots: Sequence[int]
) -> dict[int, int]:
    """Return the least offset of each slot where it is above 0; `slots` are those of the stores."""
    found: dict[int, int] = {}
    stores = zip(slots, accesses.stores, strict=False)
    loads = ((slot_of(node), form) for node, form in accesses.loads)
    for slot, form in chain(stores, loads):
        n = least(form, extents)
        found[slot] = min(found.get(slot, n), n)
    return {slot: n for slot, n in found.items() if n > 0}


def joined_runs(start: int, extents: Sequence[int], accesses: Accesses) -> list[list[int]]:
    """Return the extents in runs of axes that can be one."""
    runs: list[list[int]] = []
    last = -1
    for k, n in enumerate(extents):
        axis = start + k
        if n == 1:  # joins whatever is there: its index is 0
            if runs:
                runs[-1].append(1)
            else:
                runs.append([1])
            continue
        if runs and last >= 0 and can_join(last, axis, n, accesses):
            runs[-1].append(n)
        else:
            runs.append([n])
        last = axis
    return runs


def can_join(outer: int, inner: int, inner_extent: int, accesses: Accesses) -> bool:
    """Tell whether two axes are walked as one by every access."""
    if accesses.rigid >> outer & 1 or accesses.rigid >> inner & 1:
        return False
    for form in accesses.forms:
        a, b = form.at(outer), form.at(inner)
        if a is None or b is None or not same(a, b * inner_extent):
            return False
    return True
