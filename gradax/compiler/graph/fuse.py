"""Fuse each map into the items that read it, where that moves fewer bytes; share equal items.

Pre:  check_graph holds.
Post: check_graph holds; the outputs mean the same. No map is loaded through a view whose indices
      could be found without division; no two maps, reductions or library calls are equal.
Cost: one forward walk; a map's body is substituted, sharing what does not change.

A map is fused when evaluating it again costs less than writing and reading it: always when it is
read at as many points as it has, or when it is cheap (a broadcast, an iota, a slice).
"""

from __future__ import annotations

from functools import partial
from math import prod

from gradax.compiler.graph.ir import (
    Graph,
    Item,
    bodies_of,
    dense_operands,
    loads_of,
    topological,
)
from gradax.compiler.graph.rewrite import identity, keep, rewrite, with_bodies, with_dense
from gradax.compiler.graph.views import indices_through_view
from gradax.kernel import (
    Join,
    Library,
    Load,
    Map,
    Node,
    Prefix,
    Reduce,
    Scalar,
    Tensor,
    Update,
    View,
    const,
    load,
    select,
)
from gradax.sizes import likely

MOST_COST = 4_000
MOST_COST_MOVED = 500
BYTES_WORTH = 8


def fuse_maps(graph: Graph) -> Graph:
    """Return the graph with its maps fused."""
    order = topological(graph.outputs)
    uses = count_uses(graph, order)
    return Fusion(graph, uses).run(order)


class Uses:
    """How often a tensor is evaluated if it is fused, and whether it must be in memory.

    `moved` tells that some read is not of the element at the point at hand: the body must be
    rewritten for it.
    """

    __slots__ = ("dense", "moved", "points")

    def __init__(self) -> None:
        self.points = 0
        self.dense = self.moved = False


def space_of(item: Item) -> int:
    """Return the number of points at which an item evaluates its scalars."""
    if isinstance(item, Map):
        return prod(item.shape)
    if isinstance(item, Reduce):
        return prod(item.shape) * prod(item.extents)
    if isinstance(item, Prefix):
        return prod(item.shape)
    return prod(item.space) if isinstance(item, Update) else 0


def count_uses(graph: Graph, order: list[Item]) -> dict[Tensor, Uses]:
    """Return the uses of every tensor."""
    uses: dict[Tensor, Uses] = {}
    for tensor in graph.outputs:
        uses.setdefault(tensor, Uses()).dense = True
    for item in order:
        for tensor in dense_operands(item):
            view_only = isinstance(item, View)
            uses.setdefault(tensor, Uses()).dense |= not view_only
        points = likely(space_of(item))
        for node in loads_of(bodies_of(item)):
            use = uses.setdefault(node.source, Uses())
            use.points += points
            use.moved |= node.indices != identity(node.source.shape)
    for item in reversed(order):
        if isinstance(item, View):
            through = uses.get(item, Uses())
            operand = uses.setdefault(item.operand, Uses())
            operand.points += through.points
            operand.dense |= through.dense
            operand.moved = True
    return uses


class Fusion:
    """One walk over a graph."""

    def __init__(self, graph: Graph, uses: dict[Tensor, Uses]) -> None:
        self.graph = graph
        self.uses = uses
        self.new: dict[Tensor, Tensor] = {}
        self.fused: dict[Tensor, Map] = {}
        self.known: dict[object, Map] = {}
        self.known_nodes: dict[object, Node] = {}

    def run(self, order: list[Item]) -> Graph:
        """Rebuild all items in order."""
        for item in order:
            change = partial(rewrite, on_load=self.on_load, memo={})
            self.record(item, with_dense(with_bodies(item, change), self.final))
        outputs = tuple(map(self.final, self.graph.outputs))
        return Graph(self.graph.inputs, outputs, self.graph.name)

    def record(self, item: Item, rebuilt: Item) -> None:
        """Remember what an item has become."""
        if isinstance(item, Node):
            assert isinstance(rebuilt, Node)
            rebuilt = self.known_nodes.setdefault(key_of(rebuilt), rebuilt)
            self.new.update(zip(item.results, rebuilt.results, strict=True))
            return
        assert isinstance(rebuilt, Tensor)
        if isinstance(rebuilt, Map):
            rebuilt = self.known.setdefault((rebuilt.shape, rebuilt.body), rebuilt)
            if self.should_fuse(item, rebuilt):
                self.fused[item] = rebuilt
        self.new[item] = rebuilt

    def should_fuse(self, old: Tensor, new: Map) -> bool:
        """Tell whether to evaluate a map where it is read."""
        use = self.uses.get(old)
        if use is None or new.body.cost > (MOST_COST_MOVED if use.moved else MOST_COST):
            return False
        size = max(likely(prod(new.shape)), 1)
        again = use.points if use.dense else use.points - size
        if again <= 0:
            return not use.dense
        return again * new.body.cost <= BYTES_WORTH * size * (not use.dense) or (
            new.body.cost <= 1 and not heavy_gather(new.body)
        )

    def final(self, tensor: Tensor) -> Tensor:
        """Return what a tensor has become, in memory."""
        return self.new.get(tensor, tensor)

    def on_load(
        self, node: Load, indices: tuple[Scalar, ...], guard: Scalar | None
    ) -> Scalar | None:
        """Substitute the body of a fused map; read through views."""
        source: Tensor = node.source
        while isinstance(source, View):
            inner = indices_through_view(source, indices)
            if inner is None:
                break
            source, indices = source.operand, inner
        fused = self.fused.get(source)
        if fused is not None:
            if guard is None and indices == identity(fused.shape):
                return fused.body
            body = rewrite(fused.body, keep, axes=indices, guard=guard)
            return body if guard is None else select(guard, body, const(0, body.dtype))
        final = self.final(source)
        if final is node.source and indices == node.indices and guard is node.guard:
            return node
        return load(final, indices, guard)


def key_of(node: Node) -> object:
    """Return what two nodes share that compute the same."""
    if isinstance(node, Reduce):
        return Reduce, node.shape, node.extents, node.combine, node.inits, node.bodies
    if isinstance(node, Prefix):
        return Prefix, node.shape, node.axis, node.reverse, node.combine, node.init, node.body
    if isinstance(node, Join):
        return Join, node.axis, node.parts
    if isinstance(node, Library):
        types = tuple((r.shape, r.dtype) for r in node.results)
        return Library, node.name, node.operands, node.params, types
    return id(node)


def heavy_gather(body: Scalar) -> bool:
    """Tell whether a body reads at indices that it reads from memory."""
    return any(isinstance(i, Load) for node in loads_of((body,)) for i in node.indices)
