"""`cond` and `switch`: one of several programs, chosen by an index."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, final

import numpy as np

from gradax import config, tree
from gradax.control.call import Jit
from gradax.control.lanes import run_lanes, saves_work
from gradax.control.programs import (
    ProgramOp,
    Through,
    check_operands,
    invert,
    linear_mask,
    merge,
    nonzero,
    physical,
    pick,
    program_node,
    run_reference,
    spread_tangents,
    with_inputs,
)
from gradax.control.tracing import branch_programs, name_of
from gradax.core.aval import Aval
from gradax.core.jaxpr import Atom, Eqn, Jaxpr, Literal, Var
from gradax.core.op import operation
from gradax.core.refs import read, written
from gradax.core.tangent import is_zero
from gradax.core.value import as_value, aval_of
from gradax.errors import ShapeError, at_user_line, require
from gradax.lax.comparison import Clamp, Ne, SelectN
from gradax.lax.convert import ConvertElementType
from gradax.lax.shapes import BroadcastInDim
from gradax.native import get_trace
from gradax.transforms.jvp import jvp_program
from gradax.transforms.linearize import LinearTrace, split_program
from gradax.transforms.transpose import transpose_program
from gradax.transforms.vmap import batch_program, mapped_size, to_axis


@final
@operation
class Cond(ProgramOp):
    """Run `branches[index]`; the index is an int32 scalar, clamped."""

    branches: tuple[Jaxpr, ...]

    def infer(self, *avals: Aval) -> tuple[Aval, ...]:
        index, *operands = avals
        require(index.shape == () and index.dtype == np.int32, self, "an int32 scalar", index)
        for branch in self.branches:
            check_operands(self, branch, operands)
        return self.branches[0].out_avals

    def jvp(self, primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
        index, *operands = primals
        mask = nonzero(tangents[1:])
        masks = [jvp_program(b, mask)[2] for b in self.branches]
        force = tuple(map(any, zip(*masks, strict=True)))
        branches, consts = widened([jvp_program(b, mask, force)[:2] for b in self.branches])
        outs = Cond(branches)(index, *consts, *operands, *pick(tangents[1:], mask))
        out_avals = self.branches[0].out_avals
        return outs[: len(out_avals)], spread_tangents(force, out_avals, outs[len(out_avals) :])

    def split(self, trace: LinearTrace, args: tuple[Any, ...]) -> tuple[Any, ...]:
        index, *operands = args
        unknown = tuple(map(trace.is_mine, operands))
        masks = [split_program(b, unknown)[3] for b in self.branches]
        force = tuple(map(any, zip(*masks, strict=True)))
        parts = [split_program(b, unknown, force) for b in self.branches]
        known, consts = widened([(p[0], p[1]) for p in parts])
        counts = [p[4] for p in parts]
        known, linear, n_residuals = share_residuals(known, [p[2] for p in parts], counts)
        outs = Cond(known)(index, *consts, *pick(operands, invert(unknown)))
        n_known = len(outs) - n_residuals
        staged = Cond(linear)
        found = trace.emit(staged, (index, *outs[n_known:], *pick(operands, unknown)))
        return merge(force, found, outs[:n_known])

    def transpose(self, ct: Any, *operands: Any) -> Any:
        index, *rest = operands
        mask = linear_mask(rest)
        alive = tuple(not is_zero(c) for c in ct)
        branches, consts = widened([transpose_program(b, mask, alive) for b in self.branches])
        found = Cond(branches)(index, *consts, *pick(rest, invert(mask)), *pick(ct, alive))
        return (None, *merge(mask, found, [None] * (len(mask) - len(found))))

    def batch(self, args: tuple[Any, ...], dims: tuple[int | None, ...]) -> Any:
        size = mapped_size(args, dims)
        if dims[0] is not None and saves_work(self):
            return run_lanes(self, args, dims, size)
        index, *operands = args
        mapped = tuple(d is not None for d in dims[1:])
        moved = [
            to_axis(x, d, size) if m else x
            for x, d, m in zip(operands, dims[1:], mapped, strict=True)
        ]
        if dims[0] is not None:
            return self.batch_by_select(to_axis(index, dims[0], size), moved, mapped, size)
        masks = [batch_program(b, size, mapped)[2] for b in self.branches]
        force = tuple(map(any, zip(*masks, strict=True)))
        branches, consts = widened(
            [batch_program(b, size, mapped, force)[:2] for b in self.branches]
        )
        outs = Cond(branches)(index, *consts, *moved)
        return outs, [0 if m else None for m in force]

    def batch_by_select(self, index: Any, operands: Any, mapped: Any, size: int) -> Any:
        """Run every branch on all lanes and select: the lanes' branches differ, and are cheap."""
        results = []
        for branch in self.branches:
            jaxpr, consts, _ = batch_program(branch, size, mapped, True)
            results.append(Jit(jaxpr, "branch")(*consts, *operands))
        last = np.asarray(len(self.branches) - 1, np.int32)
        index = Clamp()(np.zeros((), np.int32), index, last)
        outs = []
        for cases in zip(*results, strict=True):
            which = BroadcastInDim(cases[0].shape, (0,))(index)
            outs.append(SelectN()(which, *cases))
        return outs, [0] * len(outs)

    def threaded(self, through: Through, eqn: Eqn, token: Var, after: Var) -> list[Eqn]:
        call = Cond(tuple(map(through, self.branches)))
        return [Eqn(call, (*eqn.invars, token), (*eqn.outvars, after), eqn.source)]

    def lower(self, *operands: Any) -> Any:
        return program_node("branch", self.branches, operands, self.branches[0].out_avals)

    def reference(self, *operands: Any) -> Any:
        index = min(max(int(operands[0]), 0), len(self.branches) - 1)
        return run_reference(self.branches[index], operands[1:])


