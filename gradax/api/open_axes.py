"""Programs some of whose axes are not fixed: `jit(f, dynamic_dims=…)`.

A function is traced once with `Size`s in place of the open axes' sizes, and compiled once to code
that reads them from the call. What depends on sizes all the same, because somebody compared them,
is kept as guards; a call whose sizes do not keep them gets a program of its own.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

from gradax import tree
from gradax.api.arguments import leaf_names, name_of
from gradax.api.compiling import compiler
from gradax.api.open_specs import Place, pattern, places_of
from gradax.api.open_stages import StagedCode, Unexpected, has_counts, known_sizes
from gradax.api.programs import (
    Call,
    CompiledProgram,
    FunctionPrograms,
    JitOptions,
    TracedProgram,
    trace_program,
    tracing_forbidden,
)
from gradax.config import current
from gradax.core.aval import Aval
from gradax.core.effects import calls_python
from gradax.core.value import as_value, aval_of
from gradax.errors import (
    CompileError,
    GradaxError,
    InternalError,
    StaticSizeError,
    at_user_line,
    user_stacklevel,
)
from gradax.locks import make_lock
from gradax.records import replace
from gradax.sizes import LEAST, OpenAxes, Settled, Stopped

# Sizes that need programs of their own beyond this many are compiled as if all axes were fixed.
MOST_PROGRAMS = 8
# What a function, or the library, raises where it cannot work with sizes that are not fixed.
FAILURES = (GradaxError, TypeError, ValueError, IndexError, KeyError, AttributeError)
Make = Callable[[Sequence[int], Sequence[Any]], "OpenProgram"]


class Family:
    """The programs of one function for calls that differ in the sizes of open axes alone."""

    def __init__(self) -> None:
        self.programs: list[OpenProgram] = []
        self.is_refused = False
        self.is_staged = False
        self.lock = make_lock()


class CountsNeeded(Exception):
    """A function cannot be traced unless it is known what data decides for a size."""


class OpenProgram:
    """A function traced and compiled once for all sizes of some axes."""

    def __init__(
        self,
        fun: Any,
        options: JitOptions,
        call: Call,
        avals: Sequence[Aval],
        places: Sequence[tuple[Place, ...]],
        expected: Sequence[int] = (),
        fixed: Sequence[int] = (),
    ) -> None:
        # Each open axis: the places that have its size.
        self.places = tuple(places)
        self.all_places = [place for together in places for place in together]
        self.avals = tuple(avals)
        self.kind = pattern(avals, self.all_places)
        self.sizes = OpenAxes(expected)
        self.sizes.fixed = set(fixed)
        try:
            self.make(fun, options, call)
        finally:
            self.sizes.is_traced = False

    def make(self, fun: Any, options: JitOptions, call: Call) -> None:
        """Trace and compile."""
        try:
            self.traced = self.trace(fun, options, call)
        except Exception as error:
            if len(self.sizes.counts) > len(self.sizes.expected) and self.sizes.settled is None:
                raise CountsNeeded from error
            raise
        finally:
            # Whoever caught it in the function went on with what is not so.
            if self.sizes.settled is not None:
                raise self.sizes.settled
        self.reduced = reduced = CompiledProgram(self.traced)
        if calls_python(reduced.reduced):
            raise StaticSizeError(
                f"{name_of(fun)} calls Python (a callback, debug.print), which cannot be told sizes"
                f" that are not fixed (jit's dynamic_dims).{at_user_line()}\n"
                "Leave out dynamic_dims: each size is then compiled."
            )
        self.is_staged = has_counts(reduced.reduced)
        try:
            if self.is_staged:
                self.code: Any = StagedCode(reduced.reduced, reduced.constants, self.sizes)
            else:
                self.code = compiler().OpenCode(
                    reduced.reduced, reduced.donated, reduced.constants, self.sizes
                )
        except StaticSizeError as error:
            raise CompileError(str(error)) from error

    def trace(self, fun: Any, options: JitOptions, call: Call) -> TracedProgram:
        """Trace the function with sizes in place of the open axes'."""
        return trace_program(fun, options, call, self.open_avals(call, self.avals), self.sizes)

    def open_avals(self, call: Call, avals: Sequence[Aval]) -> list[Aval]:
        """Return the avals of a call with sizes in place of the open axes'."""
        names = leaf_names(call.run, *call.dynamic)
        shapes = [list(aval.shape) for aval in avals]
        for k, together in enumerate(self.places):
            leaf, axis = together[0]
            what = f"axis {axis} of {names[leaf]}"
            size: Any = self.sizes.open(letters(k), avals[leaf].shape[axis], what)
            for leaf, axis in together:
                shapes[leaf][axis] = size
        return [aval.update(shape=shape) for aval, shape in zip(avals, shapes, strict=True)]

    def refusal(self, avals: Sequence[Aval]) -> str:
        """Say which assumption the program makes of sizes that avals do not keep, if any."""
        if len(avals) != len(self.avals) or pattern(avals, self.all_places) != self.kind:
            return ""
        values = [avals[p[0][0]].shape[p[0][1]] for p in self.places]
        sizes = ", ".join(f"{a.text}={n}" for a, n in zip(self.sizes.axes, values, strict=False))
        for p, axis in zip(self.places, self.sizes.axes, strict=False):
            if len({avals[leaf].shape[k] for leaf, k in p}) > 1:
                return f"axes that had one size ({axis.text}) differ"
        guard = self.sizes.broken([*values, *[None] * (len(self.sizes.axes) - len(values))])
        if guard is None:
            return ""
        where = f", which was decided{guard.where}" if guard.where else ""
        return f"the program before is for sizes with {guard}{where}; now {sizes}"

    def values(self, avals: Sequence[Aval], counts: Sequence[int] = ()) -> list[int] | None:
        """Return the sizes of the open axes in a call; None where what the program takes as fixed
        or equal is not, or a guard is not kept. `counts` is what data has decided so far.
        """
        found = [{avals[leaf].shape[axis] for leaf, axis in p} for p in self.places]
        values = [next(iter(sizes)) for sizes in found]
        if any(len(sizes) > 1 for sizes in found) or pattern(avals, self.all_places) != self.kind:
            return None
        return None if known_sizes(self.sizes, values, counts) is None else values


