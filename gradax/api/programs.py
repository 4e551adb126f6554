"""The programs that a jitted function has been traced to, one for each signature."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any
from weakref import WeakKeyDictionary

from gradax import tree
from gradax.api.arguments import (
    abstract,
    check_leaf,
    flat_result,
    leaf_names,
    name_of,
    positional_names,
)
from gradax.api.compiling import compile_program
from gradax.api.globals_watch import WatchedGlobal, watched_globals
from gradax.api.static import NOTHING, Chosen, bind_static, check_hashable
from gradax.config import current
from gradax.core.aval import Aval
from gradax.core.axes import bound_axes, sharded_axes
from gradax.core.jaxpr import Atom, ClosedJaxpr, Jaxpr, Var, inline_consts
from gradax.core.refs import HeldRef, Ref
from gradax.core.staging import stage
from gradax.core.tracer import Tracer
from gradax.core.value import as_value
from gradax.errors import RetraceError, at_user_line
from gradax.locks import make_lock
from gradax.records import record, replace
from gradax.sizes import OpenAxes
from gradax.transforms.linearize import live_eqns


@record
class JitOptions:
    """What `jit` was asked for besides the function."""

    static: Chosen = NOTHING
    donate: Chosen = NOTHING
    keep_unused: bool = False
    inline: bool = False
    # Which axes are open: a tree of axes (`api/open_axes.py`), "auto", or None.
    dynamic: Any = None
    # Where operands and results lie (`api/jit_placing.py`), None for: where they are.
    placing: Any = None


class TracedProgram:
    """A function traced at one signature: its program, trees, and executable on demand."""

    # Whether it runs in stages, each call by way of Python (gradax.api.open_stages).
    is_staged = False

    def __init__(
        self, fun: Any, closed: ClosedJaxpr, trees: tuple[Any, Any], donated: tuple[int, ...]
    ) -> None:
        self.name = name_of(fun)
        self.closed = closed
        self.in_tree, self.out_tree = trees
        self.donated = donated
        self.watched: list[WatchedGlobal] = watched_globals(fun)
        # Those that the function read; None while nobody has looked.
        self.watched_attributes: list[WatchedGlobal] | None = None
        self.argument_names: list[str] = []
        self.captures = [c for c in closed.consts if isinstance(c, Tracer)]
        self.lock = make_lock()
        self._inlined: Jaxpr | None = None
        self._compiled: CompiledProgram | None = None

    @property
    def origin(self) -> Any:
        """What was traced: itself, but for a program with open axes at some sizes."""
        return self

    def refusal(self, avals: Sequence[Aval]) -> str:
        """Say which assumption the program makes of sizes that avals do not keep, if any."""
        return ""

    @property
    def is_current(self) -> bool:
        """Whether the tracers that the program captured still stand for values."""
        return all(x.interpreter.alive for x in self.captures)

    @property
    def inlined(self) -> Jaxpr:
        """The program with its constants as first inputs."""
        with self.lock:
            if self._inlined is None:
                self._inlined = inline_consts(self.closed)
            return self._inlined

    @property
    def compiled(self) -> CompiledProgram:
        """The executable and how calls reach it."""
        with self.lock:
            if self._compiled is None:
                self._compiled = CompiledProgram(self)
            return self._compiled


class CompiledProgram:
    """An executable of what a program has to compute, without unused inputs and copies of inputs.

    `kept` are the inputs that it takes; result i is its output `routes[i]`, or, where that is
    negative, the input `~routes[i]` itself.
    """

    def __init__(self, program: TracedProgram) -> None:
        jaxpr = program.closed.jaxpr
        position = {v: i for i, v in enumerate(jaxpr.invars)}
        outvars: list[Atom] = []
        self.routes: list[int] = []
        for atom in jaxpr.outvars:
            i = position.get(atom) if isinstance(atom, Var) else None
            if i is None or i in program.donated:
                self.routes.append(len(outvars))
                outvars.append(atom)
            else:
                self.routes.append(~i)
        eqns = live_eqns(jaxpr.eqns, outvars)
        used = {a for eqn in eqns for a in eqn.invars} | set(outvars)
        self.kept = [i for v, i in position.items() if v in used or i in program.donated]
        consts = [i for i, v in enumerate(jaxpr.constvars) if v in used]
        self.reduced = Jaxpr(
            [jaxpr.constvars[i] for i in consts],
            [jaxpr.invars[i] for i in self.kept],
            eqns, outvars, program.name,
        )  # fmt: skip
        self.donated = tuple(k for k, i in enumerate(self.kept) if i in program.donated)
        self.constants = [as_value(program.closed.consts[i]) for i in consts]
        self.name = program.name
        # Of its own: threads that compile other programs need not wait.
        self.lock = make_lock()
        self._executable: Any = None

    @property
    def executable(self) -> Any:
        """The native executable; a Python function where there is nothing to compute."""
        with self.lock:
            if self._executable is None:
                self._executable = self.build()
            return self._executable

    def build(self) -> Any:
        """Return a new executable."""
        if not (self.reduced.outvars or self.reduced.eqns or self.donated):
            return lambda inputs: []
        return compile_program(self.reduced, self.donated, self.name, self.constants)

    def call(self, leaves: Sequence[Any]) -> list[Any]:
        """Return the results for arrays, as the native call path does."""
        inputs = [leaves[i] for i in self.kept]
        run = self.executable
        outs: Any = run(inputs) if callable(run) else run.execute(inputs)
        return [outs[r] if r >= 0 else leaves[~r] for r in self.routes]


@record
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
    if any(type(x) is Ref for x in tree.leaves((args, kwargs))):
        args, kwargs = tree.map(lambda x: HeldRef(x) if type(x) is Ref else x, (args, dict(kwargs)))
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
    items = [*zip(positions, values, strict=True), *named.items()]
    typed = tuple([(i, type(v), v) for i, v in items])
    return Call(leaves, in_tree, run, (dynamic, rest), typed, n_args)


def bind_names(run: Any, fun: Any, named: Mapping[str, Any]) -> Callable[..., Any]:
    """Return a function with static keyword arguments bound."""

    def bound(*args: Any, **kwargs: Any) -> Any:
        return run(*args, **kwargs, **named)

    bound.__name__ = name_of(fun)
    bound.__dict__["__wrapped__"] = run
    return bound


class FunctionPrograms:
    """The programs of one function, and whether it was warned of."""

    def __init__(self) -> None:
        self.by_signature: dict[Any, TracedProgram] = {}
        # The programs with open axes, by what is the same for all their sizes.
        self.families: dict[Any, Any] = {}
        # In the automatic mode: the sizes that each axis has been met with.
        self.seen: dict[Any, Any] = {}
        self.has_warned = False

    def clear(self) -> None:
        """Forget them."""
        self.by_signature.clear()
        self.families.clear()
        self.seen.clear()
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


def has_form(x: Any) -> bool:
    """Return whether a value tells its shape and dtype."""
    return hasattr(x, "shape") and hasattr(x, "dtype")


def avals_of(call: Call) -> tuple[Aval, ...]:
    """Return the avals of a call's leaves.

    Errors: TypeError naming the argument that is no array.
    """
    try:
        return tuple([x.aval for x in call.leaves])
    except AttributeError:
        pass
    bare = [k for k, x in enumerate(call.leaves) if not has_form(x)]
    names = leaf_names(call.run, *call.dynamic) if bare else []
    for k in bare:
        check_leaf("jit", names[k], call.leaves[k])
    return tuple(map(abstract, call.leaves))


def program_of(
    fun: Any,
    options: JitOptions,
    call: Call,
    found: FunctionPrograms,
    may_be_open: bool = False,
) -> Any:
    """Return the program for a call, tracing it where `found` has none of its signature.

    Where axes may not be open, as under a transformation, the program is another.
    """
    if options.dynamic is not None and not may_be_open:
        options = replace(options, dynamic=None)
    known = found.by_signature
    key = (avals_of(call), call.in_tree, call.statics, current.trace_key, options)
    key += (bound_axes(), sharded_axes())
    program = known.get(key)
    if program is None or not program.is_current:
        if (program := open_program(fun, options, call, found, key)) is not None:
            known[key] = program
            return program
        if current.no_tracing:
            raise tracing_forbidden(name_of(fun), key[0])
        program = known[key] = trace_program(fun, options, call, key[0])
        if current.explain_cache_misses and len(known) > 1:
            explain = importlib.import_module("gradax.api.recompiling").explain
            logging = importlib.import_module("logging")  # costs the import of the package 3 ms
            logging.getLogger("gradax").warning(explain(name_of(fun), known))
    return program


def open_program(
    fun: Any, options: JitOptions, call: Call, found: FunctionPrograms, key: Any
) -> Any:
    """Return a program with open axes at the sizes of a call, None where its axes are fixed."""
    if options.dynamic is None or current.strict:
        return None
    return open_axes().program_at(fun, options, call, found, key)


def open_axes() -> Any:
    """Return the module of programs with open axes, loaded when one is asked for."""
    return importlib.import_module("gradax.api.open_axes")


def tracing_forbidden(name: str, avals: Sequence[Aval]) -> RetraceError:
    """Make the error for a function that would be traced where that is forbidden."""
    types = ", ".join(map(str, avals))
    return RetraceError(
        f"{name} would be traced for arguments of the types ({types}), but tracing is forbidden"
        f" here (no_retrace, no_tracing).{at_user_line()}\nCall it with such arguments before;"
        f" {name}.why_recompiled() says what differs."
    )


def trace_program(
    fun: Any,
    options: JitOptions,
    call: Call,
    avals: Sequence[Aval],
    open_axes: OpenAxes | None = None,
) -> TracedProgram:
    """Trace a function at the signature of a call."""
    trees: list[Any] = []

    def flat(*leaves: Any) -> list[Any]:
        args, kwargs = tree.unflatten(call.in_tree, leaves)
        outs, out_tree = flat_result("jit", fun, call.run(*args, **kwargs))
        trees.append(out_tree)
        return outs

    names = leaf_names(call.run, *call.dynamic)
    closed = stage(flat, avals, name_of(fun), names, True, open_axes)
    donated = donated_leaves(options, call) if options.donate else ()
    program = TracedProgram(fun, closed, (call.in_tree, trees[0]), donated)
    program.argument_names = names
    return program


def donated_leaves(options: JitOptions, call: Call) -> tuple[int, ...]:
    """Return which flat inputs may be overwritten."""
    static = options.static.positions(call.n_args)
    dynamic = [i for i in range(call.n_args) if i not in static]
    chosen = options.donate.positions(call.n_args)
    args, kwargs = call.dynamic
    flags = [i in chosen for i, x in zip(dynamic, args, strict=True) for _ in tree.leaves(x)]
    flags += [k in options.donate.argnames for k in sorted(kwargs) for _ in tree.leaves(kwargs[k])]
    return tuple(i for i, flag in enumerate(flags) if flag)
