"""Programs as values of the wire: operations by the names of their classes, and parameters."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from importlib import import_module
from typing import Any

import numpy as np

from gradax import dtypes
from gradax.control.call import Jit
from gradax.control.checkpoint import Checkpoint
from gradax.control.custom_jvp import CustomJvpCall
from gradax.control.custom_vjp import CustomVjpCall
from gradax.control.custom_vmap import CustomVmapCall
from gradax.core.aval import Aval
from gradax.core.effects import with_programs
from gradax.core.jaxpr import Atom, ClosedJaxpr, Eqn, Jaxpr, Literal, Var, subprograms
from gradax.core.op import Op
from gradax.core.tracer import Tracer
from gradax.core.value import as_value, conversion
from gradax.errors import ExportError, at_user_line
from gradax.export.symbolic import SymbolicScope
from gradax.export.wire import Reader, Writer, damaged
from gradax.extend.user_primitives import PrimitiveCall
from gradax.lax.barriers import Copy
from gradax.lax.sharding_constraint import ShardingConstraint
from gradax.native import Array
from gradax.random.keys import key_data, wrap_key_data
from gradax.records import field_names, replace
from gradax.sizes import OpenAxes, Size

PACKAGE = "gradax."
RULED = (CustomJvpCall, CustomVjpCall, CustomVmapCall)


def portable(jaxpr: Jaxpr) -> Jaxpr:
    """Return a program without Python functions: rules of one's own become plain calls."""
    return jaxpr.memo("portable", lambda: without_rules(jaxpr))


def without_rules(jaxpr: Jaxpr) -> Jaxpr:
    """Return what `portable` remembers."""
    eqns: list[Eqn] = []
    for eqn in jaxpr.eqns:
        op: Any = eqn.op
        if isinstance(op, RULED):
            op = Jit(op.call_jaxpr, op.call_name)
        if isinstance(op, PrimitiveCall):
            op = Jit(op.runnable(), op.primitive.name)
        if isinstance(op, ShardingConstraint):  # one device runs what is exported
            op = Copy()
        if isinstance(op, Checkpoint) and op.policy is not None:
            op = replace(op, policy=None)
        eqns.append(eqn.replace(op=with_programs(op, portable) if subprograms(op) else op))
    return Jaxpr(jaxpr.constvars, jaxpr.invars, eqns, jaxpr.outvars, jaxpr.debug_name)


class ProgramWriter:
    """Writes programs; one that several operations share is written once."""

    def __init__(self) -> None:
        self.writer = Writer(self.special)
        self.programs: dict[Jaxpr, int] = {}
        self.where = ""

    def special(self, writer: Writer, x: Any) -> None:
        """Write a value that is not plain."""
        if isinstance(x, Jaxpr):
            self.program(x)
        elif isinstance(x, ClosedJaxpr):
            writer.tag("C")
            writer.value((x.jaxpr, tuple(x.consts)))
        elif isinstance(x, Array):
            self.array(x)
        elif isinstance(x, OpenAxes):
            writer.tag("O")
            writer.value((tuple(axis.text for axis in x.axes), x.encode(0)))
        elif type(x) is Size:
            writer.tag("S")
            writer.value(x.encoded())
        elif isinstance(x, Enum):
            writer.tag("e")
            writer.value((path_of(type(x), self.where), x.name))
        elif isinstance(x, Op) or is_plain_record(type(x)):
            writer.tag("r")
            writer.value(path_of(type(x), self.where))
            writer.values(getattr(x, name) for name in field_names(type(x)))
        else:
            raise unportable(self.where, x)

    def array(self, x: Any) -> None:
        """Write an array; keys as their words."""
        is_key = dtypes.is_extended(x.dtype)
        self.writer.tag("K" if is_key else "A")
        self.writer.value(x.aval)
        if not is_key:
            self.writer.value(np.asarray(x))
        else:
            self.writer.value(np.asarray(key_data(x)))

    def program(self, jaxpr: Jaxpr) -> None:
        """Write a program, or the number of one that was written before."""
        writer, number = self.writer, self.programs.get(jaxpr)
        if number is not None:
            writer.tag("J")
            writer.count(number)
            return
        names: dict[Var, int] = {}

        def bind(variables: Sequence[Var]) -> None:
            for v in variables:
                names[v] = len(names)
            writer.values(v.aval for v in variables)

        def refer(atoms: Sequence[Atom]) -> None:
            writer.values(
                (a.aval, np.asarray(a.val, a.aval.dtype)) if isinstance(a, Literal) else names[a]
                for a in atoms
            )

        writer.tag("j")
        writer.value(jaxpr.debug_name)
        bind(jaxpr.constvars)
        bind(jaxpr.invars)
        writer.count(len(jaxpr.eqns))
        for eqn in jaxpr.eqns:
            self.where = f"the operation {eqn.op.name}"
            if eqn.op.calls_python:
                raise unportable(self.where, next(iter(eqn.op.params.values()), None))
            writer.value(eqn.op)
            refer(eqn.invars)
            bind(eqn.outvars)
        refer(jaxpr.outvars)
        self.programs[jaxpr] = len(self.programs)


