"""Stage loops: `while` over traced conditions, `scan` over known numbers of steps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from gradax import tree
from gradax.autographing.branches import Staging, choose_state, truth
from gradax.autographing.sites import Site
from gradax.autographing.source import refused
from gradax.autographing.values import (
    UNSET,
    State,
    Undefined,
    common_type,
    converted,
    describe,
    is_absent,
    is_array,
    is_same,
    type_of,
)
from gradax.control.scan import Scan
from gradax.control.while_loop import While
from gradax.core.aval import Aval, without_axis
from gradax.core.jaxpr import ClosedJaxpr
from gradax.core.value import aval_of
from gradax.errors import InternalError
from gradax.lax.comparison import zeros
from gradax.transforms.jvp import inline

Step = Callable[[Sequence[Any], Sequence[Any]], Sequence[Any]]


class Variable:
    """A variable that a loop carries: the tree of its value, of which arrays change."""

    def __init__(self, value: Any) -> None:
        self.leaves, self.structure = tree.flatten(value)
        self.types = [type_of(x) if is_array(x) else None for x in self.leaves]

    def arrays(self) -> list[Any]:
        """Return the initial arrays, of the types that the loop keeps."""
        pairs = zip(self.leaves, self.types, strict=True)
        return [zeros(t) if x is UNSET else converted(x, t) for x, t in pairs if t is not None]

    def value(self, arrays: Any) -> Any:
        """Return the value with arrays taken from an iterator."""
        pairs = zip(self.leaves, self.types, strict=True)
        leaves = [x if t is None else next(arrays) for x, t in pairs]
        return tree.unflatten(self.structure, leaves)


class Loop:
    """A loop that is staged. `extras` are carried values of the loop's own, such as its counter."""

    def __init__(self, state: State, extras: Sequence[Any], certain: bool) -> None:
        self.state = state
        self.site: Site = state.site
        self.extras = [Variable(x) for x in extras]
        self.certain = certain
        self.entry = state.read()
        self.variables: dict[int, Variable] = {
            i: Variable(x)
            for i, (x, live) in enumerate(zip(self.entry, state.live, strict=True))
            if live and not is_absent(x)
        }

    @property
    def carried(self) -> list[Variable]:
        """What the loop carries."""
        return [*self.extras, *self.variables.values()]

    @property
    def avals(self) -> list[Aval]:
        """The types of the carried arrays."""
        return [t for v in self.carried for t in v.types if t is not None]

    def set_variables(self, arrays: Sequence[Any]) -> list[Any]:
        """Set the variables to carried arrays; return the extras."""
        found = iter(arrays)
        extras = [v.value(found) for v in self.extras]
        values = [self.missing(i, x) for i, x in enumerate(self.entry)]
        for i, variable in self.variables.items():
            values[i] = variable.value(found)
        self.state.write(values)
        return extras

    def missing(self, i: int, x: Any) -> Any:
        """Return what stands for a variable that is not carried."""
        if not self.state.live[i] or self.state.is_internal(i):
            return UNSET
        if type(x) is Undefined:
            return x
        label, site = self.state.label(i), self.site
        line = site.lines[0].get(self.state.names[i], site.line)
        error = refused(
            site.file, site.line, site.function,
            f"{label} is assigned only inside the loop (line {line}), which is traced and may not"
            " run.",
            f"Assign {label} before the loop, with the type that it has in it.",
        )  # fmt: skip
        return Undefined(str(error))

    def stage(self, step: Step, slices: Sequence[Aval] = ()) -> ClosedJaxpr:
        """Return the program of a step, once the carried types do not change any more."""
        for _ in range(100):
            staging = Staging(self.site.function)
            avals = self.avals
            inputs = [staging.trace.new_input(a) for a in (*avals, *slices)]
            extras, values = staging.run(partial(self.run, step, inputs, len(avals)))
            if self.adapt(extras, values):
                staging.trace.alive = False
                continue
            outs = self.outputs(extras, values)
            made = staging.run(
                lambda outs=outs: [converted(x, a) for x, a in zip(outs, self.avals, strict=True)]
            )
            return staging.finish(made)
        raise InternalError("the types of a loop's variables do not settle")

    def run(self, step: Step, inputs: Sequence[Any], n: int) -> tuple[Sequence[Any], list[Any]]:
        """Run one step on tracers; return the extras and the variables after it."""
        extras = self.set_variables(inputs[:n])
        extras = step(extras, inputs[n:])
        self.state.check_containers()
        return extras, self.state.read()

    def outputs(self, extras: Sequence[Any], values: Sequence[Any]) -> list[Any]:
        """Return the carried arrays after a step."""
        after = [*extras, *(values[i] for i in self.variables)]
        return [
            x
            for v, value in zip(self.carried, after, strict=True)
            for x, t in zip(tree.leaves(value), v.types, strict=True)
            if t is not None
        ]

    def adapt(self, extras: Sequence[Any], values: Sequence[Any]) -> bool:
        """Change carried types to those that a step gives; tell whether any did."""
        changed = False
        for i, value in enumerate(values):
            if i in self.variables:
                changed |= self.adapt_variable(i, value)
            elif self.state.live[i] and not is_absent(value) and self.can_fill(i):
                variable = Variable(value)
                variable.leaves = [
                    UNSET if t is not None else x
                    for x, t in zip(variable.leaves, variable.types, strict=True)
                ]
                self.variables = dict(sorted([*self.variables.items(), (i, variable)]))
                changed = True
        return changed

    def can_fill(self, i: int) -> bool:
        """Tell whether a variable without a value before the loop always has one after it."""
        return self.state.is_internal(i) or (self.certain and self.entry[i] is UNSET)

    def adapt_variable(self, i: int, value: Any) -> bool:
        """Change the carried types of a variable to those that a step gives."""
        variable = self.variables[i]
        if is_absent(value):
            raise self.changes(i, value)
        leaves, structure = tree.flatten(value)
        if structure != variable.structure:
            raise self.changes(i, value)
        changed = False
        for k, (x, t) in enumerate(zip(leaves, variable.types, strict=True)):
            if t is None:
                if not is_same(x, variable.leaves[k]):
                    raise self.changes(i, value)
                continue
            if not is_array(x):
                raise self.changes(i, value)
            joint = common_type(t, type_of(x))
            if joint is None or (joint.dtype != t.dtype and not t.weak_type):
                raise self.changes(i, value)
            # A strong type stays; a weak one takes the type that it meets.
            if t.weak_type and joint != t:
                variable.types[k] = joint
                changed = True
        return changed

    def changes(self, i: int, value: Any) -> Exception:
        """Make the error for a variable whose type a loop changes."""
        site, label = self.site, self.state.label(i)
        line = site.lines[0].get(self.state.names[i])
        where = f" (line {line})" if line else ""
        before = describe_carried(self.variables[i])
        return refused(
            site.file, site.line, site.function,
            f"{label} changes its type in the loop: {before} before a step, {describe(value)} after"
            f" it{where}.",
            f"Give {label} the later type before the loop, or convert it in the loop with astype or"
            " broadcast_to.",
        )  # fmt: skip

    def finish(self, results: Sequence[Any]) -> None:
        """Set the variables to what the loop gives."""
        self.set_variables(results)

    def initial(self) -> list[Any]:
        """Return the carried arrays before the loop."""
        return [x for v in self.carried for x in v.arrays()]


