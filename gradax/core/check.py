"""The type-checker of jaxprs: every equation's result has the type that its operation infers."""

from __future__ import annotations

from gradax.core.jaxpr import Atom, Eqn, Jaxpr, Literal, Var, subprograms
from gradax.errors import JaxprTypeError


def check_jaxpr(jaxpr: Jaxpr) -> None:
    """Check that variables are bound once and before use, and that all types are as inferred.

    Errors: JaxprTypeError naming the equation.
    """
    bound: set[Var] = set()
    for var in (*jaxpr.constvars, *jaxpr.invars):
        bind(var, bound, "an input")
    for eqn in jaxpr.eqns:
        check_eqn(eqn, bound)
    for atom in jaxpr.outvars:
        check_atom(atom, bound, "an output")


def check_eqn(eqn: Eqn, bound: set[Var]) -> None:
    """Check one equation and bind its results."""
    for atom in eqn.invars:
        check_atom(atom, bound, eqn.op.name)
    for inner in subprograms(eqn.op):
        check_jaxpr(inner)
    inferred = eqn.op.infer(*(a.aval for a in eqn.invars))
    outs = tuple(inferred) if eqn.op.multiple_results else (inferred,)
    got = tuple(v.aval for v in eqn.outvars)
    if outs != got:
        raise JaxprTypeError(f"{eqn.op.name} at {eqn.source}: inferred {outs}, bound {got}")
    for var in eqn.outvars:
        bind(var, bound, eqn.op.name)


def bind(var: Var, bound: set[Var], where: str) -> None:
    """Record that `var` is bound; it must not be already."""
    if var in bound:
        raise JaxprTypeError(f"variable {var} is bound twice, at {where}")
    bound.add(var)


def check_atom(atom: Atom, bound: set[Var], where: str) -> None:
    """Check that an operand is a literal or a bound variable."""
    if isinstance(atom, Literal):
        if atom.aval.shape != ():
            raise JaxprTypeError(f"literal {atom} of {where} is not a scalar")
    elif atom not in bound:
        raise JaxprTypeError(f"variable {atom} is used by {where} before it is bound")
