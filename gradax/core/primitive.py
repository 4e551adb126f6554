"""Primitives: operations as JAX's users know them, one object for each name.

`lax.add_p` is what `eqn.primitive` gives for every equation that adds: the operation's class
without its parameters. `bind` makes the operation of its parameters and applies it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from gradax import dtypes
from gradax.core.op import Op
from gradax.core.tracer import Trace, under
from gradax.errors import GradaxError, at_user_line
from gradax.records import field_names

# Parameters that JAX's primitives have and that say nothing here.
_IGNORED = frozenset(("accuracy", "out_sharding", "sharding", "use_magma", "implementation"))
_DTYPES = frozenset(("new_dtype", "dtype", "preferred_element_type", "index_dtype"))


class PrimitiveError(GradaxError, TypeError, NotImplementedError):
    """A primitive that computes nothing, or was bound with parameters that it does not have."""


class Primitive:
    """What equations of one name have in common: the name, and how it is applied.

    `Primitive(name)` makes a new one, equal to itself alone; those of operations are found by
    `primitive_of` and in `gradax.lax`.
    """

    multiple_results: bool = False
    call_primitive: bool = False

    def __init__(self, name: str) -> None:
        self.name = name
        self.operation: type[Op] | None = None
        self.function: Callable[..., Any] | None = None

    def bind(self, *args: Any, **params: Any) -> Any:
        """Apply the operation that has these parameters.

        Errors: TypeError for parameters that it does not have.
        """
        if self.operation is not None:
            return operation_of(self.operation, params)(*args)
        if self.function is not None:
            return self.function(*args, **params)
        raise PrimitiveError(
            f"The primitive {self.name!r} computes nothing: no rule was given for it."
            f"{at_user_line()}"
        )

    def bind_with_trace(self, trace: Trace | None, args: Sequence[Any], *rest: Any) -> Any:
        """Apply the operation by an interpreter; the parameters, a dict, come last."""
        with under(trace):
            return self.bind(*args, **rest[-1])

    def __repr__(self) -> str:
        return self.name


class _Made:
    """The primitives of operations, by name."""

    def __init__(self) -> None:
        self.by_name: dict[str, Primitive] = {}


_made = _Made()


def primitive_of(op: Op | type[Op]) -> Primitive:
    """Return the primitive of an operation or its class: one object for each name."""
    kind = op if isinstance(op, type) else type(op)
    if isinstance(op, Op) and op.own_primitive is not None:
        return op.own_primitive
    found = _made.by_name.get(op.name)
    if found is None:
        found = _made.by_name[op.name] = Primitive(op.name)
        found.operation = kind
        found.multiple_results = kind.multiple_results
    elif found.operation is not kind and kind.__module__.startswith("gradax.lax."):
        # Others have the names of these for approximations of their own.
        found.operation = kind
    return found


def primitive_of_function(name: str, function: Callable[..., Any], n_results: int) -> Primitive:
    """Return the primitive of what is an operation for JAX and a composition here.

    No equation has it; binding it calls the function.
    """
    found = _made.by_name.get(name)
    if found is None:
        found = _made.by_name[name] = Primitive(name)
        found.function = function
        found.multiple_results = n_results != 1
    return found


def operation_of(kind: type[Op], params: Mapping[str, Any]) -> Op:
    """Return the operation of a class that has these parameters, by their printed names.

    Errors: TypeError for others.
    """
    fields = field_names(kind)
    shown = {name.removeprefix("is_").removeprefix("call_"): name for name in fields}
    given: dict[str, Any] = {}
    for name, value in params.items():
        field = name if name in fields else shown.get(name)
        if field is not None:
            given[field] = canonical(field, value)
        elif name not in _IGNORED:
            raise PrimitiveError(
                f"The primitive {kind.name!r} has the parameters {', '.join(shown) or 'none'}; got"
                f" {name}.{at_user_line()}"
            )
    return kind(**given)


def canonical(name: str, value: Any) -> Any:
    """Return a parameter as operations hold it: tuples for lists, canonical dtypes."""
    if name in _DTYPES and value is not None:
        return dtypes.canonicalize_dtype(value, allow_extended=True)
    if type(value) in (list, tuple):
        return tuple(canonical("", item) for item in cast("list[Any]", value))
    return value
