"""A program's fingerprint: equal exactly when compilation gives the same code."""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, cast

import numpy as np

from gradax import native
from gradax.compiler.options import Options
from gradax.core.jaxpr import Atom, ClosedJaxpr, Jaxpr, Literal
from gradax.digest import hex_digest
from gradax.runtime import libraries

PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_PROCESS = os.urandom(16).hex()


@cache
def compiler_version() -> str:
    """Return what identifies this compiler: sizes and times of its files, LLVM, the processor."""
    facts = sorted(file_facts(PACKAGE, (".py", ".so", ".dylib")))
    facts += [libraries.llvm_identity(), native.processor()]
    return hex_digest("\n".join(facts))


def file_facts(folder: str, suffixes: tuple[str, ...]) -> Iterator[str]:
    """Yield path, size and time of each file below a folder that has one of the suffixes."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.endswith(suffixes):
                facts = entry.stat()
                yield f"{entry.path} {facts.st_size} {facts.st_mtime_ns}"
            elif "." not in entry.name and entry.name != "__pycache__" and entry.is_dir():
                yield from file_facts(entry.path, suffixes)


@cache
def class_text(cls: type) -> str:
    """Return what identifies the rules of an operation: outside this package, its module's source.

    What has no source, or is made inside a function, may differ next time: it is known by this
    process alone.
    """
    name = f"{cls.__module__}.{cls.__qualname__}"
    if cls.__module__.split(".")[0] == os.path.basename(PACKAGE):
        return name
    try:
        source = inspect.getsource(sys.modules[cls.__module__])
    except (OSError, TypeError, KeyError):
        source = ""
    if not source or "<locals>" in name:
        return f"{name} {id(cls)} {_PROCESS}"
    return f"{name} {hex_digest(source)}"


def fingerprint(jaxpr: Jaxpr, options: Options, donated: Sequence[int]) -> str:
    """Return the fingerprint of a program compiled with these options."""
    return hex_digest("\n".join((f"{compiler_version()} {options} {donated}", *lines(jaxpr))))


def lines(jaxpr: Jaxpr) -> list[str]:
    """Return a program as text in which nothing is rounded or left out."""
    numbers: dict[Any, int] = {}

    def bind(var: Any) -> str:
        numbers[var] = len(numbers)
        return f"{numbers[var]}:{var.aval}"

    def read(atom: Atom) -> str:
        if isinstance(atom, Literal):
            return f"{atom.value.tobytes().hex()}:{atom.aval}"
        return str(numbers[atom])

    out = ["in " + " ".join(bind(v) for v in (*jaxpr.constvars, *jaxpr.invars))]
    for eqn in jaxpr.eqns:
        operands = " ".join(map(read, eqn.invars))
        results = " ".join(bind(v) for v in eqn.outvars)
        params = " ".join(f"{k}={value_text(v)}" for k, v in eqn.op.params.items())
        out.append(f"{results} = {class_text(type(eqn.op))} {params} {operands}")
    out.append("out " + " ".join(map(read, jaxpr.outvars)))
    return out


def value_text(value: Any) -> str:
    """Return a parameter as text; the functions of custom rules do not matter to the code."""
    if isinstance(value, Jaxpr):
        return "{" + "\n".join(lines(value)) + "}"
    if isinstance(value, ClosedJaxpr):
        return value_text(value.jaxpr)
    if isinstance(value, (tuple, list)):
        return "(" + ", ".join(map(value_text, cast("Sequence[Any]", value))) + ")"
    if isinstance(value, np.ndarray):
        array = cast("np.ndarray[Any, Any]", value)
        return f"{array.dtype} {array.shape} {array.tobytes().hex()}"
    if callable(value) and not isinstance(value, type):
        return "function"
    return repr(value)
