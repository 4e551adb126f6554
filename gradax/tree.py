"""Pytrees: nested containers of leaves, and the functions over them.

None is an empty node; tuples, lists, dicts (by sorted key), namedtuples, OrderedDicts (in their
own order), defaultdicts and registered classes are nodes; everything else is a leaf. The walks
are native. `is_leaf`, where it is taken, is asked about every node before it is opened.
"""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from gradax import native
from gradax.errors import TreeError, TreeTypeError, at_user_line
from gradax.native import PyTreeDef
from gradax.records import record

T = TypeVar("T")
Leaf = Any
IsLeaf = Callable[[Any], bool] | None
KeyPath = tuple[Any, ...]

__all__ = [
    "all",
    "broadcast",
    "flatten",
    "flatten_with_path",
    "leaves",
    "leaves_with_path",
    "map",
    "map_with_path",
    "reduce",
    "reduce_associative",
    "static",
    "structure",
    "transpose",
    "unflatten",
]


class Unspecified:
    """The default of an argument for which None is a value."""

    def __repr__(self) -> str:
        return "<unspecified>"


UNSPECIFIED = Unspecified()


def flatten(tree: Any, is_leaf: IsLeaf = None) -> tuple[list[Leaf], PyTreeDef]:
    """Return the leaves of `tree` and its structure."""
    return native.tree_flatten(tree, is_leaf)


def unflatten(treedef: PyTreeDef, leaves: Iterable[Leaf]) -> Any:
    """Build the tree of structure `treedef` from its leaves.

    Errors: TreeError unless there are as many leaves as `treedef` has.
    """
    return treedef.unflatten(leaves)


def leaves(tree: Any, is_leaf: IsLeaf = None) -> list[Leaf]:
    """Return the leaves of `tree`."""
    return native.tree_leaves(tree, is_leaf)


def structure(tree: Any, is_leaf: IsLeaf = None) -> PyTreeDef:
    """Return the structure of `tree`."""
    return native.tree_structure(tree, is_leaf)


def map(f: Callable[..., Any], tree: Any, *rest: Any, is_leaf: IsLeaf = None) -> Any:
    """Call `f` on each leaf of `tree` and the subtrees of `rest` at its place.

    Errors: TreeError where one of `rest` has not the nodes of `tree`.
    """
    return native.tree_map(f, tree, rest, is_leaf)


def flatten_with_path(
    tree: Any, is_leaf: Callable[..., bool] | None = None, is_leaf_takes_path: bool = False
) -> tuple[list[tuple[KeyPath, Leaf]], PyTreeDef]:
    """Return the leaves of `tree`, each as (path, leaf), and its structure.

    With `is_leaf_takes_path`, `is_leaf` is called with the path and the node.
    """
    return native.tree_flatten_with_path(tree, is_leaf, is_leaf_takes_path)


def leaves_with_path(
    tree: Any, is_leaf: Callable[..., bool] | None = None, is_leaf_takes_path: bool = False
) -> list[tuple[KeyPath, Leaf]]:
    """Return the leaves of `tree`, each as (path, leaf)."""
    return native.tree_flatten_with_path(tree, is_leaf, is_leaf_takes_path)[0]


def map_with_path(
    f: Callable[..., Any],
    tree: Any,
    *rest: Any,
    is_leaf: Callable[..., bool] | None = None,
    is_leaf_takes_path: bool = False,
) -> Any:
    """Call `f` on the path of each leaf of `tree`, the leaf, and the subtrees of `rest` there.

    Errors: TreeError where one of `rest` has not the nodes of `tree`.
    """
    pairs, treedef = native.tree_flatten_with_path(tree, is_leaf, is_leaf_takes_path)
    others = [
        treedef.flatten_up_to(other, operation="tree.map_with_path", which=i)
        for i, other in enumerate(rest, start=1)
    ]
    return treedef.unflatten(
        [f(*pair, *subtrees) for pair, *subtrees in zip(pairs, *others, strict=True)]
    )


def reduce(
    function: Callable[[T, Any], T],
    tree: Any,
    initializer: T | Unspecified = UNSPECIFIED,
    is_leaf: IsLeaf = None,
) -> T:
    """Fold `function` over the leaves of `tree`, from left to right.

    Errors: TypeError if there are no leaves and no `initializer`.
    """
    items = leaves(tree, is_leaf)
    if isinstance(initializer, Unspecified):
        return functools.reduce(function, items)
    return functools.reduce(function, items, initializer)