class ProgramReader:
    """Reads what a ProgramWriter wrote."""

    def __init__(self, data: bytes) -> None:
        special = {
            "j": self.program,
            "J": self.shared,
            "C": self.closed,
            "A": self.array,
            "K": self.keys,
            "e": self.enum,
            "r": self.record,
            "O": self.names,
            "S": self.size,
        }
        self.axes: SymbolicScope | None = None
        self.reader = Reader(data, special)
        self.programs: list[Jaxpr] = []

    def program(self, r: Reader) -> Jaxpr:
        """Return a program."""
        name, variables = r.of(str), list[Var]()

        def bind() -> list[Var]:
            found = [Var(checked(a, Aval)) for a in r.values()]
            variables.extend(found)
            return found

        def refer() -> list[Atom]:
            return [atom(x) for x in r.values()]

        def atom(x: Any) -> Atom:
            if isinstance(x, tuple) and len(x) == 2:
                return Literal(checked(x[1], np.ndarray)[()], checked(x[0], Aval))
            if type(x) is int and 0 <= x < len(variables):
                return variables[x]
            raise damaged("an operand is not bound")

        consts, inputs = bind(), bind()
        eqns: list[Eqn] = []
        for _ in range(r.count()):
            op, operands = r.of(Op), refer()
            eqns.append(Eqn(op, operands, bind()))
        found = Jaxpr(consts, inputs, eqns, refer(), name)
        self.programs.append(found)
        return found

    def shared(self, r: Reader) -> Jaxpr:
        """Return a program that was read before."""
        number = r.count()
        if number >= len(self.programs):
            raise damaged("a program is named before it is there")
        return self.programs[number]

    def closed(self, r: Reader) -> ClosedJaxpr:
        """Return a program with its constants."""
        jaxpr, consts = r.of(tuple)
        return ClosedJaxpr(checked(jaxpr, Jaxpr), consts)

    def array(self, r: Reader) -> Any:
        """Return an array of its type."""
        aval, data = r.of(Aval), r.of(np.ndarray)
        value = as_value(data)
        return value if value.aval == aval else conversion.to_array(data, aval)

    def keys(self, r: Reader) -> Any:
        """Return random keys."""
        r.of(Aval)
        return wrap_key_data(r.of(np.ndarray))

    def enum(self, r: Reader) -> Any:
        """Return a member of an enumeration."""
        path, name = r.of(tuple)
        return class_at(path, Enum)[name]

    def names(self, r: Reader) -> SymbolicScope:
        """Return the names of sizes that what follows uses."""
        names, guards = r.of(tuple)
        self.axes = SymbolicScope()
        for name in names:
            self.axes.named(checked(name, str))
        self.axes.decode(checked(guards, str))
        return self.axes

    def size(self, r: Reader) -> Any:
        """Return a size that is made of names."""
        if self.axes is None:
            raise damaged("a size is named before the names are there")
        return self.axes.decoded(r.of(list))

    def record(self, r: Reader) -> Any:
        """Return an operation or a record that is a parameter of one."""
        kind = class_at(r.of(str), Op)
        values = r.values()
        if len(values) != len(field_names(kind)) or getattr(kind, "calls_python", False):
            raise damaged(f"{kind.__name__} does not have {len(values)} parameters")
        return kind(*values)


# Where the records are that are parameters of operations.
PLAIN_MODULES = ("gradax.lax.", "gradax.random.")


def is_plain_record(kind: type) -> bool:
    """Tell whether a class only holds its fields."""
    return kind.__module__.startswith(PLAIN_MODULES) and bool(field_names(kind))


def checked(x: Any, kind: type) -> Any:
    """Return a value that must be of a type."""
    if not isinstance(x, kind):
        raise damaged(f"a value is {type(x).__name__}, not {kind.__name__}")
    return x


def path_of(kind: type, where: str) -> str:
    """Return the name by which a class of the package is written."""
    if not kind.__module__.startswith(PACKAGE) or "." in kind.__qualname__:
        raise ExportError(
            f"export: {where} is of the class {kind.__module__}.{kind.__qualname__}, which is not"
            f" one of gradax and has no portable form.{at_user_line()}\n"
            "Write what it computes with operations of gradax, or leave it outside."
        )
    return f"{kind.__module__.removeprefix(PACKAGE)}.{kind.__qualname__}"


def class_at(path: Any, bases: Any) -> Any:
    """Return a class of the package by the name it was written by; no other code is reached."""
    module, _, name = str(path).rpartition(".")
    is_name = all(part.isidentifier() for part in (*module.split("."), name))
    try:
        found: Any = getattr(import_module(PACKAGE + module), name, None) if is_name else None
    except ImportError:
        found = None
    is_class = isinstance(found, type) and found.__module__ == PACKAGE + module
    if not is_class or not (issubclass(found, bases) or is_plain_record(found)):
        raise ExportError(
            f"export: the program uses {path!r}, which this version of gradax does not have."
            f"{at_user_line()}\nRun it with the version that wrote it, or export it again."
        )
    return found


def unportable(where: str, x: Any) -> ExportError:
    """Make the error for a value that has no portable form."""
    what = f"the Python function {x!r}" if callable(x) else f"a value of {type(x).__name__}: {x!r}"
    if isinstance(x, Tracer):
        what = f"{x}, which the function captured while it was traced"
    return ExportError(
        f"export: {where or 'the program'} has {what[:200]}, which has no portable form."
        f"{at_user_line()}\nExport a function that calls no Python when it runs."
    )
