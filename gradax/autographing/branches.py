"""Stage both branches of a traced condition and choose between what they give."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gradax import tree
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
from gradax.control.cond import Cond
from gradax.control.tracing import with_shared_constants
from gradax.core.aval import Aval
from gradax.core.checks import maybe_check
from gradax.core.effects import program_effects
from gradax.core.jaxpr import ClosedJaxpr
from gradax.core.staging import StagingTrace
from gradax.core.tracer import under
from gradax.core.value import as_value
from gradax.errors import ShapeError, at_user_line
from gradax.lax.comparison import Ne, zeros
from gradax.lax.convert import ConvertElementType
from gradax.lax.shapes import Reshape

Values = list[Any]
Explain = Callable[[int, Any, Any, str], Exception]


class Staging:
    """Operations of a part of the program, written down while `run` is called."""

    def __init__(self, name: str) -> None:
        self.trace = StagingTrace(name)

    def run(self, part: Callable[[], Any]) -> Any:
        """Call a function; what it computes becomes part of the program."""
        try:
            with under(self.trace):
                return part()
        except BaseException:
            self.trace.alive = False
            raise

    def finish(self, outputs: Sequence[Any]) -> ClosedJaxpr:
        """Return the program."""
        closed = self.trace.finish(outputs)
        maybe_check(closed.jaxpr)
        return closed


def truth(x: Any) -> Any:
    """Return a traced condition as a bool scalar.

    Errors: TypeError for an array of several elements.
    """
    x = as_value(x)
    if x.size != 1:
        raise ShapeError(
            f"autograph: a condition must be one bool; got {x.aval}.{at_user_line()}\nReduce it"
            " with all() or any(), or choose elements with jax.numpy.where."
        )
    if x.shape != ():
        x = Reshape(())(x)
    return x if x.dtype == np.bool_ else Ne()(x, np.zeros((), x.dtype))


def stage_if(
    site: Site,
    shown: Sequence[Any],
    test: Any,
    then: Callable[[], Any],
    otherwise: Callable[[], Any],
) -> None:
    """Run the branches of an `if` whose condition is traced."""
    state = State(site, shown)
    choose_state(state, truth(test), then, otherwise, Branches(state).explain)


def choose_state(
    state: State,
    test: Any,
    then: Callable[[], Any],
    otherwise: Callable[[], Any],
    explain: Explain,
) -> None:
    """Set the variables to what one of two parts makes of them."""
    entry = state.read()
    try:
        runs = [lambda: state.run(entry, then), lambda: state.run(entry, otherwise)]
        wanted = Wanted(state.live, [state.is_internal(i) for i in range(len(entry))], explain)
        values = choose(state.site.function, test, runs, wanted)
    except BaseException:
        state.write(entry)
        raise
    for i, is_live in enumerate(state.live):
        if not is_live:
            values[i] = UNSET
    state.write(values)


class Wanted:
    """Which values two branches must agree on, and the error when they do not."""

    def __init__(self, live: Sequence[bool], filled: Sequence[bool], explain: Explain) -> None:
        self.live, self.filled, self.explain = live, filled, explain


def choose(name: str, test: Any, runs: Sequence[Callable[[], Values]], wanted: Wanted) -> Values:
    """Return the values that one of two functions gives: `runs[0]` where the test holds."""
    stagings = [Staging(name), Staging(name)]
    found = [s.run(run) for s, run in zip(stagings, runs, strict=True)]
    joint = Joint(wanted)
    plans = [joint.plan(i, a, b) for i, (a, b) in enumerate(zip(*found, strict=True))]
    closed = []
    for staging, outs in zip(stagings, joint.outputs, strict=True):
        made = staging.run(
            lambda outs=outs: [
                zeros(aval) if x is UNSET else converted(x, aval)
                for x, aval in zip(outs, joint.avals, strict=True)
            ]
        )
        closed.append(staging.finish(made))
    if not joint.avals and not any(program_effects(c.jaxpr) for c in closed):
        return [plan(()) for plan in plans]
    programs, consts = with_shared_constants(closed[::-1])
    index = ConvertElementType(np.dtype(np.int32))(test)
    results = Cond(programs)(index, *consts)
    return [plan(results) for plan in plans]


class Joint:
    """The outputs that two branches have together."""

    def __init__(self, wanted: Wanted) -> None:
        self.wanted = wanted
        self.outputs: tuple[Values, Values] = ([], [])
        self.avals: list[Aval] = []

    def plan(self, i: int, a: Any, b: Any) -> Callable[[Sequence[Any]], Any]:
        """Add what is needed of variable i; return how its value is found among the results."""
        if not self.wanted.live[i]:
            return lambda results: a if is_absent(b) else b
        if is_absent(a) and is_absent(b):
            return lambda results: a if type(a) is Undefined else b
        if is_absent(a) or is_absent(b):
            if self.wanted.filled[i]:
                return self.fill(a, b)
            message = Undefined(str(self.wanted.explain(i, a, b, "unset")))
            return lambda results: message
        return self.pair(i, a, b)

    def fill(self, a: Any, b: Any) -> Callable[[Sequence[Any]], Any]:
        """Choose a value that only one branch gives: nothing reads it after the other."""
        leaves, structure = tree.flatten(b if is_absent(a) else a)
        rows = [(UNSET, x) if is_absent(a) else (x, UNSET) for x in leaves]
        finders = [
            self.output(x, y, type_of(z)) if is_array(z) else (lambda results, z=z: z)
            for (x, y), z in zip(rows, leaves, strict=True)
        ]
        return lambda results: tree.unflatten(structure, [f(results) for f in finders])

    def pair(self, i: int, a: Any, b: Any) -> Callable[[Sequence[Any]], Any]:
        """Choose a value that both branches give."""
        if is_same(a, b):
            return lambda results: a
        leaves, structure = tree.flatten(a)
        others, other_structure = tree.flatten(b)
        if structure != other_structure:
            raise self.wanted.explain(i, a, b, "structure")
        finders = []
        for x, y in zip(leaves, others, strict=True):
            if is_same(x, y):
                finders.append(lambda results, x=x: x)
                continue
            if not (is_array(x) and is_array(y)):
                raise self.wanted.explain(i, a, b, "object")
            aval = common_type(type_of(x), type_of(y))
            if aval is None:
                raise self.wanted.explain(i, a, b, "type")
            finders.append(self.output(x, y, aval))
        return lambda results: tree.unflatten(structure, [f(results) for f in finders])

    def output(self, x: Any, y: Any, aval: Aval) -> Callable[[Sequence[Any]], Any]:
        """Add an output to both branches."""
        self.outputs[0].append(x)
        self.outputs[1].append(y)
        self.avals.append(aval)
        k = len(self.avals) - 1
        return lambda results: results[k]


class Branches:
    """The messages about the branches of an `if`."""

    def __init__(self, state: State) -> None:
        self.state = state

    def where(self, i: int, branch: int) -> str:
        """Say where a branch assigns a variable."""
        site = self.state.site
        words = ("where the condition holds", "where it does not")[branch]
        line = site.lines[branch].get(self.state.names[i])
        return f"{words} (line {line})" if line else words

    def explain(self, i: int, a: Any, b: Any, problem: str) -> Exception:
        """Return the error for a variable on which the branches do not agree."""
        site, label = self.state.site, self.state.label(i)
        if problem == "unset":
            k = int(is_absent(a))
            line = site.lines[k].get(self.state.names[i], site.first_lines[k])
            words = ("where the condition holds", "where it does not")
            return refused(
                site.file, site.line, site.function,
                f"{label} is assigned only {words[k]} (line {line}), not {words[1 - k]}"
                f" (line {site.first_lines[1 - k]}), and the condition is traced.",
                f"Assign {label} before the if, or in both branches.",
            )  # fmt: skip
        got = f"{describe(a)} {self.where(i, 0)}, {describe(b)} {self.where(i, 1)}."
        return mismatch(site, label, got, problem)


def mismatch(site: Site, label: str, got: str, problem: str) -> Exception:
    """Make the error for values that a traced condition cannot choose between."""
    what = {"structure": "structures", "type": "types", "object": "values that are no arrays"}
    mend = {
        "structure": "Give both branches the same containers, with None in neither or both.",
        "type": "Convert one of them with astype, or give both one shape with broadcast_to.",
        "object": "Only arrays and numbers can depend on a traced condition.",
    }
    return refused(
        site.file, site.line, site.function,
        f"{label} has different {what[problem]}: {got}", mend[problem],
    )  # fmt: skip


def choose_value(
    site: Site, test: Any, then: Callable[[], Any], otherwise: Callable[[], Any]
) -> Any:
    """Return the value of a conditional expression whose condition is traced."""

    def explain(i: int, a: Any, b: Any, problem: str) -> Exception:
        got = f"{describe(a)} where the condition holds, {describe(b)} where it does not."
        return mismatch(site, "the expression", got, problem)

    wanted = Wanted([True], [False], explain)
    runs = [lambda: [then()], lambda: [otherwise()]]
    return choose(site.function, truth(test), runs, wanted)[0]
