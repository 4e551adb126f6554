"""Divide large updates that accumulate among copies of what they update, one for a thread each.

Pre:  check_graph holds.
Post: check_graph holds; the outputs mean the same up to the order of combination, which depends on
      the sizes alone. Each copy is updated by its own part of the first axis of the update's space.
Cost: one walk over the items.
"""

from __future__ import annotations

from math import prod
from typing import Any

import ml_dtypes
import numpy as np

from gradax.compiler.graph.ir import Graph, Item, loads_of
from gradax.compiler.graph.rewrite import (
    Final,
    identity,
    keep,
    rebuild,
    rewrite,
    with_final,
)
from gradax.kernel import Apply, Const, Map, Reduce, Scalar, Slot, Update, const, index
from gradax.kernel.build import apply
from gradax.kernel.functions import is_complex, is_float, is_integer
from gradax.sizes import is_open, likely

MOST_COPIES = 8
LEAST_POINTS = 1 << 16
# Points for each element of all copies: these are written and read once more.
LEAST_SHARE = 2


def divide_updates(graph: Graph) -> Graph:
    """Return the graph with its large accumulating updates divided."""

    def change(item: Item, final: Final) -> Item:
        item = with_final(item, final)
        return divided(item) if isinstance(item, Update) else item

    return rebuild(graph, change)


def divided(item: Update) -> Update | Map:
    """Return an update's result by way of copies, or the update where that does not pay."""
    neutral = identity_of(item)
    n = item.space[0] if item.space else 0
    copies = number_of_copies(item)
    if neutral is None or copies < 2 or likely(n) < 4 * copies:
        return item
    size = -(-n // copies)
    row = apply("add", apply("mul", index(0), size), index(1))
    axes = [row, *(index(k + 1) for k in range(1, len(item.space)))]
    memo: dict[Scalar, Scalar] = {}

    def moved(root: Scalar) -> Scalar:
        return rewrite(root, keep, axes, memo=memo)

    guard = None if item.guard is None else moved(item.guard)
    if is_open(n) or n % copies:
        inside = apply("lt", row, n)
        guard = inside if guard is None else apply("and", inside, guard)
    parts = Update(
        Map((copies, *item.base.shape), neutral),
        (copies, size, *item.space[1:]),
        (index(0), *map(moved, item.indices)),
        moved(item.value),
        guard,
        item.combine,
        item.unique,
    ).results[0]
    shape = item.base.shape
    here = identity(shape)
    total = Reduce(
        shape, (copies,), (item.combine,), (neutral,), (parts[(index(len(shape)), *here)],)
    ).results[0]
    assert isinstance(item.combine, Apply)
    return Map(shape, apply(item.combine.fn, item.base[here], total[here]))


def number_of_copies(item: Update) -> int:
    """Return among how many copies to divide an update: its points are many beside them all."""
    points = likely(prod(item.space))
    if item.unique or points < LEAST_POINTS:
        return 1
    reads = loads_of((*item.indices, item.value, item.guard))
    if any(node.source is item.base for node in reads):
        return 1
    copies = MOST_COPIES
    while copies > 1 and points < LEAST_SHARE * copies * likely(item.base.size):
        copies //= 2
    return copies


def identity_of(item: Update) -> Const | None:
    """Return the identity of what an update combines by, None unless it is associative."""
    rule, dtype = item.combine, item.base.dtype
    if not isinstance(rule, Apply) or is_complex(dtype):
        return None
    if len(rule.args) != 2 or {a.position for a in rule.args if isinstance(a, Slot)} != {0, 1}:
        return None
    if rule.fn == "add" and (is_float(dtype) or is_integer(dtype)):
        return const(-0.0 if is_float(dtype) else 0, dtype)
    if rule.fn in ("min", "max") and (is_float(dtype) or is_integer(dtype)):
        return const(extreme(dtype, largest=rule.fn == "min"), dtype)
    return None


def extreme(dtype: np.dtype[Any], largest: bool) -> Any:
    """Return the largest or the smallest value of a dtype."""
    if is_float(dtype):
        return np.inf if largest else -np.inf
    info = ml_dtypes.iinfo(dtype)
    return int(info.max if largest else info.min)