def widened(parts: Sequence[tuple[Jaxpr, tuple[Any, ...]]]) -> tuple[tuple[Jaxpr, ...], list[Any]]:
    """Give all programs the constants of each as first inputs."""
    consts = [c for _, own in parts for c in own]
    out = []
    for k, (jaxpr, own) in enumerate(parts):
        before = sum(len(c) for _, c in parts[:k])
        extra = [Var(aval_of(c)) for c in consts]
        extra[before : before + len(own)] = jaxpr.invars[: len(own)]
        out.append(with_inputs(jaxpr, [*extra, *jaxpr.invars[len(own) :]]))
    return tuple(out), consts


def share_residuals(
    known: Sequence[Jaxpr], linear: Sequence[Jaxpr], counts: Sequence[int]
) -> tuple[tuple[Jaxpr, ...], tuple[Jaxpr, ...], int]:
    """Give all branches the residuals of each: zeros in the known programs that lack them."""
    avals = [
        [a.aval for a in k.outvars[len(k.outvars) - n :]]
        for k, n in zip(known, counts, strict=True)
    ]
    flat = [a for own in avals for a in own]
    new_known, new_linear = [], []
    for k, (jaxpr, lin, n) in enumerate(zip(known, linear, counts, strict=True)):
        before = sum(counts[:k])
        cut = len(jaxpr.outvars) - n
        new_known.append(with_zero_outputs(jaxpr, cut, flat, before, n))
        extra = [Var(a) for a in flat]
        extra[before : before + n] = lin.invars[:n]
        new_linear.append(with_inputs(lin, [*extra, *lin.invars[n:]]))
    return tuple(new_known), tuple(new_linear), len(flat)


def with_zero_outputs(jaxpr: Jaxpr, cut: int, avals: list[Aval], before: int, n: int) -> Jaxpr:
    """Return a program whose outputs from `cut` on stand at `before` among zeros of `avals`."""
    own = iter(jaxpr.outvars[cut:])
    eqns = list(jaxpr.eqns)
    outs = [
        next(own) if before <= i < before + n else zero_atom(a, eqns) for i, a in enumerate(avals)
    ]
    return Jaxpr((), jaxpr.invars, eqns, [*jaxpr.outvars[:cut], *outs], jaxpr.debug_name)


