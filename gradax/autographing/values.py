"""The variables of converted code while its parts are staged."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from types import CellType
from typing import Any, NoReturn

import numpy as np

from gradax import dtypes, tree
from gradax.autographing.sites import Place, Site
from gradax.autographing.source import refused
from gradax.core.aval import Aval
from gradax.core.tracer import Tracer
from gradax.core.value import as_value, aval_of, conversion, is_value, to_numpy
from gradax.errors import AutographError, UndefinedVariableError, at_user_line
from gradax.lax.convert import ConvertElementType
from gradax.native import Array

# Values that are compared when two paths give them; all other objects must be the same one.
_COMPARED = (bool, int, float, complex, str, bytes, type(None))


class Undefined:
    """The value of a variable that not every path assigns: an error wherever it is used."""

    def __init__(self, message: str) -> None:
        object.__setattr__(self, "message", message)

    def fail(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Raise, naming the variable and where it is assigned."""
        raise UndefinedVariableError(f"{object.__getattribute__(self, 'message')}{at_user_line()}")

    def __getattr__(self, name: str) -> NoReturn:
        self.fail()

    def __repr__(self) -> str:
        return "<undefined>"


_OPERATORS = """
    add sub mul truediv floordiv mod divmod pow matmul and or xor lshift rshift radd rsub rmul
    rtruediv rfloordiv rmod rdivmod rpow rmatmul rand ror rxor rlshift rrshift iadd isub imul
    itruediv ifloordiv imod ipow imatmul iand ior ixor ilshift irshift neg pos abs invert bool int
    float complex index len iter getitem setitem delitem contains call eq ne lt le gt ge array
    jax_array
"""
for _name in _OPERATORS.split():
    setattr(Undefined, f"__{_name}__", Undefined.fail)
Undefined.__hash__ = Undefined.fail  # type: ignore[assignment]

UNSET: Any = object()


def is_absent(x: Any) -> bool:
    """Tell whether a variable has no value."""
    return x is UNSET or type(x) is Undefined


def is_traced(x: Any) -> bool:
    """Tell whether a value is an array that is known only when the program runs."""
    return isinstance(x, Tracer) and x.concrete() is None


def is_array(x: Any) -> bool:
    """Tell whether a leaf can be the operand of an operation."""
    return is_value(x)


def is_same(a: Any, b: Any) -> bool:
    """Tell whether two leaves are the same value, traced or not."""
    if a is b:
        return True
    return type(a) is type(b) and isinstance(a, _COMPARED) and bool(a == b)


def type_of(x: Any) -> Aval:
    """Return the type that a leaf has when it is carried; bools are never weak."""
    aval = aval_of(x)
    return aval.update(weak_type=False) if aval.dtype == np.bool_ else aval


def common_type(a: Aval, b: Aval) -> Aval | None:
    """Return the type of a value that has one of two types; None where they do not agree.

    As in Python's arithmetic, numbers written in the program take the dtype of arrays.
    """
    if a.shape != b.shape:
        return None
    if a.dtype == b.dtype:
        return Aval(a.shape, a.dtype, a.weak_type and b.weak_type)
    weak = [x.weak_type or x.dtype == np.bool_ for x in (a, b)]
    if not any(weak) or dtypes.is_extended(a.dtype) or dtypes.is_extended(b.dtype):
        return None
    # A bool is no number: True against 1.5 is an accident, unless both were written so.
    if any(x.dtype == np.bool_ for x in (a, b)):
        return None
    dtype, is_weak = dtypes.promote2(a.dtype, a.weak_type, b.dtype, b.weak_type)
    return Aval(a.shape, dtype, is_weak)


def converted(x: Any, aval: Aval) -> Any:
    """Return a value with a type that `common_type` gave."""
    if not isinstance(x, Array | Tracer) and aval.ndim == 0:
        return conversion.to_array(to_numpy(x, aval.dtype), aval)
    x = as_value(x)
    return x if x.aval == aval else ConvertElementType(aval.dtype, aval.weak_type)(x)


def describe(x: Any) -> str:
    """Return a value's type for messages."""
    if is_absent(x):
        return "not assigned"
    leaves, structure = tree.flatten(x)
    if len(leaves) == 1 and leaves[0] is x:
        if isinstance(x, Array | Tracer | np.ndarray | np.generic):
            return str(aval_of(x))
        return f"{repr(x)[:40]} ({type(x).__name__})"
    types = [str(aval_of(v)) if is_array(v) else repr(v)[:20] for v in leaves]
    return str(tree.unflatten(structure, map(Shown, types)))[:120]


