"""Write a product that is only added to something as one fused multiply-add, rounded once.

Pre:  check_graph holds; functions are the user's: nothing has been expanded, so that exact
      transformations inside our approximations are left alone.
Post: check_graph holds; the same up to one rounding. Only products of float32 and float64 change,
      and of them those that nothing else reads.
Cost: one walk over the scalars.
"""

from __future__ import annotations

from collections import Counter

import numpy as np

from gradax.compiler.graph.ir import Graph, Item, bodies_of
from gradax.compiler.graph.rewrite import Final, parts_of, reapply, rebuild, with_bodies, with_dense
from gradax.kernel import Apply, Load, Scalar, load
from gradax.kernel.build import apply

FUSED = (np.dtype(np.float32), np.dtype(np.float64))


def contract_products(graph: Graph) -> Graph:
    """Return the graph with fused multiply-adds."""
    return rebuild(
        graph,
        lambda item, final: with_dense(with_bodies(item, Contraction(item, final)), final),
    )


class Contraction:
    """Rebuilds the scalars of one item."""

    def __init__(self, item: Item, final: Final) -> None:
        self.final = final
        self.memo: dict[Scalar, Scalar] = {}
        self.uses = count_uses(bodies_of(item))

    def __call__(self, root: Scalar) -> Scalar:
        """Return a scalar with fused multiply-adds, reading what tensors have become."""
        memo, stack = self.memo, [root]
        while stack:
            node = stack[-1]
            pending = () if node in memo else [p for p in parts_of(node) if p not in memo]
            if pending:
                stack.extend(pending)
                continue
            stack.pop()
            if node not in memo:
                memo[node] = self.rebuilt(node)
        return memo[root]

    def rebuilt(self, node: Scalar) -> Scalar:
        """Rebuild a scalar whose parts have been."""
        memo = self.memo
        if isinstance(node, Load):
            source = self.final(node.source)
            guard = None if node.guard is None else memo[node.guard]
            return load(source, tuple([memo[i] for i in node.indices]), guard)
        if not isinstance(node, Apply):
            return node
        args = tuple([memo[a] for a in node.args])
        if node.dtype in FUSED and node.fn in ("add", "sub"):
            for k, part in enumerate(node.args):
                product = args[k]
                if self.uses[part] == 1 and isinstance(product, Apply) and product.fn == "mul":
                    return fused(node.fn, product.args, args[1 - k], k)
        return node if args == node.args else reapply(node, args)


def fused(fn: str, product: tuple[Scalar, ...], other: Scalar, k: int) -> Scalar:
    """Return x*y + z, x*y - z, or z - x*y where the product is the second operand."""
    x, y = product
    if fn == "sub" and k == 0:
        other = apply("neg", other)
    if fn == "sub" and k == 1:
        x = apply("neg", x)
    return apply("fma", x, y, other)


def count_uses(roots: tuple[Scalar | None, ...]) -> Counter[Scalar]:
    """Return how often each scalar is an operand or a root."""
    uses: Counter[Scalar] = Counter()
    stack = [r for r in roots if r is not None]
    uses.update(stack)
    seen: set[Scalar] = set()
    while stack:
        node = stack.pop()
        if node not in seen:
            seen.add(node)
            uses.update(parts_of(node))
            stack.extend(parts_of(node))
    return uses
