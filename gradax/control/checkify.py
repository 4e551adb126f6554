"""Programs that return what went wrong: an interpreter that carries a check's failure along."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gradax import dtypes
from gradax.control.call import Jit
from gradax.control.check_sites import CheckThat, DebugCheck, Site, Table, to_words
from gradax.control.checkpoint import Checkpoint
from gradax.control.composite import Composite
from gradax.control.cond import Cond, widened
from gradax.control.custom_jvp import CustomJvpCall
from gradax.control.custom_vjp import CustomVjpCall
from gradax.control.custom_vmap import CustomVmapCall
from gradax.control.programs import with_inputs
from gradax.control.scan import Scan
from gradax.control.while_loop import While
from gradax.core.aval import Aval
from gradax.core.evaluate import eval_jaxpr, literal_value
from gradax.core.jaxpr import Atom, Eqn, Jaxpr, Literal, Var, subprograms
from gradax.core.op import Op
from gradax.core.staging import stage
from gradax.core.value import as_value
from gradax.errors import DivisionByZeroError, FailedCheckError, NaNError, OOBError
from gradax.lax.arithmetic import Add, Div, Rem
from gradax.lax.bits import And, Not, Or
from gradax.lax.comparison import Eq, Gt, Lt, Ne, SelectN
from gradax.lax.convert import ConvertElementType
from gradax.lax.dynamic_slicing import DynamicSlice, DynamicUpdateSlice, dynamic_index_in_dim
from gradax.lax.gathering import Gather, ScatterAdd, ScatterFamily
from gradax.lax.joining import Concatenate
from gradax.lax.reductions import ReduceOr, argmax
from gradax.lax.reshaping import Reshape
from gradax.lax.scattering import (
    Scatter,
    ScatterApply,
    ScatterMax,
    ScatterMin,
    ScatterMul,
    ScatterSub,
)
from gradax.lax.shapes import BroadcastInDim, Shaping
from gradax.lax.slicing import Pad
from gradax.records import replace
from gradax.transforms.jvp import inline

State = tuple[Any, Any]
# They only move or choose values: a NaN in their results is none that they made.
MOVES: tuple[type[Op], ...] = (
    Shaping, Concatenate, Pad, Gather, ScatterFamily, DynamicSlice, DynamicUpdateSlice, SelectN,
    ConvertElementType,
)  # fmt: skip
SCATTERS: tuple[type[Op], ...] = (
    Scatter, ScatterAdd, ScatterSub, ScatterMul, ScatterMin, ScatterMax, ScatterApply,
)  # fmt: skip
CUSTOM: tuple[type[Op], ...] = (CustomJvpCall, CustomVjpCall, CustomVmapCall)
INDEX = Aval((), np.dtype(np.int32))


def start(n_words: int) -> State:
    """Return the state in which nothing has failed."""
    return np.int32(0), np.zeros(n_words, np.uint32)


class Checker:
    """Runs programs with the checks that `errors` ask for; numbers them as it meets them."""

    def __init__(self, errors: frozenset[type[Exception]], jaxpr: Jaxpr) -> None:
        self.errors = errors
        self.sites: list[Site] = []
        self.found: dict[int, int] = {}
        self.n_words = max(self.most_words(jaxpr), 0)

    def most_words(self, jaxpr: Jaxpr) -> int:
        """Return the words that the checks of a program need, -1 when it has none."""
        known = self.found.get(id(jaxpr))
        if known is None:
            counts = [self.eqn_words(e) for e in jaxpr.eqns]
            known = self.found[id(jaxpr)] = max(counts, default=-1)
        return known

    def eqn_words(self, eqn: Eqn) -> int:
        """Return the words that the checks of an equation need, -1 when it has none."""
        op = eqn.op
        if isinstance(op, (CheckThat, DebugCheck)):
            return op.site.n_words if FailedCheckError in self.errors else -1
        inner = max(map(self.most_words, subprograms(op)), default=-1)
        if op.takes_programs:
            return inner
        own = -1
        if NaNError in self.errors and makes_nan(eqn):
            own = 0
        if DivisionByZeroError in self.errors and isinstance(op, (Div, Rem)):
            own = 0
        if OOBError in self.errors and type(op) in INDEXED:
            own = 2
        return own

    def run(self, jaxpr: Jaxpr, args: Sequence[Any], state: State) -> tuple[list[Any], State]:
        """Run a program (its consts are the first arguments) and the checks in it."""
        env: dict[Var, Any] = dict(zip((*jaxpr.constvars, *jaxpr.invars), args, strict=True))

        def read(atom: Atom) -> Any:
            return literal_value(atom) if isinstance(atom, Literal) else env[atom]

        for eqn in jaxpr.eqns:
            outs, state = self.run_eqn(eqn, [read(a) for a in eqn.invars], state)
            env.update(zip(eqn.outvars, outs, strict=True))
        return [read(a) for a in jaxpr.outvars], state

    def run_eqn(self, eqn: Eqn, args: list[Any], state: State) -> tuple[Sequence[Any], State]:
        """Run an equation and its checks."""
        op = eqn.op
        if isinstance(op, (CheckThat, DebugCheck)):
            return (), self.user_check(op.site, args, state)
        if op.takes_programs:
            if self.eqn_words(eqn) < 0:
                return op(*args), state
            rule = RULES.get(type(op))
            if rule is not None:
                return rule(self, op, args, state)
            if isinstance(op, CUSTOM):
                return self.run_custom(op, args, state)
        out = op(*args)
        outs = out if op.multiple_results else (out,)
        return outs, self.automatic_checks(eqn, args, outs, state)

    def run_custom(self, op: Any, args: list[Any], state: State) -> tuple[Sequence[Any], State]:
        """Keep the rule of a function where no check of the user's stands in it."""
        outs, after = self.run(op.call_jaxpr, args, state)
        return (outs if has_user_checks(op.call_jaxpr) else op(*args)), after

    def user_check(self, site: Site | Table, args: list[Any], state: State) -> State:
        """Make a check that the user wrote, or an earlier error's."""
        if FailedCheckError not in self.errors:
            return state
        holds, *values = args
        if isinstance(site, Table):
            code, words = values
            offset = np.int32(len(self.sites))
            self.sites += site.sites
            return self.fail(state, Not()(holds), Add()(code, offset), [words])
        return self.fail(state, Not()(holds), self.number(site), list(map(to_words, values)))

    def number(self, site: Site) -> Any:
        """Return the code of a new check."""
        self.sites.append(site)
        return np.int32(len(self.sites))

    def fail(self, state: State, bad: Any, code: Any, words: Sequence[Any]) -> State:
        """Return the state after a check: the first failure stays."""
        before, values = state
        fresh = And()(Eq()(before, np.int32(0)), bad)
        after = SelectN()(fresh, before, as_typed(code))
        kept = [w for w in words if w.shape[0]]
        n = sum(w.shape[0] for w in kept)
        if n:
            rest = np.zeros(self.n_words - n, np.uint32)
            new = Concatenate(0)(*kept, *([rest] if rest.size else []))
            values = SelectN()(fresh, values, new)
        return after, values

    def automatic_checks(
        self, eqn: Eqn, args: list[Any], outs: Sequence[Any], state: State
    ) -> State:
        """Make the checks that belong to an operation."""
        op = eqn.op
        if DivisionByZeroError in self.errors and isinstance(op, (Div, Rem)):
            zero = np.zeros((), args[1].dtype)
            site = Site(DivisionByZeroError, "division by zero", str(eqn.source or ""))
            state = self.fail(state, anywhere(Eq()(args[1], zero)), self.number(site), ())
        if OOBError in self.errors and type(op) in INDEXED:
            state = self.check_indices(eqn, args, state)
        if NaNError in self.errors and makes_nan(eqn):
            message = f"nan generated by primitive: {op.name}."
            bad = [anywhere(Ne()(x, x)) for x in outs if is_inexact(as_value(x).aval)]
            site = Site(NaNError, message, str(eqn.source or ""))
            state = self.fail(state, any_of(bad), self.number(site), ())
        return state

    def check_indices(self, eqn: Eqn, args: list[Any], state: State) -> State:
        """Check that windows are inside the operand; the first index outside is the message's."""
        shape = as_value(args[0]).shape
        indices, limits, axes = INDEXED[type(eqn.op)](eqn.op, args)
        if not axes:
            return state
        limit = np.asarray(limits, np.int32)
        limit = np.broadcast_to(limit, indices.shape)
        zero = np.zeros((), np.int32)
        outside = Or()(Lt()(indices, zero), Gt()(indices, limit))
        n = int(np.prod(outside.shape))
        if n == 0:
            return state
        flat = ConvertElementType(INDEX.dtype)(Reshape((n,))(outside))
        at = argmax(flat, 0, np.int32)
        index = dynamic_index_in_dim(Reshape((n,))(indices), at, 0, keepdims=False)
        each = np.broadcast_to(np.asarray(axes, np.int32), indices.shape).ravel()
        axis = dynamic_index_in_dim(each, at, 0, keepdims=False)
        message = f"out-of-bounds indexing for array of shape {shape}: "
        site = Site(OOBError, message, str(eqn.source or ""), None, (INDEX, INDEX), shape)
        words = [to_words(index), to_words(axis)]
        return self.fail(state, anywhere(outside), self.number(site), words)

    def staged(self, avals: Sequence[Aval], run: Callable[..., Any], name: str) -> Any:
        """Trace a function of arrays and a state; return the program and its constants."""
        words = Aval((self.n_words,), np.dtype(np.uint32))

        def flat(*xs: Any) -> list[Any]:
            outs, (code, words) = run(list(xs[:-2]), (xs[-2], xs[-1]))
            return [*outs, code, words]

        closed = stage(flat, [*avals, INDEX, words], name)
        return inline(closed), closed.consts

    def program(self, jaxpr: Jaxpr) -> Any:
        """Return a program that takes and gives the state last, and its constants."""
        return self.staged(
            jaxpr.in_avals, lambda xs, state: self.run(jaxpr, xs, state), jaxpr.debug_name
        )


