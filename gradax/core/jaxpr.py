"""The language: immutable first-order programs over arrays.

A `Jaxpr` is `{ lambda consts ; inputs. let equations in (outputs) }`. Each variable is assigned
once. A program that is an operation's parameter (the body of a loop, an inner jit) has no consts:
what it captures is passed to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, cast, final

import numpy as np

from gradax.core.aval import Aval
from gradax.core.op import Op
from gradax.core.primitive import Primitive, primitive_of
from gradax.errors import InternalError, SourceLine


@final
class Var:
    """A variable; identity is by address."""

    __slots__ = ("aval",)

    def __init__(self, aval: Aval) -> None:
        self.aval = aval

    def __repr__(self) -> str:
        return f"Var(id={id(self)}):{self.aval}"


@final
class Literal:
    """A scalar constant written into an equation; `val` is a NumPy scalar."""

    __slots__ = ("val", "aval")

    def __init__(self, val: Any, aval: Aval) -> None:
        self.val = val
        self.aval = aval

    def __repr__(self) -> str:
        return f"Literal({self.val}):{self.aval}"

    @property
    def value(self) -> np.ndarray[Any, Any]:
        """The constant as an array of its dtype."""
        return np.asarray(self.val, dtype=self.aval.dtype)


Atom = Var | Literal


@final
class Eqn:
    """One equation: `outvars = op(invars)`."""

    __slots__ = ("op", "invars", "outvars", "source")

    def __init__(
        self,
        op: Op,
        invars: Sequence[Atom],
        outvars: Sequence[Var],
        source: SourceLine | None = None,
    ) -> None:
        self.op = op
        self.invars = tuple(invars)
        self.outvars = tuple(outvars)
        self.source = source

    @property
    def primitive(self) -> Primitive:
        """The primitive: what equations of one name have in common."""
        return primitive_of(self.op)

    @property
    def params(self) -> dict[str, Any]:
        """The operation's static parameters."""
        return self.op.bound_params

    @property
    def source_info(self) -> SourceLine | None:
        """The user's line that made the equation."""
        return self.source

    def replace(self, **changes: Any) -> Eqn:
        """Return the equation with some of op, invars, outvars replaced."""
        old: dict[str, Any] = {"op": self.op, "invars": self.invars, "outvars": self.outvars}
        return Eqn(**{**old, **changes}, source=self.source)

    def __repr__(self) -> str:
        return f"{self.outvars} = {self.op.name}{self.invars}"


@final
class Jaxpr:
    """A program; compared and hashed by identity."""

    __slots__ = ("constvars", "invars", "eqns", "outvars", "debug_name", "_memo", "__weakref__")

    def __init__(
        self,
        constvars: Sequence[Var],
        invars: Sequence[Var],
        eqns: Iterable[Eqn],
        outvars: Sequence[Atom],
        debug_name: str = "",
    ) -> None:
        self.constvars = tuple(constvars)
        self.invars = tuple(invars)
        self.eqns = tuple(eqns)
        self.outvars = tuple(outvars)
        self.debug_name = debug_name
        self._memo: dict[Any, Any] = {}

    @property
    def in_avals(self) -> tuple[Aval, ...]:
        """The avals of the inputs, without the consts."""
        return tuple(v.aval for v in self.invars)

    @property
    def out_avals(self) -> tuple[Aval, ...]:
        """The avals of the outputs."""
        return tuple(a.aval for a in self.outvars)

    @property
    def jaxpr(self) -> Jaxpr:
        """The program itself: one that is a parameter has no consts, and is its own closed form."""
        return self

    @property
    def consts(self) -> tuple[Any, ...]:
        """The values of the consts of a program that has none."""
        if self.constvars:
            raise InternalError("a program with consts does not know their values: close it")
        return ()

    literals = consts

    def memo(self, key: Any, make: Any) -> Any:
        """Return what `make()` returned for `key` on this program the first time.

        Transformed programs are remembered on the program that they were made from, so that they
        live as long as it does and transforming a loop twice gives the same loop.
        """
        found = self._memo.get(key)
        if found is None:
            found = self._memo[key] = make()
        return found


@final
class ClosedJaxpr:
    """A program together with the values of its consts."""

    __slots__ = ("jaxpr", "consts", "refs")

    def __init__(self, jaxpr: Jaxpr, consts: Sequence[Any], refs: Sequence[Any] = ()) -> None:
        self.jaxpr = jaxpr
        self.consts = tuple(consts)
        # The references whose values are the last inputs, and whose new values the last outputs.
        self.refs = tuple(refs)

    @property
    def in_avals(self) -> tuple[Aval, ...]:
        """The avals of the inputs."""
        return self.jaxpr.in_avals

    @property
    def out_avals(self) -> tuple[Aval, ...]:
        """The avals of the outputs."""
        return self.jaxpr.out_avals

    @property
    def eqns(self) -> tuple[Eqn, ...]:
        """The equations."""
        return self.jaxpr.eqns

    @property
    def literals(self) -> tuple[Any, ...]:
        """The values of the consts (an older name)."""
        return self.consts

    def __str__(self) -> str:
        return str(self.jaxpr)

    __repr__ = __str__


def inline_consts(closed: ClosedJaxpr) -> Jaxpr:
    """Return the program whose first inputs are the consts of `closed`."""
    j = closed.jaxpr
    return Jaxpr((), (*j.constvars, *j.invars), j.eqns, j.outvars, j.debug_name)


def subprograms(op: Op) -> list[Jaxpr]:
    """Return the programs among an operation's parameters."""
    found: list[Jaxpr] = []
    for value in op.params.values():
        is_tuple = isinstance(value, tuple)
        for item in cast("tuple[Any, ...]", value) if is_tuple else (value,):
            if isinstance(item, Jaxpr):
                found.append(item)
            elif isinstance(item, ClosedJaxpr):
                found.append(item.jaxpr)
    return found
