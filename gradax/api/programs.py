"""The programs that a jitted function has been traced to, one for each signature."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from weakref import WeakKeyDictionary

from gradax import tree
from gradax.api.arguments import abstract, check_leaf, leaf_names, name_of, positional_names
from gradax.api.globals_watch import WatchedGlobal, watched_globals
from gradax.api.static import Chosen, bind_static, check_hashable
from gradax.compiler import compile_program
from gradax.config import current
from gradax.core.aval import Aval
from gradax.core.jaxpr import ClosedJaxpr, Jaxpr, inline_consts
from gradax.core.staging import stage
from gradax.core.tracer import Tracer
from gradax.core.value import as_value


@dataclass(frozen=True)
class JitOptions:
    """What `jit` was asked for besides the function."""

    static: Chosen = Chosen()
    donate: Chosen = Chosen()
    keep_unused: bool = False
    inline: bool = False


class TracedProgram:
    """A function traced at one signature: its program, trees, and executable on demand."""

    def __init__(
        self, fun: Any, closed: ClosedJaxpr, trees: tuple[Any, Any], donated: tuple[int, ...]
    ) -> None:
        self.name = name_of(fun)
        self.closed = closed
        self.jaxpr: Jaxpr = inline_consts(closed)
        self.in_tree, self.out_tree = trees
        self.donated = donated
        self.watched: list[WatchedGlobal] = watched_globals(fun)
        self.captures = [c for c in closed.consts if isinstance(c, Tracer)]

    @property
    def is_current(self) -> bool:
        """Whether the tracers that the program captured still stand for values."""
        return all(x.trace.alive for x in self.captures)

    @cached_property
    def executable(self) -> Any:
        """The compiled program; its first inputs are the constants."""
        n = len(self.closed.consts)
        return compile_program(
            self.jaxpr, donated=tuple(i + n for i in self.donated), name=self.name
        )

    @cached_property
    def constants(self) -> list[Any]:
        """The captured constants as arrays."""
        return [as_value(c) for c in self.closed.consts]


@dataclass(frozen=True)
class Call:
    """The arguments of a call, taken apart."""

    leaves: list[Any]
    in_tree: Any
    run: Callable[..., Any]
    dynamic: tuple[tuple[Any, ...], dict[str, Any]]
    statics: Hashable
    n_args: int


def take_apart(fun: Any, options: JitOptions, args: Any, kwargs: Mapping[str, Any]) -> Call:
    """Separate static from dynamic arguments and flatten the latter."""
    n_args = len(args)
    if not options.static:
        leaves, in_tree = tree.flatten((args, kwargs))
        return Call(leaves, in_tree, fun, (args, dict(kwargs)), None, n_args)
    positions = options.static.positions(n_args)
    values = [args[i] for i in positions]
    named = {k: v for k, v in sorted(kwargs.items()) if k in options.static.argnames}
    names = [positional_names(fun, n_args)[i] for i in positions]
    for name, value in [*zip(names, values, strict=True), *named.items()]:
        check_hashable("jit", fun, name, value)
    run = bind_static(fun, positions, values) if positions else fun
    if named:
        run = bind_names(run, fun, named)
    dynamic = tuple(x for i, x in enumerate(args) if i not in positions)
    rest = {k: v for k, v in kwargs.items() if k not in named}
    leaves, in_tree = tree.flatten((dynamic, rest))
    # With the types, since 1 == 1.0 == True but the programs differ.
    typed = [(i, type(v), v) for i, v in (*zip(positions, values), *named.items())]
    return Call(leaves, in_tree, run, (dynamic, rest), tuple(typed), n_args)


def bind_names(run: Any, fun: Any, named: Mapping[str, Any]) -> Callable[..., Any]:
    """Return a function with static keyword arguments bound."""

    def bound(*args: Any, **kwargs: Any) -> Any:
        return run(*args, **kwargs, **named)

    bound.__name__ = name_of(fun)
    bound.__wrapped__ = run  # type: ignore[attr-defined]
    return bound


class FunctionPrograms:
    """The programs of one function, and whether it was warned of."""

    def __init__(self) -> None:
        self.by_signature: dict[Any, TracedProgram] = {}
        self.has_warned = False

    def clear(self) -> None:
        """Forget them."""
        self.by_signature.clear()
        self.has_warned = False


class ProgramCache:
    """Traced programs by function; a function that is collected takes its programs along."""

    def __init__(self) -> None:
        self._by_function: WeakKeyDictionary[Any, FunctionPrograms] = WeakKeyDictionary()

    def of(self, fun: Any) -> FunctionPrograms:
        """Return the programs of a function; new ones for what cannot be a weak key."""
        try:
            found = self._by_function.get(fun)
            if found is None:
                found = self._by_function[fun] = FunctionPrograms()
            return found
        except TypeError:
            return FunctionPrograms()

    def clear(self) -> None:
        """Forget all programs."""
        for found in list(self._by_function.values()):
            found.clear()


programs = ProgramCache()


def avals_of(fun: Any, call: Call) -> tuple[Aval, ...]:
    """Return the avals of a call's leaves.

    Errors: TypeError naming the argument that is no array.
    """
    try:
        return tuple([x.aval for x in call.leaves])
    except AttributeError:
        pass
    for k, x in enumerate(call.leaves):
        if not (hasattr(x, "shape") and hasattr(x, "dtype")):
            check_leaf("jit", leaf_names(call.run, *call.dynamic)[k], x)
    return tuple(map(abstract, call.leaves))


def program_of(
    fun: Any, options: JitOptions, call: Call, found: FunctionPrograms
) -> TracedProgram:
    """Return the program for a call, tracing it where `found` has none of its signature."""
    known = found.by_signature
    key = (avals_of(fun, call), call.in_tree, call.statics, current.trace_key, options)
    program = known.get(key)
    if program is None or not program.is_current:
        program = known[key] = trace_program(fun, options, call, key[0])
    return program


def trace_program(
    fun: Any, options: JitOptions, call: Call, avals: Sequence[Aval]
) -> TracedProgram:
    """Trace a function at the signature of a call."""
    trees: list[Any] = []

    def flat(*leaves: Any) -> list[Any]:
        args, kwargs = tree.unflatten(call.in_tree, leaves)
        outs, out_tree = tree.flatten(call.run(*args, **kwargs))
        trees.append(out_tree)
        return outs

    names = leaf_names(call.run, *call.dynamic)
    closed = stage(flat, avals, name_of(fun), names)
    donated = donated_leaves(options, call) if options.donate else ()
    return TracedProgram(fun, closed, (call.in_tree, trees[0]), donated)


def donated_leaves(options: JitOptions, call: Call) -> tuple[int, ...]:
    """Return which flat inputs may be overwritten."""
    static = options.static.positions(call.n_args)
    dynamic = [i for i in range(call.n_args) if i not in static]
    chosen = options.donate.positions(call.n_args)
    args, kwargs = call.dynamic
    flags = [i in chosen for i, x in zip(dynamic, args, strict=True) for _ in tree.leaves(x)]
    flags += [k in options.donate.argnames for k in sorted(kwargs) for _ in tree.leaves(kwargs[k])]
    return tuple(i for i, flag in enumerate(flags) if flag)