def as_typed(code: Any) -> Any:
    """Return a code as an int32."""
    code = as_value(code)
    return code if not code.aval.weak_type else ConvertElementType(INDEX.dtype)(code)


def anywhere(flags: Any) -> Any:
    """Tell whether some element is true."""
    flags = as_value(flags)
    return ReduceOr(tuple(range(flags.ndim)))(flags) if flags.ndim else flags


def any_of(flags: Sequence[Any]) -> Any:
    """Tell whether some flag is true."""
    found = flags[0]
    for flag in flags[1:]:
        found = Or()(found, flag)
    return found


def is_inexact(aval: Aval) -> bool:
    """Tell whether values of a type can be NaN."""
    return bool(dtypes.issubdtype(aval.dtype, np.inexact))


def makes_nan(eqn: Eqn) -> bool:
    """Tell whether an operation computes floats."""
    return not isinstance(eqn.op, MOVES) and any(is_inexact(v.aval) for v in eqn.outvars)


def has_user_checks(jaxpr: Jaxpr) -> bool:
    """Tell whether a program has checks that the user wrote."""

    def find() -> bool:
        return any(
            isinstance(e.op, (CheckThat, DebugCheck))
            or any(map(has_user_checks, subprograms(e.op)))
            for e in jaxpr.eqns
        )

    return jaxpr.memo("has user checks", find)


