"""Programs for any size at the sizes of a call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gradax.core.aval import Aval
from gradax.core.jaxpr import Atom, ClosedJaxpr, Eqn, Jaxpr, Literal, Var
from gradax.core.op import Op
from gradax.errors import ArgumentError, at_user_line
from gradax.export.programs import is_plain_record
from gradax.records import field_names
from gradax.sizes import OpenAxes, Size, Unknown, size_at


def owner_of(avals: Sequence[Aval]) -> OpenAxes | None:
    """Return whose names shapes use, None where all sizes are numbers."""
    sizes = (n for aval in avals for n in aval.shape)
    return next((n.owner for n in sizes if type(n) is Size), None)


def sizes_of_call(
    name: str, axes: OpenAxes, wanted: Sequence[Aval], got: Sequence[Aval]
) -> list[int]:
    """Return what the names are in a call, found from the axes that are just a name.

    Errors: ValueError for shapes that are not of the wanted form, or break a condition.
    """
    values: list[Any] = [None] * len(axes.axes)
    pairs = [
        (k, i, want, n)
        for k, (a, b) in enumerate(zip(wanted, got, strict=True))
        for i, (want, n) in enumerate(zip(a.shape, b.shape, strict=True))
    ]
    for _, _, want, n in pairs:
        position = name_at(want)
        if position is not None and values[position] is None:
            values[position] = n
    for k, i, want, n in pairs:
        unknown = any(values[a.position] is None for a in axes_used(want))
        if unknown or size_at(want, values) != n:
            raise ArgumentError(
                f"export: {name} was exported for {wanted[k].str_short()} as input {k}; got"
                f" {got[k].str_short()}, whose axis {i} is not {want}"
                f"{named(axes, values)}.{at_user_line()}"
            )
    known = [0 if n is None else n for n in values]
    broken = axes.broken(values)
    if broken is not None or any(n < 1 for n in values if n is not None):
        what = f"where {broken}" if broken is not None else "of at least 1 element"
        raise ArgumentError(
            f"export: {name} was exported for sizes {what}{named(axes, values)} is not such."
            f"{at_user_line()}\nExport it again with a constraint, or for that size alone."
        )
    return known


def axes_used(size: Any) -> set[Unknown]:
    """Return the names that a size uses."""
    return size.axes() if type(size) is Size else set()


def name_at(size: Any) -> int | None:
    """Return the position of the axis that a size just names."""
    if type(size) is not Size or len(size.terms) != 1:
        return None
    ((monomial, factor),) = size.terms.items()
    is_name = factor == 1 and len(monomial) == 1 and monomial[0].kind == "axis"
    return monomial[0].position if is_name else None


def named(axes: OpenAxes, values: Sequence[Any]) -> str:
    """Return the names' sizes as text."""
    known = [f"{a.text} = {n}" for a, n in zip(axes.axes, values, strict=True) if n is not None]
    return f"; {', '.join(known)}" if known else ""


def program_at(closed: ClosedJaxpr, values: Sequence[int]) -> ClosedJaxpr:
    """Return a program with numbers in place of names; made once for each."""
    key = ("at sizes", tuple(values))
    return ClosedJaxpr(closed.jaxpr.memo(key, lambda: at(closed.jaxpr, values)), closed.consts)


def at(x: Any, values: Sequence[int]) -> Any:
    """Return a value with numbers in place of names, wherever they are in it."""
    if type(x) is Size:
        return x.at(values)
    if isinstance(x, Jaxpr):
        return jaxpr_at(x, values)
    if isinstance(x, ClosedJaxpr):
        return ClosedJaxpr(at(x.jaxpr, values), x.consts)
    if isinstance(x, Aval):
        return x.update(shape=[size_at(n, values) for n in x.shape])
    if isinstance(x, (tuple, list)) and type(x) in (tuple, list):
        return type(x)(at(item, values) for item in x)
    if isinstance(x, Op) or is_plain_record(type(x)):
        fields = [getattr(x, name) for name in field_names(type(x))]
        new = [at(field, values) for field in fields]
        changed = any(a is not b for a, b in zip(fields, new, strict=True))
        return type(x)(*new) if changed else x
    return x


def jaxpr_at(jaxpr: Jaxpr, values: Sequence[int]) -> Jaxpr:
    """Return a program with numbers in place of names."""
    env: dict[Var, Var] = {}

    def bind(variables: Sequence[Var]) -> list[Var]:
        for v in variables:
            env[v] = Var(at(v.aval, values))
        return [env[v] for v in variables]

    def read(atom: Atom) -> Atom:
        return atom if isinstance(atom, Literal) else env[atom]

    consts, inputs = bind(jaxpr.constvars), bind(jaxpr.invars)
    eqns = [
        Eqn(at(e.op, values), [read(a) for a in e.invars], bind(e.outvars), e.source)
        for e in jaxpr.eqns
    ]
    return Jaxpr(consts, inputs, eqns, [read(a) for a in jaxpr.outvars], jaxpr.debug_name)