def reduce_associative(
    operation: Callable[[T, T], T],
    tree: Any,
    *,
    identity: T | Unspecified = UNSPECIFIED,
    is_leaf: IsLeaf = None,
) -> T:
    """Combine the leaves of `tree` in pairs, in order, with logarithmic depth.

    Errors: TypeError if there are no leaves and no `identity`.
    """
    items = leaves(tree, is_leaf)
    if items:
        return _combine_halves(operation, items)
    if isinstance(identity, Unspecified):
        raise TreeTypeError(
            "tree.reduce_associative: expected at least one leaf; got none. "
            f"Pass `identity`, the result for an empty tree.{at_user_line()}"
        )
    return identity


def _combine_halves(operation: Callable[[T, T], T], items: list[T]) -> T:
    if len(items) == 1:
        return items[0]
    half = len(items) // 2
    left = _combine_halves(operation, items[:half])
    return operation(left, _combine_halves(operation, items[half:]))


def all(tree: Any, *, is_leaf: IsLeaf = None) -> bool:
    """Return whether every leaf of `tree` is true."""
    return False not in (bool(leaf) for leaf in leaves(tree, is_leaf))


def broadcast_prefix(
    prefix_tree: Any, full_tree: Any, is_leaf: IsLeaf = None, operation: str = "tree.broadcast"
) -> list[Leaf]:
    """Return, for each leaf of `full_tree`, the leaf of `prefix_tree` at or above it.

    Errors: TreeError, in the name of `operation`, unless `prefix_tree` is a prefix.
    """
    prefix_leaves, prefix = flatten(prefix_tree, is_leaf)
    subtrees = prefix.flatten_up_to(full_tree, operation=operation, which=1)
    return [
        leaf for leaf, subtree in zip(prefix_leaves, subtrees, strict=True) for _ in leaves(subtree)
    ]


def broadcast(prefix_tree: Any, full_tree: Any, is_leaf: IsLeaf = None) -> Any:
    """Return `full_tree` with each leaf replaced by the leaf of `prefix_tree` at or above it.

    Errors: TreeError unless `prefix_tree` is a prefix of `full_tree`.
    """
    return structure(full_tree).unflatten(broadcast_prefix(prefix_tree, full_tree, is_leaf))


def transpose(
    outer_treedef: PyTreeDef, inner_treedef: PyTreeDef | None, pytree_to_transpose: Any
) -> Any:
    """Turn an outer tree of inner trees into an inner tree of outer trees.

    Without `inner_treedef`, the structure of the first inner tree is taken.
    Errors: TypeError unless the tree is `outer_treedef` with as many leaves as `inner_treedef`
    has at each of its leaves.
    """
    items, found = flatten(pytree_to_transpose)
    if inner_treedef is None:
        inners = outer_treedef.flatten_up_to(pytree_to_transpose, operation="tree.transpose")
        if not inners:
            raise TreeTypeError(
                "tree.transpose: expected an outer tree with a leaf, to find the inner structure; "
                f"got {outer_treedef}. Pass `inner_treedef`.{at_user_line()}"
            )
        inner_treedef = structure(inners[0])
    n_inner, n_outer = inner_treedef.num_leaves, outer_treedef.num_leaves
    if found.num_leaves != n_inner * n_outer:
        raise TreeTypeError(
            f"tree.transpose: expected the structure {outer_treedef.compose(inner_treedef)}; "
            f"got {found}. Pass the structures of the outer and of the inner trees, in this order."
            f"{at_user_line()}"
        )
    columns = [outer_treedef.unflatten(items[i::n_inner]) for i in range(n_inner)]
    return inner_treedef.unflatten(columns)


def static(**kwargs: Any) -> Any:
    """Declare a dataclass field that `register_dataclass` keeps in the structure.

    Takes the arguments of `dataclasses.field`.
    """
    import dataclasses

    metadata = {**(kwargs.pop("metadata", None) or {}), "static": True}
    return dataclasses.field(metadata=metadata, **kwargs)