def zero_atom(aval: Aval, eqns: list[Eqn]) -> Atom:
    """Return a zero of `aval`, appending the equation that makes it when it is no scalar."""
    zero = Literal(np.zeros((), physical(aval.dtype))[()], aval.update(shape=()))
    if aval.shape == ():
        return zero
    out = Var(aval)
    eqns.append(Eqn(BroadcastInDim(aval.shape, ()), (zero,), (out,)))
    return out


def cond(
    pred: Any,
    true_fun: Callable[..., Any],
    false_fun: Callable[..., Any],
    *operands: Any,
    operand: Any = ...,
) -> Any:
    """Return `true_fun(*operands)` where `pred` holds, else `false_fun(*operands)`.

    Only the branch taken is run. Both must return the same tree of the same types. The older form
    `cond(pred, x, true_fun, y, false_fun)` gives each branch an operand of its own.
    Shapes: pred: a scalar, bool or number.
    Errors: TypeError when pred is no scalar or the branches' results differ.
    """
    if operand is not ...:  # one operand by its older name, which may be None
        operands = (operand,)
    if len(operands) == 2 and not callable(true_fun) and callable(false_fun):
        return cond_of_each(pred, true_fun, false_fun, *operands)
    pred = as_value(pred)
    if pred.shape != ():
        mend = (
            "Reduce it with all() or any(), choose by element with where, or map over it by vmap."
        )
        got = f"got shape {pred.shape}.{at_user_line()}\n{mend}"
        raise ShapeError(f"cond: the predicate must be a scalar; {got}")
    if get_trace() is None and config.current.disable_jit:
        return (true_fun if bool(pred) else false_fun)(*operands)
    if pred.dtype != np.bool_:
        pred = not_equal_zero(pred)
    index = ConvertElementType(np.dtype(np.int32))(pred)
    return choose("cond", index, (false_fun, true_fun), operands)


def cond_of_each(pred: Any, x: Any, true_fun: Any, y: Any, false_fun: Any) -> Any:
    """Return `true_fun(x)` where `pred` holds, else `false_fun(y)`."""

    def when_true(x: Any, y: Any) -> Any:
        return true_fun(x)

    def when_false(x: Any, y: Any) -> Any:
        return false_fun(y)

    when_true.__name__, when_false.__name__ = name_of(true_fun), name_of(false_fun)
    return cond(pred, when_true, when_false, x, y)


def switch(index: Any, branches: Sequence[Callable[..., Any]], *operands: Any) -> Any:
    """Return `branches[index](*operands)`, the index clamped to the branches there are.

    Shapes: index: an integer scalar.
    Errors: TypeError for a float or non-scalar index or when results differ; ValueError for no
    branches.
    """
    if not branches:
        raise ValueError(f"switch: expected at least one branch; got none{at_user_line()}")
    index = as_value(index)
    integer = np.issubdtype(np.dtype(index.dtype), np.integer)
    if index.shape != () or not integer:
        raise ShapeError(
            f"switch: expected an integer scalar index; got {index.aval}.{at_user_line()}\nConvert"
            " it with astype(int); map the switch by vmap for an index each."
        )
    if len(branches) == 1:
        return branches[0](*operands)
    if get_trace() is None and config.current.disable_jit:
        return branches[min(max(int(index), 0), len(branches) - 1)](*operands)
    if index.dtype != np.int32:
        low, high = (np.asarray(v, index.dtype) for v in (0, len(branches) - 1))
        index = ConvertElementType(np.dtype(np.int32))(Clamp()(low, index, high))
    return choose("switch", index, tuple(branches), operands)


def choose(what: str, index: Any, funs: tuple[Callable[..., Any], ...], operands: Any) -> Any:
    """Trace the branches and bind the operation."""
    leaves, in_tree = tree.flatten(tuple(operands))
    leaves = [as_value(x) for x in leaves]
    programs, consts, refs, out_tree = branch_programs(what, funs, in_tree, leaves)
    index = Clamp()(np.int32(0), index, np.int32(len(funs) - 1)) if what == "switch" else index
    outs = Cond(programs)(index, *consts, *leaves, *map(read, refs))
    return tree.unflatten(out_tree, written(refs, outs))


def not_equal_zero(x: Any) -> Any:
    """Return whether a number is not zero."""
    return Ne()(x, np.zeros((), x.dtype))
