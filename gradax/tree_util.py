"""Pytrees under the names of `jax.tree_util`, and the registration of classes as nodes."""

from __future__ import annotations

import functools
from collections.abc import Callable, Hashable, Iterable, Sequence
from operator import methodcaller
from typing import Any, TypeVar

from gradax import native, tree
from gradax.errors import TreeError, TreeTypeError
from gradax.native import (
    DictKey,
    FlattenedIndexKey,
    GetAttrKey,
    PyTreeDef,
    SequenceKey,
    flatten_one_level,
    flatten_one_level_with_keys,
    treedef_tuple,
)
from gradax.tree import KeyPath, keystr

Cls = TypeVar("Cls", bound=type)
KeyEntry = TypeVar("KeyEntry", bound=Hashable)
KeyChildren = Iterable[tuple[Any, Any]]

__all__ = [
    "DictKey",
    "FlattenedIndexKey",
    "GetAttrKey",
    "KeyEntry",
    "KeyPath",
    "Partial",
    "PyTreeDef",
    "SequenceKey",
    "all_leaves",
    "build_tree",
    "default_registry",
    "flatten_one_level",
    "flatten_one_level_with_keys",
    "is_tree_node",
    "keystr",
    "register_dataclass",
    "register_pytree_node",
    "register_pytree_node_class",
    "register_pytree_with_keys",
    "register_pytree_with_keys_class",
    "register_static",
    "tree_all",
    "tree_broadcast",
    "tree_flatten",
    "tree_flatten_with_path",
    "tree_leaves",
    "tree_leaves_with_path",
    "tree_map",
    "tree_map_with_path",
    "tree_reduce",
    "tree_reduce_associative",
    "tree_structure",
    "tree_transpose",
    "tree_unflatten",
    "treedef_children",
    "treedef_is_leaf",
    "treedef_tuple",
]

tree_all = tree.all
tree_broadcast = tree.broadcast
tree_flatten = tree.flatten
tree_flatten_with_path = tree.flatten_with_path
tree_leaves = tree.leaves
tree_leaves_with_path = tree.leaves_with_path
tree_map = tree.map
tree_map_with_path = tree.map_with_path
tree_reduce = tree.reduce
tree_reduce_associative = tree.reduce_associative
tree_structure = tree.structure
tree_transpose = tree.transpose
tree_unflatten = tree.unflatten


def treedef_children(treedef: PyTreeDef) -> list[PyTreeDef]:
    """Return the structures of the root's children."""
    return treedef.children()


def treedef_is_leaf(treedef: PyTreeDef) -> bool:
    """Return whether the structure is a single node, as that of a leaf is."""
    return treedef.num_nodes == 1


def all_leaves(iterable: Iterable[Any], is_leaf: Callable[[Any], bool] | None = None) -> bool:
    """Return whether every item is a leaf."""
    if is_leaf is None:
        return native.all_leaves(iterable)
    items = list(iterable)
    found = tree.leaves(items, is_leaf)
    return len(found) == len(items) and all(
        leaf is item for leaf, item in zip(found, items, strict=True)
    )


def is_tree_node(typ: type) -> bool:
    """Return whether instances of exactly this class are nodes of a pytree."""
    return native.is_node_type(typ)


def build_tree(treedef: PyTreeDef, xs: Any) -> Any:
    """Build the tree of structure `treedef` from nested iterables `xs` of the same nesting."""
    if treedef.node_data() is None:
        return xs
    children = treedef.children()
    items = [build_tree(child, x) for child, x in zip(children, xs, strict=True)]
    one_level = PyTreeDef.from_node_data_and_children(
        default_registry, treedef.node_data(), [tree.structure(0)] * len(children)
    )
    return one_level.unflatten(items)


def register_pytree_node(
    nodetype: type,
    flatten_func: Callable[[Any], tuple[Iterable[Any], Any]],
    unflatten_func: Callable[[Any, Any], Any],
    flatten_with_keys_func: Callable[[Any], tuple[KeyChildren, Any]] | None = None,
) -> None:
    """Make `nodetype` a node of pytrees.

    `flatten_func` gives (children, aux_data); `unflatten_func` takes (aux_data, children).
    `aux_data` is part of the structure: it needs `==`, should be hashable and must not change.
    Errors: TreeError if `nodetype` is a node already.
    """
    native.register_node(nodetype, flatten_func, unflatten_func, flatten_with_keys_func)


def register_pytree_node_class(cls: Cls) -> Cls:
    """Make a class a node through its methods `tree_flatten` and `tree_unflatten`."""
    native.register_node(cls, methodcaller("tree_flatten"), cls.tree_unflatten)
    return cls


def register_pytree_with_keys(
    nodetype: type,
    flatten_with_keys: Callable[[Any], tuple[KeyChildren, Any]],
    unflatten_func: Callable[[Any, Any], Any],
    flatten_func: Callable[[Any], tuple[Iterable[Any], Any]] | None = None,
) -> None:
    """Make `nodetype` a node whose children have keys: ((key, child), ...), aux_data.

    Errors: TreeError if `nodetype` is a node already.
    """
    if flatten_func is None:
        flatten_func = functools.partial(_without_keys, flatten_with_keys)
    native.register_node(nodetype, flatten_func, unflatten_func, flatten_with_keys)


