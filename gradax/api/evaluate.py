"""The eager evaluator: what an operation does when no trace is running.

Small arrays are computed by the operation's NumPy reference; large ones, arrays that are still
being written, and operations over programs are compiled, one operation a program.
Cost: one dictionary look-up on a key of the operation's class, its parameters and the avals.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gradax import dtypes
from gradax.api.compiling import compile_program
from gradax.config import current, on_trace_key_change
from gradax.control.call import Jit
from gradax.control.programs import ProgramOp
from gradax.core.aval import Aval
from gradax.core.jaxpr import Eqn, Jaxpr, Var
from gradax.core.op import Op, evaluation, infer
from gradax.core.tracer import Tracer, escaped
from gradax.core.value import as_value
from gradax.core.watch import watch
from gradax.errors import (
    FloatingPointCheckError,
    JaxRuntimeError,
    OutOfMemoryError,
    at_user_line,
)
from gradax.native import Array, array_view, set_error_class

Run = Callable[[Sequence[Any]], Any]

# Up to here NumPy takes 1 to 10 µs longer than a compiled program, whose compilation takes
# milliseconds. The choice depends on nothing but the size, so that results can be repeated.
SMALL_ELEMENTS = 32768
# The numbers that csrc/abi.h gives failures.
RUNTIME_ERROR, MEMORY_ERROR = 1, 4
MAX_CLOSURES = 20_000

_closures: dict[tuple[Any, ...], Run] = {}
_from_numpy = Array.from_numpy


def evaluate(op: Op, args: Sequence[Any]) -> Any:
    """Compute `op` on arrays, NumPy values and Python scalars; return an Array or a tuple."""
    try:
        run = _closures[(type(op), *op.__dict__.values(), *[x.aval for x in args])]
    except (KeyError, AttributeError):
        run = None  # outside this clause, or its errors would be shown beside the user's
    if run is None:
        args = arrays(args)
        run = closure(op, tuple([x.aval for x in args]))
    return run(args)


def arrays(args: Sequence[Any]) -> tuple[Any, ...]:
    """Return operands as arrays; a tracer here has outlived its trace."""
    values = tuple(map(as_value, args))
    for x in values:
        if isinstance(x, Tracer):
            raise escaped(x)
    return values


def closure(op: Op, avals: tuple[Aval, ...]) -> Run:
    """Return the function that computes `op` on arrays of these avals."""
    if isinstance(op, ProgramOp):
        return compiled(op, avals)
    if op.calls_python:  # not remembered: the function would live as long as the process
        return in_python(op)
    key = (type(op), *op.__dict__.values(), *avals)
    run = _closures.get(key)
    if run is None:
        if len(_closures) >= MAX_CLOSURES:
            _closures.clear()
        run = _closures[key] = make_closure(op, avals)
    return run


def make_closure(op: Op, avals: tuple[Aval, ...]) -> Run:
    """Choose how to compute `op`."""
    inferred = infer(op, avals)
    outs = tuple(inferred) if op.multiple_results else (inferred,)
    if max((a.size for a in (*avals, *outs)), default=0) > SMALL_ELEMENTS:
        return compiled(op, avals)
    return by_reference_many(op, avals, outs) if op.multiple_results else (
        by_reference(op, avals, outs[0])
    )  # fmt: skip


def in_python(op: Op) -> Run:
    """Return the function that calls Python, which waits for its operands."""

    def run(args: Sequence[Any]) -> Any:
        results = op.reference(*map(array_view, arrays(args)))
        avals = op.infer(*(x.aval for x in args))
        return tuple([_from_numpy(x, a, False) for x, a in zip(results, avals, strict=True)])

    return run


def by_reference(op: Op, avals: tuple[Aval, ...], out: Aval) -> Run:
    """Compute an operation of one result with NumPy."""
    reference = op.reference

    def run(args: Sequence[Any]) -> Any:
        for x in args:
            if type(x) is not Array or not x.is_ready():
                return later(op, avals, args)
        return _from_numpy(reference(*map(array_view, args)), out, False)

    return run


def by_reference_many(op: Op, avals: tuple[Aval, ...], outs: tuple[Aval, ...]) -> Run:
    """Compute an operation of several results with NumPy."""
    reference = op.reference

    def run(args: Sequence[Any]) -> Any:
        for x in args:
            if type(x) is not Array or not x.is_ready():
                return later(op, avals, args)
        results = reference(*map(array_view, args))
        return tuple([_from_numpy(x, a, False) for x, a in zip(results, outs, strict=True)])

    return run


def later(op: Op, avals: tuple[Aval, ...], args: Sequence[Any]) -> Any:
    """Compute on arrays that are still being written, without waiting for them."""
    return compiled(op, avals)(arrays(args))


def compiled(op: Op, avals: tuple[Aval, ...]) -> Run:
    """Return the compiled program of one operation.

    It is remembered on the operation's program where there is one, so that it lives as long.
    """
    program = next((v for v in op.__dict__.values() if type(v) in (Jaxpr, tuple)), None)
    if type(program) is tuple:
        program = next((v for v in program if type(v) is Jaxpr), None)
    key = ("eager", type(op), *op.__dict__.values(), *avals)
    if program is not None:
        return program.memo(key, lambda: compile_op(op, avals))
    run = _closures.get(key)
    if run is None:
        run = _closures[key] = compile_op(op, avals)
    return run


def compile_op(op: Op, avals: tuple[Aval, ...]) -> Run:
    """Compile the program that is one equation."""
    if type(op) is Jit:
        execute = compile_program(op.jaxpr, name=op.call_name).execute
        return lambda args: tuple(execute(ready(args)))
    invars = [Var(a) for a in avals]
    inferred = infer(op, avals)
    outvars = [Var(a) for a in (inferred if op.multiple_results else (inferred,))]
    jaxpr = Jaxpr((), invars, [Eqn(op, invars, outvars)], outvars, op.name)
    execute = compile_program(jaxpr, name=op.name).execute
    if op.multiple_results:
        return lambda args: tuple(execute(ready(args)))
    return lambda args: execute(ready(args))[0]


def ready(args: Sequence[Any]) -> Sequence[Any]:
    """Return operands, refusing tracers, which have avals as well."""
    for x in args:
        if type(x) is not Array:
            raise escaped(x)
    return args


def evaluate_checked(op: Op, args: Sequence[Any]) -> Any:
    """Compute `op`; where settings ask for it, check its operands before and its results after."""
    if watch.operation is not None:
        watch.operation(op, args)
    out = evaluate(op, args)
    if current.debug_nans or current.debug_infs:
        check_finite(op.name, out if op.multiple_results else (out,))
    return out


def check_finite(name: str, outs: Sequence[Any]) -> None:
    """Raise a FloatingPointError when a result has what the settings forbid."""
    for x in outs:
        if not dtypes.issubdtype(x.dtype, np.inexact):
            continue
        view = array_view(x)
        for kind, is_bad in (("nan", np.isnan), ("inf", np.isinf)):
            if getattr(current, f"debug_{kind}s") and np.any(is_bad(view)):
                raise FloatingPointCheckError(
                    f"{name} made a value of {kind}, a {x.aval} array, while the setting"
                    f" debug_{kind}s is on.{at_user_line()}"
                )


CHECKING = ("debug_nans", "debug_infs", "strict", "debug_key_reuse")


def watch_settings(key: Any, everywhere: bool) -> None:
    """Check results from the first time that a thread asks for it; until then it is free."""
    del key, everywhere
    if any(getattr(current, name) for name in CHECKING):
        evaluation.evaluate = evaluate_checked
    if current.strict or current.debug_key_reuse:
        importlib.import_module("gradax.api.strict").install()


def clear() -> None:
    """Forget the closures and programs of single operations."""
    _closures.clear()


def install() -> None:
    """Follow the settings that ask for checked results; name the errors of running programs."""
    set_error_class(RUNTIME_ERROR, JaxRuntimeError)
    set_error_class(MEMORY_ERROR, OutOfMemoryError)
    on_trace_key_change(watch_settings)
    watch_settings(None, True)
