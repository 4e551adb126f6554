"""Attributes that a traced function read: in strict mode a change of one is an error."""

from __future__ import annotations

import dis
from collections.abc import Iterator, Sequence
from functools import cache
from types import CodeType, FunctionType, ModuleType
from typing import Any

from gradax.api.globals_watch import (
    WatchedGlobal,
    is_same,
    is_watchable,
    plain_function,
    reached,
    short,
)
from gradax.errors import StaleValueError, at_user_line

_LOADS = ("LOAD_FAST", "LOAD_DEREF", "LOAD_GLOBAL", "LOAD_NAME", "LOAD_CLASSDEREF")


def watched_attributes(fun: Any, statics: Sequence[tuple[str, Any]]) -> list[WatchedGlobal]:
    """Return the numbers, strings and arrays that a function reads as attributes of objects.

    The objects: that of a bound method, static arguments, globals, and what closures hold.
    """
    found: dict[tuple[int, str], WatchedGlobal] = {}
    bound = dict(statics)
    owner = getattr(fun, "__self__", None)
    inner = plain_function(fun)
    if owner is not None and inner is not None and inner.__code__.co_varnames:
        bound[inner.__code__.co_varnames[0]] = owner
    for function in methods_of(fun, bound):
        names = {**function.__globals__, **closure_of(function), **bound}
        for base, name, line in attribute_reads(function.__code__):
            owner = names.get(base)
            if isinstance(owner, (ModuleType, type)):
                continue
            fields: dict[str, Any] = getattr(owner, "__dict__", {})
            if name in fields and is_watchable(fields[name]):
                where = f"{function.__code__.co_filename}:{line} ({function.__name__})"
                entry = WatchedGlobal(fields, name, fields[name], where)
                found.setdefault((id(fields), name), entry)
    return list(found.values())


def methods_of(fun: Any, bound: dict[str, Any]) -> Iterator[FunctionType]:
    """Yield the functions that a function reaches, and the methods it calls of bound objects."""
    seen: set[int] = set()
    for function in reached(fun):
        seen.add(id(function))
        yield function
        for base, name, _ in attribute_reads(function.__code__):
            method = getattr(type(bound.get(base)), name, None)
            if isinstance(method, FunctionType) and id(method) not in seen:
                seen.add(id(method))
                yield method


def closure_of(function: FunctionType) -> dict[str, Any]:
    """Return what a function's closure holds, by name."""
    found: dict[str, Any] = {}
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            found[name] = cell.cell_contents
        except ValueError:  # not assigned yet
            continue
    return found


@cache
def attribute_reads(code: CodeType) -> tuple[tuple[str, str, int], ...]:
    """Return (variable, attribute, line) of each attribute that code reads of a variable."""
    found: list[tuple[str, str, int]] = []
    line, base = code.co_firstlineno, None
    for instruction in dis.get_instructions(code):
        line = instruction.starts_line or line
        if instruction.opname in ("LOAD_ATTR", "LOAD_METHOD") and base is not None:
            found.append((base, str(instruction.argval), int(line)))
        base = str(instruction.argval) if instruction.opname in _LOADS else None
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            found += attribute_reads(constant)
    return tuple(found)


def refuse_stale(name: str, watched: Sequence[WatchedGlobal]) -> None:
    """Raise where a value that a compiled function keeps is another one now."""
    for entry in watched:
        if entry.has_changed and not is_same(entry.now, entry.value):
            raise StaleValueError(
                f"{name} was compiled when {entry.name!r} was {short(entry.value)}; it is"
                f" {short(entry.now)} now, but the compiled function keeps {short(entry.value)}."
                f" It is read at {entry.line}.{at_user_line()}\nPass it as an argument, or call"
                f" {name}.clear_cache() after changing it."
            )
