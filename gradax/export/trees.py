"""Structures of pytrees as values of the wire."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from gradax.errors import ArgumentError, ExportError, at_user_line
from gradax.export.wire import damaged
from gradax.native import PyTreeDef
from gradax.records import record

Type = TypeVar("Type", bound=type)
_BUILTIN: dict[str, type] = {
    "none": type(None),
    "tuple": tuple,
    "list": list,
    "dict": dict,
    "ordered dict": OrderedDict,
}
_REGISTRY: Any = None


@record
class Form:
    """How nodes of a type are written: under a name, with their data as bytes."""

    name: str
    kind: type
    write: Callable[[Any], bytes] | None
    read: Callable[[Any], Any] | None


class Forms:
    """The forms of registered types, by type and by name."""

    def __init__(self) -> None:
        self.by_type: dict[type, Form] = {}
        self.by_name: dict[str, Form] = {}

    def add(self, what: str, form: Form) -> None:
        """Register a form.

        Errors: ValueError when its type or its name is registered already.
        """
        if form.kind in self.by_type or form.name in self.by_name:
            raise ArgumentError(
                f"{what}: {form.kind.__name__} or the name {form.name!r} is registered already."
                f"{at_user_line()}"
            )
        self.by_type[form.kind] = self.by_name[form.name] = form


_forms = Forms()


def register_namedtuple_serialization(nodetype: Type, *, serialized_name: str) -> Type:
    """Let trees with this named tuple be serialized; returns the type.

    `serialized_name` stands for it in the bytes; the reader registers its own type under it.
    Errors: ValueError unless it is a named tuple, and when type or name are registered already.
    """
    what = "register_namedtuple_serialization"
    if not (issubclass(nodetype, tuple) and hasattr(nodetype, "_fields")):
        raise ArgumentError(f"{what}: expected a named tuple; got {nodetype!r}.{at_user_line()}")
    _forms.add(what, Form(serialized_name, nodetype, None, None))
    return nodetype


def register_pytree_node_serialization(
    nodetype: Type,
    *,
    serialized_name: str,
    serialize_auxdata: Callable[[Any], bytes],
    deserialize_auxdata: Callable[[bytes], Any],
    from_children: Callable[[Any, Any], Any] | None = None,
) -> Type:
    """Let trees with this registered node be serialized; returns the type.

    `serialize_auxdata` gives the bytes of a node's auxiliary data, `deserialize_auxdata` reads them
    again; `serialized_name` stands for the type in the bytes.
    Errors: ValueError when type or name are registered already.
    """
    del from_children  # the registered function makes nodes
    form = Form(serialized_name, nodetype, serialize_auxdata, deserialize_auxdata)
    _forms.add("register_pytree_node_serialization", form)
    return nodetype


def tree_value(treedef: PyTreeDef) -> Any:
    """Return a structure as plain values: None for a leaf, else (kind, data, children).

    Errors: ValueError for a node whose type is not registered for serialization.
    """
    node = treedef.node_data()
    if node is None:
        return None
    kind, data = node
    children = tuple(map(tree_value, treedef.children()))
    for name, builtin in _BUILTIN.items():
        if kind is builtin:
            return name, data, children
    form = _forms.by_type.get(kind)
    if form is None:
        how = "namedtuple" if hasattr(kind, "_fields") else "pytree_node"
        raise ExportError(
            f"export: a tree has nodes of {kind.__module__}.{kind.__qualname__}, which has no"
            f" portable form.{at_user_line()}\nRegister it with"
            f" gradax.export.register_{how}_serialization."
        )
    written = form.write(data) if form.write is not None else b""
    if not isinstance(written, (bytes, bytearray)):
        raise ExportError(
            f"export: serialize_auxdata of {form.name} must return bytes; got {written!r}."
        )
    return f"node {form.name}", bytes(written), children


def tree_of(value: Any) -> PyTreeDef:
    """Return the structure that `tree_value` described."""
    if value is None:
        return PyTreeDef.from_node_data_and_children(_REGISTRY, None, ())
    if not isinstance(value, tuple) or len(value) != 3 or not isinstance(value[0], str):
        raise damaged("a tree is not one")
    name, data, below = value
    children: Sequence[PyTreeDef] = [tree_of(child) for child in below]
    if name in _BUILTIN:
        return PyTreeDef.from_node_data_and_children(_REGISTRY, (_BUILTIN[name], data), children)
    form = _forms.by_name.get(name.removeprefix("node "))
    if form is None:
        raise ExportError(
            f"export: a tree has nodes named {name.removeprefix('node ')!r}, for which no type is"
            f" registered here.{at_user_line()}\nRegister it as the writer did, before the bytes"
            " are read."
        )
    read = form.read(data) if form.read is not None else None
    return PyTreeDef.from_node_data_and_children(_REGISTRY, (form.kind, read), children)
