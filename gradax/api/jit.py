"""`jit`: functions compiled at their first call with each signature.

The call path is native: it finds the program of a signature and runs it. Python is entered for a
new signature (`compile`), and for calls under a trace or under settings that need it (`slow`).
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial, update_wrapper
from typing import Any, cast

import numpy as np

from gradax import autographing, native, tree
from gradax.api.arguments import check_callable, name_of, positional_names
from gradax.api.attributes_watch import refuse_stale, watched_attributes
from gradax.api.evaluate import check_finite
from gradax.api.globals_watch import is_same, warn_stale
from gradax.api.key_reuse import consume
from gradax.api.programs import (
    Call,
    FunctionPrograms,
    JitOptions,
    TracedProgram,
    program_of,
    programs,
    take_apart,
)
from gradax.api.recompiling import why_recompiled
from gradax.api.shapes import describe
from gradax.api.stages import Lowered, Traced
from gradax.api.static import choose_arguments
from gradax.config import current
from gradax.control.call import Jit
from gradax.core.evaluate import eval_jaxpr
from gradax.core.refs import read, written
from gradax.core.tracer import Tracer, escaped
from gradax.core.value import as_value
from gradax.errors import FloatingPointCheckError
from gradax.native import JitFunction, get_trace
from gradax.records import replace
from gradax.runtime.timeline import span, timeline


class Jitted:
    """The Python side of a jitted function."""

    def __init__(self, fun: Callable[..., Any], options: JitOptions) -> None:
        self.fun = fun
        self.name = name_of(fun)
        self.options = options
        self.programs: FunctionPrograms = programs.of(fun)

    def compile(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> tuple[Any, ...] | None:
        """Return what the native call path keeps for a signature, None for nothing."""
        _, program = self.program(args, kwargs, may_be_open=True)
        if program.closed.refs or program.is_staged or self.options.placing is not None:
            return None  # each call goes through `slow`
        self.warn_of_globals(program)
        compiled = program.compiled
        watches = [(w.namespace, w.name, w.value) for w in program.watched]
        kept = None if len(compiled.kept) == len(program.closed.in_avals) else compiled.kept
        plain = compiled.routes == list(range(len(compiled.routes)))
        routes = None if plain else compiled.routes
        return compiled.executable, program.out_tree, kept, None, watches or None, routes

    def slow(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        """Call the function where the native path cannot."""
        if current.disable_jit:
            return self.fun(*args, **kwargs)
        placing = self.options.placing
        if placing is None:
            return self.run(args, kwargs)
        static = self.options.static.positions(len(args))
        return placing.leave(self.run(placing.enter(args, static), kwargs))

    def run(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        """Call the function as it is traced, or its program."""
        trace = get_trace()
        if self.options.inline and trace is not None:
            call = take_apart(self.fun, self.options, args, kwargs)
            given, named = tree.unflatten(call.in_tree, map(as_value, call.leaves))
            return call.run(*given, **named)
        leaves, program = self.program(args, kwargs, may_be_open=trace is None)
        refs = program.closed.refs
        if refs:
            leaves = [*leaves, *map(read, refs)]
        if trace is None:
            outs: Sequence[Any] = self.execute(program, leaves)
        else:
            outs = Jit(program.inlined, program.name)(*program.closed.consts, *leaves)
        return tree.unflatten(program.out_tree, written(refs, outs) if refs else outs)

    def program(
        self, args: Any, kwargs: Any, may_be_open: bool = False
    ) -> tuple[list[Any], TracedProgram]:
        """Return a call's leaves and its program."""
        call = take_apart(self.fun, self.options, args, kwargs)
        program = program_of(self.fun, self.options, call, self.programs, may_be_open)
        if current.strict and program.watched_attributes is None:
            program.watched_attributes = watched_attributes(self.fun, static_values(self.fun, call))
        return call.leaves, program

    def execute(self, program: TracedProgram, leaves: Sequence[Any]) -> list[Any]:
        """Run a program on concrete values."""
        self.warn_of_globals(program)
        arrays = [as_value(x) for x in leaves]
        if current.debug_key_reuse:
            consume(Jit(program.inlined, program.name), (*program.closed.consts, *arrays))
        for x in arrays:
            if isinstance(x, Tracer):
                raise escaped(x)
        if timeline.is_on:
            outs = call_in_span(program, arrays)
        else:
            outs = program.compiled.call(arrays)
        if current.debug_nans or current.debug_infs:
            check_outputs(program, arrays, outs)
        return outs

    def warn_of_globals(self, program: TracedProgram) -> None:
        """Warn, once, when a global that the program was traced with is another one now."""
        if current.strict:
            refuse_stale(self.name, (*program.watched, *(program.watched_attributes or ())))
        for watched in program.watched:
            if not self.programs.has_warned and watched.has_changed:
                self.programs.has_warned = True
                warn_stale(self.name, watched)

    def report_global(self, name: str, old: Any, new: Any) -> bool:
        """Warn of a change that the native path noticed; False when the value is the same."""
        if is_same(old, new):
            return False
        for program in self.programs.by_signature.values():
            for watched in program.watched:
                was_it = watched.value is old or is_same(watched.value, old)
                if watched.name == name and was_it and not self.programs.has_warned:
                    self.programs.has_warned = True
                    warn_stale(self.name, watched)
        return True