class SizedProgram:
    """A program with open axes at some sizes: what a call needs of a `TracedProgram`."""

    def __init__(self, program: OpenProgram, avals: Sequence[Aval], make: Make) -> None:
        self.origin = program
        traced = self.traced = program.traced
        self.is_staged = program.is_staged
        self.name, self.closed, self.donated = traced.name, traced.closed, traced.donated
        self.in_tree, self.out_tree = traced.in_tree, traced.out_tree
        self.watched = traced.watched
        self.watched_attributes = traced.watched_attributes
        self.argument_names = traced.argument_names
        self.compiled: Any = (
            StagedExecutable(program, avals, make)
            if program.is_staged
            else SizedExecutable(program, avals)
        )

    def refusal(self, avals: Sequence[Aval]) -> str:
        """Say which assumption the program makes of sizes that avals do not keep, if any."""
        return self.origin.refusal(avals)

    @property
    def is_current(self) -> bool:
        """Whether the tracers that the program captured still stand for values."""
        return self.traced.is_current

    @property
    def inlined(self) -> Any:
        """The program with its constants as first inputs."""
        return self.traced.inlined


class SizedExecutable:
    """The executable of a program with open axes at some sizes, as `CompiledProgram` has it."""

    def __init__(self, program: OpenProgram, avals: Sequence[Aval]) -> None:
        reduced = program.reduced
        self.kept, self.routes, self.name = reduced.kept, reduced.routes, reduced.name
        values = program.values(avals)
        assert values is not None
        self.executable = program.code.at([avals[i] for i in reduced.kept], values)

    def call(self, leaves: Sequence[Any]) -> list[Any]:
        """Return the results for arrays."""
        outs = self.executable.execute([leaves[i] for i in self.kept])
        return [outs[r] if r >= 0 else leaves[~r] for r in self.routes]


class StagedExecutable:
    """Runs a program with sizes that data decides, or another of its family that is for them."""

    executable = None

    def __init__(self, program: OpenProgram, avals: Sequence[Aval], make: Make) -> None:
        self.program, self.avals, self.make = program, avals, make

    def call(self, leaves: Sequence[Any]) -> list[Any]:
        """Return the results for arrays."""
        program, counts = self.program, ()
        while True:
            reduced, values = program.reduced, program.values(self.avals)
            assert values is not None
            try:
                outs, _ = program.code.run([leaves[i] for i in reduced.kept], values)
            except Unexpected as found:
                if len(found.counts) <= len(counts):
                    raise InternalError(f"{reduced.name}: {found} were expected") from None
                counts = found.counts
                program = self.make(counts, leaves)
                continue
            return [outs[r] if r >= 0 else leaves[~r] for r in reduced.routes]


def program_at(
    fun: Any, options: JitOptions, call: Call, found: FunctionPrograms, key: Any
) -> SizedProgram | None:
    """Return the program of a call's sizes, None where all its axes are fixed.

    Errors: StaticSizeError where the function needs a fixed size, unless axes are opened
    automatically; ValueError for `dynamic_dims` that do not fit the arguments.
    """
    avals: Sequence[Aval] = key[0]
    places = places_of(options, fun, call, avals, found, key)
    places = [(leaf, axis) for leaf, axis in places if avals[leaf].shape[axis] >= LEAST]
    family = found.families.setdefault((pattern(avals, places), *key[1:]), Family())
    traced = Traced(family, fun, options, call, avals, grouped(avals, places))
    with family.lock:
        return traced.program(call.leaves)


