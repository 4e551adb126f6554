"""Rewriting scalars and items: substitution of loads and of axes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gradax import kernel
from gradax.compiler.graph.ir import Graph, Item, results_of, topological
from gradax.kernel import (
    Apply,
    Index,
    Join,
    Library,
    Load,
    Map,
    Prefix,
    Program,
    Reduce,
    Scalar,
    Tensor,
    Update,
    View,
    both,
    load,
)
from gradax.kernel.build import apply, bitcast, convert
from gradax.kernel.ir import make_apply

Final = Callable[[Tensor], Tensor]
Rule = Callable[[Load, tuple[Scalar, ...], Scalar | None], Scalar | None]


def rewrite(
    root: Scalar,
    on_load: Rule,
    axes: Sequence[Scalar] | None = None,
    guard: Scalar | None = None,
    memo: dict[Scalar, Scalar] | None = None,
) -> Scalar:
    """Rebuild a scalar: loads through `on_load`, each `Index(k)` as `axes[k]`, loads under `guard`.

    `on_load(load, indices, guard)` gets the rebuilt indices and guard; None keeps the load.
    Cost: linear in the distinct nodes; nothing is rebuilt that does not change.
    """
    memo = {} if memo is None else memo
    stack = [root]
    while stack:
        node = stack[-1]
        if node in memo:
            stack.pop()
            continue
        if isinstance(node, Index):
            memo[node] = node if axes is None else axes[node.axis]
            continue
        parts = parts_of(node)
        pending = [p for p in parts if p not in memo]
        if pending:
            stack.extend(pending)
            continue
        stack.pop()
        if isinstance(node, Apply):
            args = tuple([memo[a] for a in parts])
            memo[node] = node if args == parts else reapply(node, args)
        elif isinstance(node, Load):
            memo[node] = rebuilt_load(node, on_load, guard, memo)
        else:
            memo[node] = node
    return memo[root]


def parts_of(node: Scalar) -> tuple[Scalar, ...]:
    """Return the scalars that a scalar is made of."""
    if isinstance(node, Apply):
        return node.args
    if isinstance(node, Load):
        return node.indices if node.guard is None else (*node.indices, node.guard)
    return ()


def rebuilt_load(
    node: Load, on_load: Rule, guard: Scalar | None, memo: dict[Scalar, Scalar]
) -> Scalar:
    """Rebuild a load whose indices and guard have been rebuilt."""
    indices = tuple([memo[i] for i in node.indices])
    own = None if node.guard is None else memo[node.guard]
    condition = both(guard, own)
    replaced = on_load(node, indices, condition)
    if replaced is not None:
        return replaced
    if indices == node.indices and condition is node.guard:
        return node
    return load(node.source, indices, condition)


def reapply(node: Apply, args: tuple[Scalar, ...]) -> Scalar:
    """Rebuild an application."""
    if node.fn == "convert":
        return convert(args[0], node.dtype)
    if node.fn == "bitcast":
        return bitcast(args[0], node.dtype)
    if args[0].dtype is not node.args[0].dtype and args[0].dtype != node.args[0].dtype:
        return make_apply(node.fn, args, node.dtype, 1)
    return apply(node.fn, *args)


def with_bodies(item: Item, change: Callable[[Scalar], Scalar]) -> Item:
    """Return an item with its scalars changed; the same item when none does."""
    if isinstance(item, Map):
        body = change(item.body)
        return item if body is item.body else Map(item.shape, body)
    if isinstance(item, Reduce):
        bodies = tuple(map(change, item.bodies))
        if bodies == item.bodies:
            return item
        return Reduce(item.shape, item.extents, item.combine, item.inits, bodies)
    if isinstance(item, Prefix):
        body = change(item.body)
        if body is item.body:
            return item
        return Prefix(item.shape, item.axis, item.reverse, item.combine, item.init, body)
    if isinstance(item, Update):
        indices, value = tuple(map(change, item.indices)), change(item.value)
        guard = None if item.guard is None else change(item.guard)
        if indices == item.indices and value is item.value and guard is item.guard:
            return item
        return Update(item.base, item.space, indices, value, guard, item.combine, item.unique)
    return item


def with_dense(item: Item, change: Callable[[Tensor], Tensor]) -> Item:
    """Return an item with its dense operands changed; the same item when none does."""
    if isinstance(item, View):
        operand = change(item.operand)
        return item if operand is item.operand else View(operand, item.shape, item.dtype)
    if isinstance(item, Update):
        base = change(item.base)
        if base is item.base:
            return item
        return Update(
            base, item.space, item.indices, item.value, item.guard, item.combine, item.unique
        )
    if isinstance(item, (Join, Library, Program)):
        old = item.parts if isinstance(item, Join) else item.operands
        new = tuple(map(change, old))
        return item if new == old else remake(item, new)
    return item


def remake(item: Join | Library | Program, operands: tuple[Tensor, ...]) -> Item:
    """Return the same node on other operands."""
    if isinstance(item, Join):
        return Join(item.axis, operands)
    types = [(r.shape, r.dtype) for r in item.results]
    if isinstance(item, Library):
        return Library(item.name, operands, types, item.params)
    return Program(item.kind, item.programs, operands, types, item.counts)


def keep(node: Load, indices: tuple[Scalar, ...], guard: Scalar | None) -> Scalar | None:
    """Leave a load alone but for its indices and guard."""
    return None


def with_final(item: Item, final: Final) -> Item:
    """Return an item that reads what its sources have become."""

    def on_load(node: Load, indices: tuple[Scalar, ...], guard: Scalar | None) -> Scalar | None:
        made = final(node.source)
        return None if made is node.source else load(made, indices, guard)

    return with_dense(with_bodies(item, lambda root: rewrite(root, on_load)), final)


def rebuild(graph: Graph, change: Callable[[Item, Final], Item | Tensor]) -> Graph:
    """Return the graph with every item changed, operands first.

    `change(item, final)` returns the item itself where it stays; `final` says what a tensor that
    the item reads has become.
    """
    new: dict[Tensor, Tensor] = {}

    def final(tensor: Tensor) -> Tensor:
        return new.get(tensor, tensor)

    for item in topological(graph.outputs):
        made = change(item, final)
        if made is not item:
            new.update(zip(results_of(item), results_of(made), strict=True))
    return Graph(graph.inputs, tuple(map(final, graph.outputs)), graph.name)


def identity(shape: tuple[int, ...]) -> tuple[Scalar, ...]:
    """Return the indices of a point of `shape`."""
    return tuple(kernel.index(k) for k in range(len(shape)))
