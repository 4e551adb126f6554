"""Random keys that are consumed twice: found in traced programs and where arrays are used."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from typing import Any

from gradax.control.scan import Scan
from gradax.core.jaxpr import Jaxpr, Literal, Var, subprograms
from gradax.core.op import Op
from gradax.core.staging import StagedTracer
from gradax.core.tracer import Tracer
from gradax.errors import KeyReuseError, SourceLine, at_user_line, source_line
from gradax.native import get_trace

# Operations after which a key must not be used again, by the position of the key.
CONSUMERS = {"random_bits": 0, "random_split": 0}


class Consumed:
    """The arrays of keys that have been consumed, and where."""

    def __init__(self) -> None:
        self.by_id: dict[int, tuple[Any, SourceLine | None]] = {}

    def line(self, x: Any) -> SourceLine | bool | None:
        """Return where an array was consumed, False when it was not."""
        found = self.by_id.get(id(x))
        return found[1] if found is not None and found[0]() is x else False

    def add(self, x: Any, line: SourceLine | None) -> None:
        """Remember that an array is consumed, as long as it lives."""
        key = id(x)
        self.by_id[key] = (weakref.ref(x, lambda _: self.by_id.pop(key, None)), line)


arrays = Consumed()


def consume(op: Op, args: Sequence[Any]) -> None:
    """Mark the keys that an operation consumes.

    Errors: KeyReuseError for a key that was consumed before, naming both lines.
    """
    for position in consumed_inputs(op):
        mark(op, args[position])


def consumed_inputs(op: Op) -> tuple[int, ...]:
    """Return the positions of the keys that an operation consumes."""
    if op.name in CONSUMERS:
        return (CONSUMERS[op.name],)
    if not op.takes_programs:
        return ()
    found: set[int] = set()
    for program in subprograms(op):
        # The last operands of an operation are the inputs of its programs.
        used = consumed_by_program(program)
        if isinstance(op, Scan) and op.length > 1:
            refuse_loop(op, used)
        found |= {i + 1 for i in used} if op.name == "cond" else used
    return tuple(sorted(found)) if op.name in ("jit", "scan", "cond", "checkpoint") else ()


def refuse_loop(op: Scan, used: frozenset[int]) -> None:
    """Refuse a loop that consumes a key from outside in each of its steps."""
    if any(i < op.num_consts for i in used):
        raise KeyReuseError(
            f"scan: its body consumes a key from outside in each of {op.length} steps."
            f"{at_user_line()}\nSplit the key before the loop and scan over the keys, or fold_in"
            " the index."
        )


def consumed_by_program(jaxpr: Jaxpr) -> frozenset[int]:
    """Return the inputs of a program that it consumes."""

    def find() -> frozenset[int]:
        used = {
            atom
            for eqn in jaxpr.eqns
            for atom in (eqn.invars[i] for i in consumed_inputs(eqn.op))
            if not isinstance(atom, Literal)
        }
        return frozenset(i for i, v in enumerate(jaxpr.invars) if v in used)

    return jaxpr.memo("consumed keys", find)


def mark(op: Op, key: Any) -> None:
    """Mark one key as consumed."""
    line = source_line()
    if getattr(key, "interpreter", None) is not get_trace():
        return  # captured from outside: the operation that has this program consumes it
    if isinstance(key, StagedTracer):
        seen: dict[Var, SourceLine | None] = key.interpreter.__dict__.setdefault("consumed", {})
        if key.variable in seen:
            raise reused(op, seen[key.variable])
        seen[key.variable] = line
    elif not isinstance(key, Tracer):
        before = arrays.line(key)
        if before is not False:
            raise reused(op, before if isinstance(before, SourceLine) else None)
        arrays.add(key, line)


def reused(op: Op, before: SourceLine | None) -> KeyReuseError:
    """Make the error for a key that is consumed again."""
    name = getattr(op, "call_name", op.name).lstrip("_")
    where = f" first at {before}, again" if before is not None else " again"
    return KeyReuseError(
        f"{name}: a random key is consumed{where}{at_user_line()}\nTwo draws from one key are"
        " the same numbers: split the key, key, subkey = random.split(key), and draw from subkey."
    )
