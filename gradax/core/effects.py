"""What operations do besides computing, so that they run although nothing reads their results."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from gradax.core.jaxpr import Eqn, Jaxpr, subprograms
from gradax.core.op import Op
from gradax.records import replace

NONE = frozenset[str]()


def effects_of(op: Op) -> frozenset[str]:
    """Return the effects of an operation and of its programs."""
    programs = subprograms(op)
    return op.effects.union(*map(program_effects, programs)) if programs else op.effects


def program_effects(jaxpr: Jaxpr) -> frozenset[str]:
    """Return the effects of a program's equations."""
    return jaxpr.memo("effects", lambda: NONE.union(*(effects_of(e.op) for e in jaxpr.eqns)))


def calls_python(jaxpr: Jaxpr) -> bool:
    """Tell whether a program calls Python functions."""

    def find() -> bool:
        return any(
            e.op.calls_python or any(map(calls_python, subprograms(e.op))) for e in jaxpr.eqns
        )

    return jaxpr.memo("calls python", find)


def without_watching(jaxpr: Jaxpr) -> Jaxpr:
    """Return a program without what only watches it: for computing again what was seen once."""

    def make() -> Jaxpr:
        kept: list[Eqn] = []
        for eqn in jaxpr.eqns:
            if "debug" not in effects_of(eqn.op):
                kept.append(eqn)
            elif subprograms(eqn.op):
                kept.append(eqn.replace(op=with_programs(eqn.op, without_watching)))
            elif eqn.outvars:
                kept.append(eqn)
        return Jaxpr(jaxpr.constvars, jaxpr.invars, kept, jaxpr.outvars, jaxpr.debug_name)

    watches = "debug" in program_effects(jaxpr)
    return jaxpr.memo("without watching", make) if watches else jaxpr


def with_programs(op: Op, change: Callable[[Jaxpr], Jaxpr]) -> Op:
    """Return an operation whose programs are changed."""

    def changed(value: Any) -> Any:
        if isinstance(value, Jaxpr):
            return change(value)
        if isinstance(value, tuple):
            return tuple(map(changed, cast("tuple[Any, ...]", value)))
        return value

    return replace(op, **{k: changed(v) for k, v in vars(op).items()})