def gather_places(op: Gather, args: list[Any]) -> tuple[Any, Sequence[int], Sequence[int]]:
    """Return the indices of a gather, their largest values and their axes."""
    axes = op.dimension_numbers.start_index_map
    shape = as_value(args[0]).shape
    return as_indices(args[1]), [shape[a] - op.slice_sizes[a] for a in axes], axes


def scatter_places(op: Any, args: list[Any]) -> tuple[Any, Sequence[int], Sequence[int]]:
    """Return the indices of a scatter, their largest values and their axes."""
    axes = op.dimension_numbers.scatter_dims_to_operand_dims
    shape = as_value(args[0]).shape
    sizes = op.placement(shape, as_value(args[2]).shape).sizes
    return as_indices(args[1]), [shape[a] - sizes[a] for a in axes], axes


def slice_places(op: Any, args: list[Any]) -> tuple[Any, Sequence[int], Sequence[int]]:
    """Return the starts of a computed slice, their largest values and their axes."""
    shape = as_value(args[0]).shape
    is_slice = isinstance(op, DynamicSlice)
    sizes = op.slice_sizes if is_slice else as_value(args[1]).shape
    starts = args[1:] if is_slice else args[2:]
    column = [BroadcastInDim((1,), ())(as_indices(s)) for s in starts]
    axes = range(len(shape))
    if not column:
        return None, (), ()
    return Concatenate(0)(*column), [shape[a] - sizes[a] for a in axes], axes


