"""Interpreters of jaxprs over the current trace."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gradax.core.jaxpr import Atom, Jaxpr, Literal, Var
from gradax.core.value import conversion


def eval_jaxpr(jaxpr: Jaxpr, consts: Sequence[Any], *args: Any) -> list[Any]:
    """Run a program's equations, one by one, under the current interpreter."""
    env: dict[Var, Any] = dict(zip(jaxpr.constvars, consts, strict=True))
    env.update(zip(jaxpr.invars, args, strict=True))

    def read(atom: Atom) -> Any:
        if isinstance(atom, Literal):
            return literal_value(atom)
        return env[atom]

    for eqn in jaxpr.eqns:
        out = eqn.op(*map(read, eqn.invars))
        if eqn.op.multiple_results:
            env.update(zip(eqn.outvars, out, strict=True))
        else:
            env[eqn.outvars[0]] = out
    return [read(a) for a in jaxpr.outvars]


def literal_value(atom: Literal) -> Any:
    """Return a literal as an array of its own aval (weak ones stay weak)."""
    return conversion.to_array(atom.value, atom.aval)
