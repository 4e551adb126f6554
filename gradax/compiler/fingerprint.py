"""A program's fingerprint: equal exactly when compilation gives the same code."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from gradax.compiler.llvm.machine_code import target
from gradax.compiler.options import Options
from gradax.core.jaxpr import Atom, ClosedJaxpr, Jaxpr, Literal

PACKAGE = Path(__file__).resolve().parent.parent


@cache
def compiler_version() -> str:
    """Return what identifies this compiler: sizes and times of its sources, and the target."""
    files = sorted(
        path
        for folder in ("compiler", "kernel", "lax", "control", "core")
        for path in (PACKAGE / folder).rglob("*.py")
    )
    files += sorted(PACKAGE.glob("_native*"))
    facts = [f"{p.name} {p.stat().st_size} {p.stat().st_mtime_ns}" for p in files]
    return hashlib.sha256("\n".join([*facts, target().description]).encode()).hexdigest()


def fingerprint(jaxpr: Jaxpr, options: Options, aliases: Sequence[tuple[int, int]]) -> str:
    """Return the fingerprint of a program compiled with these options."""
    digest = hashlib.sha256()
    digest.update(f"{compiler_version()} {options} {list(aliases)}\n".encode())
    digest.update("\n".join(lines(jaxpr)).encode())
    return digest.hexdigest()


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
        out.append(f"{results} = {type(eqn.op).__qualname__} {params} {operands}")
    out.append("out " + " ".join(map(read, jaxpr.outvars)))
    return out


def value_text(value: Any) -> str:
    """Return a parameter as text; functions do not matter to the code."""
    if isinstance(value, Jaxpr):
        return "{" + "\n".join(lines(value)) + "}"
    if isinstance(value, ClosedJaxpr):
        return value_text(value.jaxpr)
    if isinstance(value, (tuple, list)):
        return "(" + ", ".join(map(value_text, value)) + ")"
    if isinstance(value, np.ndarray):
        return f"{value.dtype} {value.shape} {value.tobytes().hex()}"
    if callable(value) and not isinstance(value, type):
        return "function"
    return repr(value)
