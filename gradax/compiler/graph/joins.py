"""Read the parts of a concatenation at once, where its elements are read in order.

A concatenation becomes a map that chooses the part; the schedule splits the spaces of the maps that
it is fused into, so that no point chooses.

Pre:  check_graph holds; maps have not been fused.
Post: check_graph holds; the outputs mean the same. Concatenations that must be in memory, or that
      would cut a space into too many pieces, stay.
Cost: one walk over the scalars of graphs that have concatenations.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate
from math import prod

from gradax.compiler.graph.ir import (
    Graph,
    Item,
    bodies_of,
    dense_operands,
    loads_of,
    topological,
)
from gradax.compiler.graph.rewrite import (
    Final,
    identity,
    rebuild,
    with_final,
)
from gradax.kernel import (
    Apply,
    Const,
    Index,
    Join,
    Load,
    Map,
    Scalar,
    Tensor,
    load,
    select,
)
from gradax.kernel.build import apply
from gradax.sizes import likely

LEAST_POINTS = 2048
MOST_PARTS = 3
MOST_PIECES = 12


def read_joins(graph: Graph) -> Graph:
    """Return the graph with concatenations read where they are used."""
    chosen = readable(graph)
    if not chosen:
        return graph

    def change(item: Item, final: Final) -> Item | Tensor:
        made = with_final(item, final)
        return choice(made) if isinstance(made, Join) and item in chosen else made

    return rebuild(graph, change)


def readable(graph: Graph) -> set[Item]:
    """Return the concatenations that only maps read, in order, in few pieces."""
    order = topological(graph.outputs)
    joins: dict[Tensor, Join] = {i.results[0]: i for i in order if isinstance(i, Join)}
    chosen = {t for t, item in joins.items() if likely(prod(t.shape)) >= LEAST_POINTS
              and len(item.parts) <= MOST_PARTS}  # fmt: skip
    chosen -= set(graph.outputs)
    for item in order if chosen else ():
        chosen -= set(dense_operands(item))
        read = [node for node in loads_of(bodies_of(item)) if node.source in chosen]
        if read and not (isinstance(item, Map) and few_pieces(read, joins)):
            chosen -= {node.source for node in read}
    return {joins[t] for t in chosen}


def few_pieces(read: Sequence[Load], joins: Mapping[Tensor, Join]) -> bool:
    """Tell whether the parts that loads read cut the space into few pieces."""
    cuts: dict[int, set[int]] = {}
    for node in read:
        join = joins[node.source]
        place = shifted(node.indices[join.axis])
        if place is None or node.guard is not None:
            return False
        axis, shift = place
        cuts.setdefault(axis, set()).update(start - shift for start in starts_of(join)[1:])
    return prod(len(places) + 1 for places in cuts.values()) <= MOST_PIECES


def shifted(index: Scalar) -> tuple[int, int] | None:
    """Return the axis and the constant whose sum an index is, None of another."""
    if isinstance(index, Index):
        return index.axis, 0
    if isinstance(index, Apply) and index.fn == "add":
        first, second = index.args
        if isinstance(first, Index) and isinstance(second, Const):
            return first.axis, second.value
    return None


def starts_of(join: Join) -> list[int]:
    """Return where each part begins along the joined axis."""
    sizes = [part.shape[join.axis] for part in join.parts]
    return list(accumulate(sizes[:-1], initial=0))


def choice(join: Join) -> Map:
    """Return a concatenation as a map that chooses the part."""
    shape, axis = join.results[0].shape, join.axis
    here = identity(shape)
    starts = [*starts_of(join), shape[axis]]
    body: Scalar | None = None
    for part, start, end in reversed(list(zip(join.parts, starts, starts[1:], strict=False))):
        guard: Scalar | None = None
        if start:
            guard = apply("ge", here[axis], start)
        if end < shape[axis]:
            before = apply("lt", here[axis], end)
            guard = before if guard is None else apply("and", guard, before)
        place = (*here[:axis], apply("sub", here[axis], start), *here[axis + 1 :])
        element = load(part, place, guard)
        body = element if body is None else select(apply("lt", here[axis], end), element, body)
    assert body is not None
    return Map(shape, body)
