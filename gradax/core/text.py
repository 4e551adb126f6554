"""The text of a jaxpr, as JAX prints it.

A group goes on one line when it fits; otherwise equations and parameters take a line each.
"""

from __future__ import annotations

from typing import Any, TypeGuard, cast

import numpy as np

from gradax import dtypes
from gradax.core.jaxpr import Atom, Eqn, Jaxpr, Literal, Var, subprograms

WIDTH = 80


class Names:
    """Short names for variables: a … z, aa, ab …, in order of appearance."""

    def __init__(self) -> None:
        self._names: dict[Any, str] = {}
        self._n_given = 0

    def of(self, var: Var) -> str:
        """Return the name of `var`, giving it one when it has none."""
        name = self._names.get(var)
        if name is None:
            name = self._names[var] = letters(self._n_given)
            self._n_given += 1
        return name

    def share(self, inner: Var, outer: Var) -> None:
        """Give the variable of an inner program the name of the outer one it stands for."""
        self._names.setdefault(inner, self.of(outer))


def letters(index: int) -> str:
    """Return the index-th of the names a, b, …, z, ba, bb, …."""
    name = ""
    while True:
        name = chr(ord("a") + index % 26) + name
        index //= 26
        if index == 0:
            return name


def format_jaxpr(jaxpr: Jaxpr) -> str:
    """Return the text of a program."""
    return "\n".join(jaxpr_lines(jaxpr, Names(), used_vars(jaxpr), WIDTH))


def used_vars(jaxpr: Jaxpr) -> set[Any]:
    """Return the variables that some equation or output reads, here and in inner programs."""
    from_jaxpr = subprograms_of(jaxpr)
    used: set[Any] = {a for a in jaxpr.outvars if is_var(a)}
    for eqn in jaxpr.eqns:
        used.update(a for a in eqn.invars if is_var(a))
    for inner in from_jaxpr:
        used |= used_vars(inner)
    return used


def subprograms_of(jaxpr: Jaxpr) -> list[Jaxpr]:
    """Return the programs that the equations hold."""
    return [inner for eqn in jaxpr.eqns for inner in subprograms(eqn.op)]


def is_var(atom: Atom) -> TypeGuard[Var]:
    """Tell a variable from a literal."""
    return isinstance(atom, Var)


def jaxpr_lines(
    jaxpr: Jaxpr, names: Names, used: set[Any], width: int, before: int = 0
) -> list[str]:
    """Return the lines of a program; one line when it fits `width` with `before` characters."""
    consts = " ".join(binder(v, names) for v in jaxpr.constvars)
    inputs = " ".join(binder(v, names) for v in jaxpr.invars)
    head = f"{{ lambda {consts}; {inputs}. let"
    equations = [eqn_lines(e, names, used, width - 4) for e in jaxpr.eqns]
    outputs = ", ".join(atom_text(a, names) for a in jaxpr.outvars)
    tail = f"in ({outputs}{',' if len(jaxpr.outvars) == 1 else ''}) }}"
    if len(equations) <= 1 and all(len(e) == 1 for e in equations):
        line = " ".join([head, equations[0][0] if equations else "", tail])
        if before + len(line) <= width:
            return [line]
    body = ["    " + line for eqn in equations for line in eqn]
    return [head, *body, "  " + tail]


def binder(var: Var, names: Names) -> str:
    """Return `a:f32[3]`."""
    return f"{names.of(var)}:{var.aval.str_short()}"


def atom_text(atom: Atom, names: Names) -> str:
    """Return a variable's name or a literal with its type."""
    if not isinstance(atom, Literal):
        return names.of(atom)
    return f"{literal_text(atom.val, atom.aval.dtype)}:{atom.aval.str_short()}"


def literal_text(value: Any, dtype: Any) -> str:
    """Return a scalar constant as Python writes it."""
    if dtypes.issubdtype(dtype, np.bool_):
        return str(bool(value))
    if dtypes.issubdtype(dtype, np.integer):
        return str(int(value))
    if dtypes.issubdtype(dtype, np.complexfloating):
        return str(complex(value))
    return str(float(value))


def eqn_lines(eqn: Eqn, names: Names, used: set[Any], width: int) -> list[str]:
    """Return the lines of an equation."""
    outs = " ".join(
        binder(v, names) if v in used else f"_:{v.aval.str_short()}" for v in eqn.outvars
    )
    args = " ".join(atom_text(a, names) for a in eqn.invars)
    if getattr(eqn.op, "shares_names", False):
        share_names(eqn, names)
    params = [param_lines(k, v, names, used, width - 2) for k, v in shown_params(eqn)]
    flat = " ".join(p[0] for p in params)
    one = f"{outs} = {eqn.op.name}{f'[{flat}]' if params else ''} {args}"
    if all(len(p) == 1 for p in params) and len(one) <= width:
        return [one]
    inner = ["  " + line for p in params for line in p]
    return [f"{outs} = {eqn.op.name}[", *inner, f"] {args}"]


def shown_params(eqn: Eqn) -> list[tuple[str, Any]]:
    """Return the parameters that the text shows, by name, `name` itself first."""
    return sorted(eqn.op.printed_params().items(), key=lambda item: (item[0] != "name", item[0]))


def share_names(eqn: Eqn, names: Names) -> None:
    """Let the inner program of a call use the names of the call's operands and results."""
    for inner in subprograms(eqn.op):
        for var, atom in zip(inner.invars, eqn.invars, strict=True):
            if is_var(atom):
                names.share(var, atom)
        inputs = set(inner.invars)
        for atom, var in zip(inner.outvars, eqn.outvars, strict=True):
            if is_var(atom) and atom not in inputs:
                names.share(atom, var)


def param_lines(key: str, value: Any, names: Names, used: set[Any], width: int) -> list[str]:
    """Return the lines of `key=value`."""
    if isinstance(value, Jaxpr):
        return prefixed(f"{key}=", jaxpr_lines(value, names, used, width, len(key) + 1))
    programs = cast("tuple[Any, ...]", value) if isinstance(value, tuple) else ()
    if any(isinstance(v, Jaxpr) for v in programs):
        inner = [line for v in programs for line in jaxpr_lines(v, names, used, width - 2)]
        return [f"{key}=(", *["  " + line for line in inner], ")"]
    return [f"{key}={param_text(value)}"]


def prefixed(prefix: str, lines: list[str]) -> list[str]:
    """Return lines, the first after `prefix`."""
    return [prefix + lines[0], *lines[1:]]


def param_text(value: Any) -> str:
    """Return a parameter as JAX writes it."""
    if isinstance(value, np.dtype):
        return value.name
    if dtypes.is_extended(value):
        return str(value)
    if isinstance(value, type):
        return value.__name__
    if callable(value) and hasattr(value, "__name__"):
        return value.__name__
    return str(value)