def describe_carried(variable: Variable) -> str:
    """Return the type of a carried variable for messages."""
    pairs = zip(variable.leaves, variable.types, strict=True)
    leaves = [x if t is None else zeros(t) for x, t in pairs]
    return describe(tree.unflatten(variable.structure, leaves))


def run_while(
    state: State,
    extras: Sequence[Any],
    test: Callable[[Sequence[Any]], Any],
    step: Callable[[Sequence[Any]], Sequence[Any]],
) -> None:
    """Run a loop whose condition is traced."""
    entry = state.read()
    try:
        loop = Loop(state, extras, certain=False)
        body = loop.stage(lambda own, _: step(own))
        staging = Staging(state.site.function)
        inputs = [staging.trace.new_input(a) for a in loop.avals]
        pred = staging.run(lambda: truth(test(loop.set_variables(inputs))))
        cond = staging.finish([pred])
        op = While(inline(cond), inline(body), len(cond.consts), len(body.consts))
        results = op(*cond.consts, *body.consts, *loop.initial())
    except BaseException:
        state.write(entry)
        raise
    loop.finish(results)


def run_scan(
    state: State, extras: Sequence[Any], xs: Sequence[Any], length: int, step: Step
) -> None:
    """Run a loop of a known number of steps over the leading axis of arrays."""
    entry = state.read()
    try:
        loop = Loop(state, extras, certain=length > 0)
        body = loop.stage(step, [without_axis(aval_of(x), 0) for x in xs])
        n_carry = len(loop.avals)
        op = Scan(inline(body), length, False, len(body.consts), n_carry, 1)
        results = op(*body.consts, *loop.initial(), *xs)
    except BaseException:
        state.write(entry)
        raise
    loop.finish(results)


def guarded(state: State, go_on: Callable[[], Any] | None, part: Callable[[], Any]) -> None:
    """Run a part of a loop where no break was reached before."""
    if go_on is None:
        part()
        return

    def explain(i: int, a: Any, b: Any, problem: str) -> Exception:
        site, label = state.site, state.label(i)
        return refused(
            site.file, site.line, site.function,
            f"{label} changes in the loop: {describe(b)} before a step, {describe(a)} after it.",
            f"Give {label} the later type before the loop, or convert it in the loop with astype or"
            " broadcast_to.",
        )  # fmt: skip

    choose_state(state, truth(go_on()), part, lambda: None, explain)