class Shown(str):
    """A leaf's type inside the text of a tree."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


class Slot:
    """An attribute or an item that is chosen like a variable."""

    def __init__(self, place: Place, owner: Any, key: Any) -> None:
        self.place, self.owner, self.key = place, owner, key

    def read(self) -> Any:
        """Return the value, UNSET where there is none."""
        if self.place.kind == "attribute":
            return getattr(self.owner, self.key, UNSET)
        try:
            return self.owner[self.key]
        except (KeyError, IndexError):
            return UNSET

    def write(self, value: Any) -> None:
        """Set or remove the value."""
        if self.read() is value:
            return
        is_attribute = self.place.kind == "attribute"
        if is_absent(value):
            if self.read() is not UNSET:
                delattr(self.owner, self.key) if is_attribute else self.owner.__delitem__(self.key)
        elif is_attribute:
            setattr(self.owner, self.key, value)
        else:
            self.owner[self.key] = value


class State:
    """The variables, attributes and items that a statement changes."""

    def __init__(self, site: Site, shown: Sequence[Callable[[], Any] | None]) -> None:
        self.site = site
        cells: dict[str, CellType] = {}
        if shown[0] is not None:
            function: Any = shown[0]
            names = function.__code__.co_freevars
            cells = dict(zip(names, function.__closure__ or (), strict=True))
        self.cells = [cells[name] for name in site.names]
        self.slots: list[Slot] = []
        self.containers: list[tuple[Place, Any, Any]] = []
        for line, reason in site.refused:
            raise self.refuse(line, reason)
        for place, thunk in zip(site.places, shown[1:], strict=True):
            self.add(place, thunk() if thunk is not None else ())
        self.names = [*site.names, *(s.place.text for s in self.slots)]
        self.live = [n in site.live for n in site.names] + [True] * len(self.slots)

    def add(self, place: Place, found: tuple[Any, ...]) -> None:
        """Keep an attribute, an item, or what a list, dict or set holds before it is changed."""
        owner = found[0]
        if place.kind == "container":
            if type(owner) in (list, dict, set):
                self.containers.append((place, owner, owner.copy()))
        elif isinstance(owner, np.ndarray):
            raise self.refuse(place.line, f"the assignment of {place.text} in a NumPy array")
        elif not isinstance(owner, Array | Tracer):
            self.slots.append(Slot(place, owner, found[1]))

    def refuse(self, line: int, reason: str) -> AutographError:
        """Make the error for an effect that a traced condition cannot govern."""
        kind = "condition" if self.site.kind == "if" else "loop"
        return refused(
            self.site.file, line, self.site.function,
            f"{reason} cannot depend on a traced {kind} (line {self.site.line}).",
            "Assign variables instead, and change other things where no traced value decides.",
        )  # fmt: skip

    def is_internal(self, i: int) -> bool:
        """Tell whether a variable was made by the conversion."""
        return bool(self.site.prefix) and self.names[i].startswith(self.site.prefix)

    def label(self, i: int) -> str:
        """Return the user's name of a variable."""
        return self.site.label(self.names[i])

    def read(self) -> list[Any]:
        """Return the values; UNSET for what has none."""
        values = []
        for cell in self.cells:
            try:
                values.append(cell.cell_contents)
            except ValueError:
                values.append(UNSET)
        return values + [slot.read() for slot in self.slots]

    def write(self, values: Sequence[Any]) -> None:
        """Set the values."""
        for cell, value in zip(self.cells, values, strict=False):
            if value is not UNSET:
                cell.cell_contents = value
            else:
                with suppress(ValueError):
                    del cell.cell_contents
        for slot, value in zip(self.slots, values[len(self.cells) :], strict=True):
            slot.write(value)

    def run(self, entry: Sequence[Any], part: Callable[[], Any]) -> list[Any]:
        """Run a part of the statement on some values; return the new ones.

        Lists, dicts and sets are copies while it runs: `y += [1]` changes them in place.
        """
        given = [x.copy() if type(x) in (list, dict, set) else x for x in entry]
        self.write(given)
        part()
        self.check_containers()
        return [
            old if new is own and new is not old and not has_changed(new, old) else new
            for new, own, old in zip(self.read(), given, entry, strict=True)
        ]

    def check_containers(self) -> None:
        """Raise where a list, dict or set was changed; it gets back what it held."""
        for place, container, before in self.containers:
            if has_changed(container, before):
                put_back(container, before)
                raise self.refuse(place.line, f"{place.text}(…)")


def has_changed(container: Any, before: Any) -> bool:
    """Tell whether a list, dict or set holds other objects than before."""
    if len(container) != len(before):
        return True
    if isinstance(container, set):
        return container != before
    pairs = zip(container, before, strict=True)
    if isinstance(container, dict):
        return any(a is not b or container[a] is not before[b] for a, b in pairs)
    return any(a is not b for a, b in pairs)


def put_back(container: Any, before: Any) -> None:
    """Give a list, dict or set what it held before."""
    container.clear()
    container.extend(before) if isinstance(container, list) else container.update(before)