class Traced:
    """What it takes to find, or make, a family's program for a call."""

    def __init__(
        self,
        family: Family,
        fun: Any,
        options: JitOptions,
        call: Call,
        avals: Sequence[Aval],
        places: Sequence[tuple[Place, ...]],
    ) -> None:
        self.family, self.fun, self.options = family, fun, options
        self.avals, self.places = avals, places
        # The programs outlive the call: they keep its form, not its arrays.
        self.call = replace(call, leaves=[], dynamic=tree.map(aval_of, call.dynamic))

    def known(self, counts: Sequence[int] = ()) -> OpenProgram | None:
        """Return a program of the family that is for the call, as far as can be told."""
        for program in self.family.programs:
            if program.traced.is_current and program.values(self.avals, counts) is not None:
                return program
        return None

    def program(self, leaves: Sequence[Any]) -> SizedProgram | None:
        """Return the program of the call's sizes, made where there is none yet; None where each
        size is compiled on its own.
        """
        found = self.known()
        if found is None and not self.is_hopeless:
            if current.no_tracing:
                raise tracing_forbidden(name_of(self.fun), self.avals)
            found = self.attempt(leaves)
        return None if found is None else SizedProgram(found, self.avals, self.for_counts)

    @property
    def is_hopeless(self) -> bool:
        """Whether open axes have gone wrong before, or not paid."""
        if self.family.is_staged:  # sizes that data decides need programs with open axes
            return False
        if len(self.family.programs) >= MOST_PROGRAMS and not self.family.is_refused:
            self.family.is_refused = True
            if self.options.dynamic != "auto":
                warnings.warn(
                    f"{name_of(self.fun)} has {MOST_PROGRAMS} programs for sizes that compare"
                    " differently (dynamic_dims); from now on each size is compiled.",
                    stacklevel=user_stacklevel(),
                )
        return self.family.is_refused

    def attempt(self, leaves: Sequence[Any]) -> OpenProgram | None:
        """Return a new program; None where the function needs fixed sizes after all."""
        is_asked = self.options.dynamic != "auto" and not self.family.programs
        try:
            return self.made(leaves)
        except StaticSizeError:
            if is_asked or self.family.is_staged:
                raise
        except FAILURES as error:
            if self.family.is_staged:
                raise
            # What is wrong with fixed sizes too raises again where they are traced.
            trace_program(self.fun, self.options, self.call, self.avals)
            if is_asked:
                warnings.warn(
                    f"{name_of(self.fun)} is compiled for each size: with open axes (dynamic_dims)"
                    f" this went wrong: {error}",
                    stacklevel=user_stacklevel(),
                )
        self.family.is_refused = True
        return None

    def for_counts(self, counts: Sequence[int], leaves: Sequence[Any]) -> OpenProgram:
        """Return a program for what data decided in the call of `leaves`."""
        with self.family.lock:
            return self.known(counts) or self.made(leaves, counts)

    def made(self, leaves: Sequence[Any], expected: Sequence[int] = ()) -> OpenProgram:
        """Return a new program in which no open axis is settled.

        An axis that what is traced fixes becomes fixed, one that it makes equal to another that
        one.
        """
        places = list(self.places)
        fixed: list[int] = []
        while True:
            take = self.fun, self.options, self.call, self.avals, places
            try:
                program = OpenProgram(*take, expected, fixed)
                self.family.programs.append(program)
                self.family.is_staged = self.family.is_staged or program.is_staged
                return program
            except Settled as found:
                if found.axis.number >= 0:
                    fixed.append(found.axis.number)
                    continue
                gone = places[found.axis.position]
                if found.same_as is not None:
                    places[found.same_as.position] += gone
                places.remove(gone)
            except CountsNeeded:
                expected = Counting(*take, expected, fixed, leaves).counts


class Counting(OpenProgram):
    """Runs a function up to where it asks for the next size that data decides."""

    def __init__(
        self,
        fun: Any,
        options: JitOptions,
        call: Call,
        avals: Sequence[Aval],
        places: Sequence[tuple[Place, ...]],
        expected: Sequence[int],
        fixed: Sequence[int],
        leaves: Sequence[Any],
    ) -> None:
        self.places, self.avals = tuple(places), tuple(avals)
        self.sizes = OpenAxes(expected)
        self.sizes.fixed, self.sizes.stops = set(fixed), True
        try:
            self.trace(fun, options, call)
        except Stopped as stopped:
            closed = stopped.program
        else:
            raise InternalError(f"{name_of(fun)}: the trace did not ask for a size")
        code = StagedCode(closed.jaxpr, [as_value(x) for x in closed.consts], self.sizes)
        values = [avals[together[0][0]].shape[together[0][1]] for together in places]
        try:
            self.counts: Sequence[int] = code.run([as_value(x) for x in leaves], values)[1]
        except Unexpected as found:
            self.counts = found.counts
        finally:
            self.sizes.is_traced = False


def grouped(avals: Sequence[Aval], places: Sequence[Place]) -> list[tuple[Place, ...]]:
    """Return open axes by their sizes: those that are equal in a call mostly are in all."""
    groups: dict[int, tuple[Place, ...]] = {}
    for leaf, axis in places:
        n = avals[leaf].shape[axis]
        groups[n] = (*groups.get(n, ()), (leaf, axis))
    return list(groups.values())


def letters(k: int) -> str:
    """Return the name of an open axis: a to z, then aa and so on."""
    first, last = divmod(k, 26)
    return (letters(first - 1) if first else "") + chr(ord("a") + last)