def call_in_span(program: TracedProgram, arrays: Sequence[Any]) -> list[Any]:
    """Run a program and wait for it, so that the timeline says how long it took."""
    compiled = program.compiled
    assert compiled.executable is not None  # which compiles, before the span begins
    with span(program.name, "call"):
        outs = compiled.call(arrays)
        for x in outs:
            x.block_until_ready()
    return outs


def static_values(fun: Any, call: Call) -> list[tuple[str, Any]]:
    """Return the static arguments of a call with their names."""
    names = positional_names(fun, call.n_args)
    return [
        (names[i] if isinstance(i, int) else str(i), value)
        for i, _, value in cast("tuple[Any, ...]", call.statics or ())
    ]


def check_outputs(program: TracedProgram, inputs: Sequence[Any], outs: Sequence[Any]) -> None:
    """Raise where a compiled program gave NaNs or infinities, naming the operation at fault."""
    try:
        check_finite(program.name, outs)
    except FloatingPointCheckError as error:
        found = error
    else:
        return
    if program.origin is not program:  # its sizes are not numbers
        raise found
    # One by one: the check of the operation itself raises.
    eval_jaxpr(program.closed.jaxpr, program.closed.consts, *inputs)
    raise found


def jit(
    fun: Callable[..., Any] | None = None,
    /,
    *,
    in_shardings: Any = None,
    out_shardings: Any = None,
    static_argnums: int | Sequence[int] | None = None,
    static_argnames: str | Iterable[str] | None = None,
    donate_argnums: int | Sequence[int] | None = None,
    donate_argnames: str | Iterable[str] | None = None,
    keep_unused: bool = False,
    device: Any = None,
    backend: str | None = None,
    inline: bool = False,
    abstracted_axes: Any = None,
    compiler_options: Any = None,
    autograph: bool = False,
    dynamic_dims: Any = None,
) -> Any:
    """Compile `fun` for each signature (tree, shapes, dtypes, static values) it is called with.

    `static_argnums` and `static_argnames` are parts of the program and must be hashable; the memory
    of donated arguments may be reused, so they must not be used again. With `autograph`, the
    function's own control flow works on traced values (`gradax.autograph`).

    `dynamic_dims` says which axes have no fixed size, so that one program serves all their sizes:
    an axis (of all arguments), or a sequence with an entry for each positional argument, which is
    an axis, a tuple of axes, None, or a tree of these. "auto" opens an axis when a third size of it
    is met. Sizes 0 and 1 are compiled on their own, and so are sizes for which a comparison that
    the function or the compiler made comes out differently.

    `in_shardings` places the positional arguments that are not static: a sharding for all, or a
    sequence with a tree prefix for each; `out_shardings`, a tree prefix, or `device` the results.

    Also a decorator, with or without arguments.
    Errors: ValueError for arguments that the function does not have.
    Cost: a call with a known signature does not enter Python.
    """
    if fun is None:
        return partial(
            jit, static_argnums=static_argnums, static_argnames=static_argnames,
            donate_argnums=donate_argnums, donate_argnames=donate_argnames,
            keep_unused=keep_unused, inline=inline, in_shardings=in_shardings,
            out_shardings=out_shardings, device=device, backend=backend, autograph=autograph,
            dynamic_dims=dynamic_dims,
        )  # fmt: skip
    check_callable("jit", fun)
    traced: Any = autographing.autograph(fun) if autograph else fun
    static = choose_arguments("static", traced, static_argnums, static_argnames)
    donate = choose_arguments("donate", traced, donate_argnums, donate_argnames)
    options = JitOptions(static, donate, bool(keep_unused), bool(inline))
    if dynamic_dims is not None:
        specs = importlib.import_module("gradax.api.open_specs")
        options = replace(options, dynamic=specs.frozen_spec(dynamic_dims))
    outs = out_shardings if device is None else device
    if in_shardings is not None or outs is not None:
        placing = importlib.import_module("gradax.api.jit_placing").Placing(in_shardings, outs)
        options = replace(options, placing=placing)
    return jitted(traced, options)


