"""Tracing the functions that users give to control flow, with errors in their terms."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from gradax import tree
from gradax.control.programs import with_inputs
from gradax.core.aval import Aval
from gradax.core.jaxpr import ClosedJaxpr, Eqn, Jaxpr, Var
from gradax.core.refs import Ref, refs_of, with_refs
from gradax.core.staging import stage
from gradax.core.value import aval_of
from gradax.errors import ShapeError, TreeTypeError, at_user_line
from gradax.lax.convert import ConvertElementType
from gradax.transforms.jvp import inline


def name_of(fun: Any) -> str:
    """Return a function's name."""
    return getattr(fun, "__name__", None) or type(fun).__name__


def trace(
    fun: Callable[..., Any],
    in_tree: Any,
    avals: Sequence[Aval],
    arguments: Sequence[str] | None = None,
    takes_refs: bool = False,
) -> tuple[ClosedJaxpr, Any]:
    """Trace a function of trees; return its program and the structure of its result."""
    found: list[Any] = []

    def flat(*leaves: Any) -> list[Any]:
        out, out_tree = tree.flatten(fun(*tree.unflatten(in_tree, leaves)))
        found.append(out_tree)
        return out

    closed = stage(flat, avals, name_of(fun), arguments, takes_refs)
    return closed, found[0]


def branch_programs(
    what: str, funs: Sequence[Callable[..., Any]], in_tree: Any, operands: Sequence[Any]
) -> tuple[tuple[Jaxpr, ...], list[Any], tuple[Ref, ...], Any]:
    """Trace branches to programs over the same inputs: all their constants, then the operands.

    Returns them, the constants, the references whose values are the last inputs and outputs, and
    the structure of the result.
    Errors: TypeError naming the leaf where results differ in structure, shape or dtype.
    """
    avals = [aval_of(x) for x in operands]
    distinct = {id(f): f for f in funs}
    once = {k: trace(f, in_tree, avals, takes_refs=True) for k, f in distinct.items()}
    traced = [once[id(f)] for f in funs]
    refs = refs_of(*(closed for closed, _ in traced))
    traced = [(with_refs(closed, refs), own_tree) for closed, own_tree in traced]
    first, out_tree = traced[0]
    for fun, (closed, own_tree) in zip(funs[1:], traced[1:], strict=True):
        check_same_results(what, funs[0], first, out_tree, fun, closed, own_tree)
    programs, consts = with_shared_constants(same_weak_types([c for c, _ in traced]))
    return programs, consts, refs, out_tree


def with_shared_constants(closed: Sequence[ClosedJaxpr]) -> tuple[tuple[Jaxpr, ...], list[Any]]:
    """Return programs whose first inputs are the constants of all of them, and the constants."""
    consts = [c for program in closed for c in program.consts]
    programs, start = [], 0
    for program in closed:
        extra = [Var(aval_of(c)) for c in consts]
        extra[start : start + len(program.consts)] = program.jaxpr.constvars
        start += len(program.consts)
        programs.append(with_inputs(inline(program), [*extra, *program.jaxpr.invars]))
    return tuple(programs), consts


def check_same_results(
    what: str, fun0: Any, closed0: ClosedJaxpr, tree0: Any, fun: Any, closed: ClosedJaxpr, own: Any
) -> None:
    """Raise unless two branches return the same tree of the same types."""
    names = f"{name_of(fun0)} and {name_of(fun)}"
    if tree0 != own:
        raise TreeTypeError(
            f"{what}: the branches {names} must return the same tree; got {tree0} and {own}."
            f"{at_user_line()}\nReturn the same containers, keys and lengths from each; zeros may"
            " stand for what"
            " a branch does not compute."
        )
    for k, (a, b) in enumerate(zip(closed0.out_avals, closed.out_avals, strict=True)):
        if (a.shape, a.dtype) != (b.shape, b.dtype):
            raise ShapeError(
                f"{what}: the branches {names} must return the same types; leaf {k} of the result"
                f" is {a} in the first and {b} in the other.{at_user_line()}\nConvert"
                " with astype, or pad or broadcast to one shape."
            )


def same_weak_types(programs: Sequence[ClosedJaxpr]) -> list[ClosedJaxpr]:
    """Make outputs strongly typed where some branch has them so."""
    avals = list(zip(*(c.out_avals for c in programs), strict=True))
    strong = [all(a.weak_type for a in group) for group in avals]
    return [with_weak_types(c, strong) for c in programs]


def with_weak_types(closed: ClosedJaxpr, weak: Sequence[bool]) -> ClosedJaxpr:
    """Return a program whose outputs are weakly typed exactly where `weak` says so."""
    if all(a.weak_type == w for a, w in zip(closed.out_avals, weak, strict=True)):
        return closed
    jaxpr = closed.jaxpr
    eqns, outs = list(jaxpr.eqns), []
    for atom, w in zip(jaxpr.outvars, weak, strict=True):
        if atom.aval.weak_type != w:
            out = Var(atom.aval.update(weak_type=w))
            eqns.append(Eqn(ConvertElementType(atom.aval.dtype, w), (atom,), (out,)))
            atom = out
        outs.append(atom)
    new = Jaxpr(jaxpr.constvars, jaxpr.invars, eqns, outs, jaxpr.debug_name)
    return ClosedJaxpr(new, closed.consts, closed.refs)
