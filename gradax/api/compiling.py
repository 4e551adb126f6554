"""The compiler, loaded when the first program is compiled: it brings LLVM along."""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
import threading
from collections.abc import Sequence
from functools import cache
from typing import Any

from gradax.core.jaxpr import Jaxpr
from gradax.native import num_threads


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
    return compiler().compile_program(jaxpr, donated, name, constants)


def forget_code() -> None:
    """Forget the machine code that is kept for programs traced anew."""
    loaded = sys.modules.get("gradax.compiler.program")
    if loaded is not None:
        loaded.recent.clear()