def jitted(fun: Callable[..., Any], options: JitOptions) -> Any:
    """Return the native function of a function and its options."""
    static, state = options.static, Jitted(fun, options)
    made = JitFunction(fun, state.compile, state.slow, static.argnums, static.argnames)
    update_wrapper(made, fun)
    made.__name__ = state.name
    made.__dict__["_jitted"] = state
    return made


def trace_call(self: Any, *args: Any, **kwargs: Any) -> Traced:
    """Trace for these arguments (arrays or ShapeDtypeStructs), without compiling."""
    return Traced(self._jitted.program(args, kwargs)[1])


def lower_call(self: Any, *args: Any, **kwargs: Any) -> Lowered:
    """Trace for these arguments; the result can be printed and compiled."""
    return trace_call(self, *args, **kwargs).lower()


def eval_shape_of_call(self: Any, *args: Any, **kwargs: Any) -> Any:
    """Return the shapes and dtypes of the result."""
    program = self._jitted.program(args, kwargs)[1]
    return tree.unflatten(program.out_tree, map(describe, program.closed.out_avals))


def reduce_call(self: Any) -> Any:
    """Pickle by name where the name finds the function, else by the function inside."""
    found: Any = sys.modules.get(self.__module__)
    for part in self.__qualname__.split("."):
        found = getattr(found, part, None)
    if found is self:
        return self.__qualname__
    return jit_again, (self.__wrapped__, self._jitted.options)


def jit_again(fun: Callable[..., Any], options: JitOptions) -> Any:
    """Return a jitted function that was pickled."""
    return jitted(fun, options)


_clear_native = JitFunction.clear_cache


def clear_cache(self: Any) -> None:
    """Forget all compiled programs of the function."""
    _clear_native(self)
    self._jitted.programs.clear()


def leaf_to_array(leaf: Any) -> Any:
    """Return a leaf of a call as an array; what is no value is left to the slow path."""
    if isinstance(leaf, (np.ndarray, np.generic)):
        return as_value(leaf)
    return NotImplemented


def on_global_changed(function: Any, name: str, old: Any, new: Any) -> bool:
    """Report a global that a native entry saw change; False keeps it under watch."""
    return function._jitted.report_global(name, old, new)


def install() -> None:
    """Complete the native type and give the call path its functions."""
    for name, method in {
        "trace": trace_call,
        "lower": lower_call,
        "eval_shape": eval_shape_of_call,
        "clear_cache": clear_cache,
        "__reduce__": reduce_call,
        "why_recompiled": why_recompiled,
    }.items():
        setattr(JitFunction, name, method)
    native.set_hook("to_array", leaf_to_array)
    native.set_hook("on_global_changed", on_global_changed)