def keystr(keys: Iterable[Any], *, simple: bool = False, separator: str = "") -> str:
    """Return the text of a path: `['a'][0].b`, or, if `simple`, what is inside the brackets."""
    return separator.join([_simple_key(key) if simple else str(key) for key in keys])


def _simple_key(key: Any) -> str:
    match key:
        case native.SequenceKey(idx):
            return str(idx)
        case native.DictKey(key) | native.FlattenedIndexKey(key):
            return str(key)
        case native.GetAttrKey(name):
            return name
        case _:
            return str(key)


@record
class _Mismatch:
    path: KeyPath
    expected: str
    got: str
    mend: str


def _find_mismatch(treedef: PyTreeDef, tree: Any, path: KeyPath) -> _Mismatch | None:
    node = treedef.node_data()
    if node is None:
        return None
    kind, data = node
    children = treedef.children()
    if type(tree) is not kind:
        return _type_mismatch(kind, len(children), tree, path)
    pairs, got_data = native.flatten_one_level_with_keys(tree)
    if isinstance(data, list):
        data = tuple(data)
    if issubclass(kind, dict) and data != got_data:
        return _key_mismatch(kind, data, got_data, path)
    if len(pairs) != len(children):
        expected = f"{_a(kind)} of length {len(children)}"
        return _Mismatch(path, expected, f"one of length {len(pairs)}", "Make the lengths equal.")
    if not issubclass(kind, tuple) and data != got_data:
        expected = f"{_a(kind)} with the metadata {data!r}"
        mend = "Make the static parts of both objects equal."
        return _Mismatch(path, expected, f"one with the metadata {got_data!r}", mend)
    for child, (key, subtree) in zip(children, pairs, strict=True):
        if found := _find_mismatch(child, subtree, (*path, key)):
            return found
    return None


def _a(kind: type) -> str:
    return f"{'an' if kind.__name__[0] in 'AEIOUaeiou' else 'a'} {kind.__name__}"


def _type_mismatch(kind: type, n: int, tree: Any, path: KeyPath) -> _Mismatch:
    expected = "None" if kind is type(None) else f"{_a(kind)} of length {n}"
    if tree is None:
        got = "None"
    elif native.is_node_type(type(tree)):
        got = _a(type(tree))
    else:
        got = f"a leaf of type {type(tree).__name__}"
    if kind is type(None) or tree is None:
        mend = "None is an empty tree; to map over it, pass is_leaf=lambda x: x is None."
    else:
        mend = "Convert one of the two, or let `is_leaf` say where the first tree ends."
    return _Mismatch(path, expected, got, mend)


def _key_mismatch(kind: type, expected: Any, got: Any, path: KeyPath) -> _Mismatch:
    if issubclass(kind, defaultdict):
        (factory, expected), (got_factory, got) = expected, got
        if factory != got_factory:
            mend = "Give both the same default factory."
            return _Mismatch(path, f"{_a(kind)} of {factory!r}", f"one of {got_factory!r}", mend)
    missing = [key for key in expected if key not in got]
    extra = [key for key in got if key not in expected]
    wanted = f"{_a(kind)} with the keys {list(expected)!r}"
    if not missing and not extra:
        mend = "Give both the same order, or use a dict, whose keys are sorted."
        return _Mismatch(path, wanted, f"one with {list(got)!r}", mend)
    parts = [f"without {missing!r}"] * bool(missing) + [f"with {extra!r} besides"] * bool(extra)
    return _Mismatch(path, wanted, "one " + " and ".join(parts), "Give both the same keys.")


def _explain_mismatch(treedef: PyTreeDef, tree: Any, operation: str, which: int) -> TreeError:
    found = _find_mismatch(treedef, tree, ())
    if found is None:
        return TreeError(f"{operation}: expected the structure {treedef}; got {structure(tree)}")
    names = ("the tree differs from the PyTreeDef", "the second tree differs from the first")
    differs = names[which] if which < 2 else f"tree {which + 1} differs from the first"
    where = keystr(found.path) or "its root"
    return TreeError(
        f"{operation}: {differs} at {where}: expected {found.expected}; got {found.got}. "
        f"{found.mend}{at_user_line()}"
    )


native.set_tree_hooks(TreeError, _explain_mismatch)
