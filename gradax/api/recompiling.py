"""Why a jitted function was traced again, and how to forbid it."""

from __future__ import annotations

from typing import Any

from gradax import config
from gradax.api.programs import TracedProgram

PARTS = ("types", "tree", "static arguments", "settings", "options", "mapped axes", "mesh")


def why_recompiled(self: Any) -> str:
    """Say what differed from the signatures seen before when the function was last traced."""
    state = self._jitted
    return explain(state.name, state.programs.by_signature)


def explain(name: str, by_signature: dict[Any, TracedProgram]) -> str:
    """Say why the last program of a function was traced, although there were others."""
    keys = list({id(p.origin): key for key, p in reversed(by_signature.items())}.values())[::-1]
    if not keys:
        return f"{name} has not been traced."
    if len(keys) == 1:
        return f"{name} was traced once; it was not traced again."
    last = keys[-1]
    before = min(keys[:-1], key=lambda k: distance(k, last))
    refusal = by_signature[before].refusal(last[0])
    clauses = refusal or "; ".join(differences(by_signature[last], before, last))
    return f"{name} was traced {len(keys)} times; the last time because {clauses}."


def distance(a: tuple[Any, ...], b: tuple[Any, ...]) -> int:
    """Return in how many places two signatures differ."""
    same_length = len(a[0]) == len(b[0])
    leaves = sum(x is not y for x, y in zip(a[0], b[0], strict=True)) if same_length else 100
    return leaves + sum(x != y for x, y in zip(a[1:], b[1:], strict=True))


def differences(program: TracedProgram, before: tuple[Any, ...], now: tuple[Any, ...]) -> list[str]:
    """Return a clause for each part in which two signatures differ."""
    clauses: list[str] = []
    if before[1] != now[1]:
        clauses.append(f"the arguments' tree is {now[1]}, before it was {before[1]}")
    elif before[0] != now[0]:
        names = program.argument_names
        for name, a, b in zip(names, before[0], now[0], strict=True):
            if a is not b:
                clauses.append(f"the argument {name} is {b}, before it was {a}")
    if before[2] != now[2]:
        clauses.append(f"the static arguments are {now[2]!r}, before they were {before[2]!r}")
    for k in range(3, len(now)):
        if before[k] != now[k]:
            clauses.append(f"the {PARTS[k]} differ: {now[k]}, before {before[k]}")
    return clauses


def no_retrace() -> Any:
    """Make tracing an error in a `with` block: all that is called there must be compiled already.

    Errors: RetraceError, in the block, naming the function and its arguments.
    """
    return config.override(no_tracing=True)