def as_indices(x: Any) -> Any:
    """Return indices as int32."""
    x = as_value(x)
    return x if x.dtype == np.int32 else ConvertElementType(INDEX.dtype)(x)


INDEXED: dict[type[Op], Callable[..., Any]] = {
    Gather: gather_places,
    DynamicSlice: slice_places,
    DynamicUpdateSlice: slice_places,
    **dict.fromkeys(SCATTERS, scatter_places),
}


def check_call(checker: Checker, op: Any, args: list[Any], state: State) -> Any:
    """Check the program of a call."""
    jaxpr, consts = checker.program(op.jaxpr)
    call = Jit(jaxpr, op.call_name) if not isinstance(op, Checkpoint) else replace(op, jaxpr=jaxpr)
    *outs, code, words = call(*consts, *args, *state)
    return outs, (code, words)


def check_cond(checker: Checker, op: Cond, args: list[Any], state: State) -> Any:
    """Check all branches."""
    branches, consts = widened([checker.program(b) for b in op.branches])
    *outs, code, words = Cond(branches)(args[0], *consts, *args[1:], *state)
    return outs, (code, words)


def check_scan(checker: Checker, op: Scan, args: list[Any], state: State) -> Any:
    """Carry the state through the steps."""
    avals = op.jaxpr.in_avals
    consts, carry, xs = op.parts(avals)
    n, m = len(consts), len(carry)
    body_state = Aval((checker.n_words,), np.dtype(np.uint32))

    def step(*flat: Any) -> list[Any]:
        own, now = [*flat[: n + m], *flat[n + m + 2 :]], (flat[n + m], flat[n + m + 1])
        outs, (code, words) = checker.run(op.jaxpr, own, now)
        return [*outs[:m], code, words, *outs[m:]]

    closed = stage(step, [*consts, *carry, INDEX, body_state, *xs], op.jaxpr.debug_name)
    loop = replace(op, jaxpr=inline(closed), num_consts=len(closed.consts) + n, num_carry=m + 2)
    fixed, begun, rows = op.parts(args)
    outs = loop(*closed.consts, *fixed, *begun, *state, *rows)
    return [*outs[:m], *outs[m + 2 :]], (outs[m], outs[m + 1])


def check_while(checker: Checker, op: While, args: list[Any], state: State) -> Any:
    """Carry the state through the rounds; a condition with checks is computed in the body."""
    cond_consts, body_consts, carry = op.parts(args)
    body, captured = checker.program(op.body_jaxpr)
    fixed = [*captured, *body_consts]
    if checker.most_words(op.cond_jaxpr) < 0:
        extra = [Var(v.aval) for v in body.invars[-2:]]
        condition = with_inputs(op.cond_jaxpr, [*op.cond_jaxpr.invars, *extra])
        loop = While(condition, body, op.cond_nconsts, len(fixed))
        *outs, code, words = loop(*cond_consts, *fixed, *carry, *state)
        return outs, (code, words)
    test, test_captured = checker.program(op.cond_jaxpr)
    tested = [*test_captured, *cond_consts]
    n, m = len(fixed), len(tested)

    def round_of(*flat: Any) -> list[Any]:
        own = flat[n + m : -1]
        outs = eval_jaxpr(body, (), *flat[:n], *own)
        holds, code, words = eval_jaxpr(test, (), *flat[n : n + m], *outs)
        return [*outs[:-2], code, words, holds]

    values = [*fixed, *tested, *carry, *state]
    avals = [as_value(x).aval for x in values]
    closed = stage(round_of, [*avals, Aval((), np.dtype(np.bool_))], "while")
    holds = [Var(v.aval) for v in closed.jaxpr.invars[n + m :]]
    condition = Jaxpr((), holds, (), [holds[-1]])
    loop = While(condition, inline(closed), 0, len(closed.consts) + n + m)
    first, code, words = eval_jaxpr(test, (), *tested, *carry, *state)
    *outs, code, words, _ = loop(*closed.consts, *fixed, *tested, *carry, code, words, first)
    return outs, (code, words)


RULES: dict[type[Op], Callable[..., Any]] = {
    Jit: check_call,
    Checkpoint: check_call,
    Composite: check_call,
    Cond: check_cond,
    Scan: check_scan,
    While: check_while,
}