def _without_keys(
    flatten_with_keys: Callable[[Any], tuple[KeyChildren, Any]], node: Any
) -> tuple[list[Any], Any]:
    pairs, aux_data = flatten_with_keys(node)
    return [child for _, child in pairs], aux_data


def register_pytree_with_keys_class(cls: Cls) -> Cls:
    """Make a class a node through its methods `tree_flatten_with_keys` and `tree_unflatten`."""
    flatten_func = methodcaller("tree_flatten") if hasattr(cls, "tree_flatten") else None
    with_keys = methodcaller("tree_flatten_with_keys")
    register_pytree_with_keys(cls, with_keys, cls.tree_unflatten, flatten_func)
    return cls


def register_static(cls: Cls) -> Cls:
    """Make a class a node without children: its objects are part of the structure."""
    native.register_node(cls, lambda node: ((), node), lambda node, _: node)
    return cls


def register_dataclass(
    nodetype: Cls,
    data_fields: Sequence[str] | None = None,
    meta_fields: Sequence[str] | None = None,
    drop_fields: Sequence[str] = (),
) -> Cls:
    """Make a dataclass a node: `data_fields` are its children, `meta_fields` part of the structure.

    For a dataclass both may be left out: fields made by `tree.static` are the meta fields.
    Errors: TreeError unless both together are the fields of the constructor, each once.
    """
    if (data_fields is None) != (meta_fields is None):
        raise TreeTypeError(
            "register_dataclass: expected data_fields and meta_fields both, or neither; "
            f"got data_fields={data_fields} and meta_fields={meta_fields}. Pass the other one too."
        )
    if data_fields is None or meta_fields is None:
        data_fields, meta_fields = _declared_fields(nodetype, drop_fields)
    data, meta = tuple(map(str, data_fields)), tuple(map(str, meta_fields))
    _check_fields(nodetype, data, meta, drop_fields)
    native.register_dataclass(nodetype, data, meta)
    return nodetype


def _declared_fields(nodetype: type, drop: Sequence[str]) -> tuple[list[str], list[str]]:
    import dataclasses

    if not dataclasses.is_dataclass(nodetype):
        raise TreeTypeError(
            f"register_dataclass: expected a dataclass; got {nodetype!r}. "
            "Pass data_fields and meta_fields."
        )
    kept = [f for f in dataclasses.fields(nodetype) if f.name not in drop]
    meta = [f.name for f in kept if f.metadata.get("static", False)]
    return [f.name for f in kept if f.name not in meta], meta


def _check_fields(
    nodetype: type, data: tuple[str, ...], meta: tuple[str, ...], drop: Sequence[str]
) -> None:
    import dataclasses

    twice = sorted({name for name in data + meta if (data + meta).count(name) > 1})
    if twice:
        raise TreeError(
            f"register_dataclass: expected each field of {nodetype!r} once in data_fields and "
            f"meta_fields; got {twice} more often. A field is either data or metadata."
        )
    if not dataclasses.is_dataclass(nodetype):
        return
    wanted = {f.name for f in dataclasses.fields(nodetype) if f.init} - set(drop)
    missing, extra = sorted(wanted - {*data, *meta}), sorted({*data, *meta} - wanted)
    if missing or extra:
        raise TreeError(
            f"register_dataclass: expected data_fields and meta_fields to be the fields of "
            f"{nodetype!r} that its constructor takes; missing are {missing}, unexpected are "
            f"{extra}. List the missing ones; name in drop_fields what is to be left out."
        )


class _Opaque:
    """A callable that is compared by identity and hides that it is a functools.partial."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.function(*args, **kwargs)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Opaque) and self.function == other.function

    def __hash__(self) -> int:
        return hash(self.function)

    def __repr__(self) -> str:
        return repr(self.function)


class Partial(functools.partial[Any]):
    """A functools.partial that is a pytree: its arguments are children, its function is not."""

    def __new__(cls, func: Callable[..., Any], /, *args: Any, **keywords: Any) -> Partial:
        """Bind the arguments."""
        # functools.partial merges a partial into the new one, which would turn arguments that
        # were bound outside of any pytree into leaves.
        if isinstance(func, functools.partial):
            func = _Opaque(func)
        return super().__new__(cls, func, *args, **keywords)


native.register_node(
    Partial,
    lambda partial: ((partial.args, partial.keywords), partial.func),
    lambda func, children: Partial(func, *children[0], **children[1]),
)


class PyTreeRegistry:
    """The classes that are nodes; there is one registry."""

    flatten = staticmethod(tree.flatten)
    flatten_with_path = staticmethod(tree.flatten_with_path)
    flatten_one_level = staticmethod(flatten_one_level)
    flatten_one_level_with_keys = staticmethod(flatten_one_level_with_keys)
    register_node = staticmethod(native.register_node)
    register_dataclass_node = staticmethod(native.register_dataclass)

    @staticmethod
    def is_node(typ: type) -> bool:
        """Return whether instances of exactly this class are nodes."""
        return native.is_node_type(typ)


default_registry = PyTreeRegistry()
