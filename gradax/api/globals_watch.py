"""Globals that a traced function read: its program keeps their values, so changes are reported."""

from __future__ import annotations

import dis
import sys
import warnings
from collections.abc import Iterator
from functools import cache
from types import CodeType, FunctionType
from typing import Any

import numpy as np

from gradax.errors import StaleGlobalWarning, user_stacklevel
from gradax.native import Array
from gradax.records import record

_WATCHED = (bool, int, float, complex, str, bytes, np.ndarray, np.generic, Array)
_MAX_FUNCTIONS = 50
_LIBRARY_FOLDERS = ("site-packages", "dist-packages")


@record
class WatchedGlobal:
    """A global that a function read while it was traced."""

    namespace: dict[str, Any]
    name: str
    value: Any
    line: str

    @property
    def now(self) -> Any:
        """The value that the global has now."""
        return self.namespace.get(self.name, None)

    @property
    def has_changed(self) -> bool:
        """Whether it is another value now."""
        now = self.now
        return now is not self.value and not is_same(now, self.value)


def watched_globals(fun: Any) -> list[WatchedGlobal]:
    """Return the numbers, strings, tuples of such and arrays that a function reads as globals.

    The user's functions that it calls are read as well, those of libraries are not.
    """
    found: dict[tuple[int, str], WatchedGlobal] = {}
    for function in reached(fun):
        namespace = function.__globals__
        for name, line in global_reads(function.__code__):
            if name in namespace and is_watchable(namespace[name]):
                where = f"{function.__code__.co_filename}:{line} ({function.__name__})"
                entry = WatchedGlobal(namespace, name, namespace[name], where)
                found.setdefault((id(namespace), name), entry)
    return list(found.values())


def reached(fun: Any) -> Iterator[FunctionType]:
    """Yield a function and the user's functions that it refers to, directly or not."""
    waiting, seen = [fun], set[int]()
    while waiting and len(seen) < _MAX_FUNCTIONS:
        function = plain_function(waiting.pop())
        if function is None or id(function.__code__) in seen or is_library(function.__module__):
            continue
        seen.add(id(function.__code__))
        yield function
        namespace = function.__globals__
        names = (name for name, _ in global_reads(function.__code__))
        waiting += [namespace[n] for n in names if callable(namespace.get(n))]
        waiting += [v for v in closure_values(function) if callable(v)]


def plain_function(fun: Any) -> FunctionType | None:
    """Return the Python function inside methods, partials and wrappers."""
    for _ in range(10):
        if isinstance(fun, FunctionType) and not hasattr(fun, "__wrapped__"):
            return fun
        inner = getattr(fun, "__wrapped__", None) or getattr(fun, "__func__", None)
        fun = inner or getattr(fun, "func", None)
        if fun is None:
            return None
    return None


def closure_values(function: FunctionType) -> Iterator[Any]:
    """Yield what a function's closure holds."""
    for cell in function.__closure__ or ():
        try:
            yield cell.cell_contents
        except ValueError:  # not assigned yet
            continue


@cache
def is_library(module: str | None) -> bool:
    """Tell whether a module is installed or part of Python, not the user's own."""
    if module is None:
        return True
    if module.split(".")[0] in sys.stdlib_module_names and module != "__main__":
        return True
    if module.split(".")[0] == __name__.split(".")[0]:
        return True
    file = getattr(sys.modules.get(module), "__file__", None) or ""
    return any(folder in file for folder in _LIBRARY_FOLDERS)


@cache
def global_reads(code: CodeType) -> tuple[tuple[str, int], ...]:
    """Return the names that code, with the functions inside it, loads as globals, and the lines."""
    found: dict[str, int] = {}
    line = code.co_firstlineno
    for instruction in dis.get_instructions(code):
        line = instruction.starts_line or line
        if instruction.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
            found.setdefault(instruction.argval, int(line))
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            for name, inner_line in global_reads(constant):
                found.setdefault(name, inner_line)
    return tuple(found.items())


def is_watchable(value: Any) -> bool:
    """Tell values from modules, functions and classes."""
    if isinstance(value, tuple):
        return bool(value) and all(map(is_watchable, value))
    return isinstance(value, _WATCHED)


def is_same(a: Any, b: Any) -> bool:
    """Tell whether two values that are not the same object are equal."""
    if type(a) is not type(b):
        return False
    if isinstance(a, Array):
        return False
    if isinstance(a, np.ndarray):
        return a.shape == b.shape and a.dtype == b.dtype and bool(np.array_equal(a, b))
    return bool(a == b) or (a != a and b != b)


def warn_stale(name: str, watched: WatchedGlobal) -> None:
    """Warn that a compiled function keeps the old value of a global."""
    before, after = short(watched.value), short(watched.now)
    warnings.warn(
        f"{name} was compiled when the global {watched.name!r} was {before}; it is {after} now, but"
        f" the compiled function keeps {before}. It is read at {watched.line}.\nPass it as an"
        f" argument, or call {name}.clear_cache() after changing it.",
        StaleGlobalWarning,
        stacklevel=user_stacklevel(),
    )


def short(value: Any) -> str:
    """Return a value's text, cut to one line."""
    text = " ".join(repr(value).split())
    return text if len(text) <= 60 else text[:57] + "..."
