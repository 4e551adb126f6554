"""The compiler, loaded when the first program is compiled: it brings LLVM along."""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
import threading
import time
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

from gradax.config import current
from gradax.core.effects import calls_python
from gradax.core.jaxpr import Jaxpr
from gradax.core.value import conversion
from gradax.native import Callback, num_threads
from gradax.runtime.timeline import span


def load_ahead() -> None:
    """Load the compiler in a thread, while the program that imports gradax gets ready.

    A fork waits for it: the child would find modules half loaded.
    """
    if num_threads() < 2:
        return
    thread = threading.Thread(target=_load, name="gradax-loader", daemon=True)
    with contextlib.suppress(RuntimeError):  # the system has no thread to give
        thread.start()
        os.register_at_fork(before=thread.join)


def _load() -> None:
    compiler().identify()
    importlib.import_module("gradax.compiler.building")


@cache
def compiler() -> Any:
    """Return the package `gradax.compiler`."""
    return importlib.import_module("gradax.compiler")


def compile_program(
    jaxpr: Jaxpr, donated: Sequence[int] = (), name: str = "", constants: Sequence[Any] = ()
) -> Any:
    """Return the executable of a program; `constants` are the values of its consts.

    Errors: CompileError; errors of lowering name the operation.
    """
    start = time.perf_counter()
    with span(f"compile {name}", "compile", equations=len(jaxpr.eqns)):
        executable = compiled(jaxpr, donated, name, constants)
    if current.log_compiles:
        took = time.perf_counter() - start
        types = ", ".join(map(str, jaxpr.in_avals))
        logging = importlib.import_module("logging")
        logging.getLogger("gradax").warning(
            f"compiled {name or 'a program'}({types}), {len(jaxpr.eqns)} equations, in {took:.3f} s"
        )
    return executable


def compiled(jaxpr: Jaxpr, donated: Sequence[int], name: str, constants: Sequence[Any]) -> Any:
    """Return the executable of a program, whether it calls Python or not."""
    if calls_python(jaxpr):
        return compile_with_calls(jaxpr, donated, name, constants)
    return compiler().compile_program(jaxpr, donated, name, constants)


def compile_with_calls(
    jaxpr: Jaxpr, donated: Sequence[int], name: str, constants: Sequence[Any]
) -> Any:
    """Return the executable of a program that calls Python."""
    threaded = with_calls_threaded(jaxpr)
    callbacks = [Callback(op.callback, ins, op.out_avals) for op, ins in threaded.calls]
    addresses = np.array([c.address for c in callbacks], np.int64)
    token = conversion.to_array(addresses, threaded.jaxpr.in_avals[-1])
    return compiler().compile_program(
        threaded.jaxpr, donated, name, (*constants, token), hidden=1, keep=callbacks
    )


def with_calls_threaded(jaxpr: Jaxpr) -> Any:
    """Return the program, with its consts as last inputs, whose calls of Python are threaded."""
    if jaxpr.constvars:
        inputs = (*jaxpr.invars, *jaxpr.constvars)
        jaxpr = Jaxpr((), inputs, jaxpr.eqns, jaxpr.outvars, jaxpr.debug_name)
    return importlib.import_module("gradax.control.callbacks").thread_calls(jaxpr)


def forget_code() -> None:
    """Forget the machine code that is kept for programs traced anew."""
    loaded = sys.modules.get("gradax.compiler.program")
    if loaded is not None:
        loaded.recent.clear()
