"""The compiler, loaded when the first program is compiled: it brings LLVM along."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from functools import cache
from typing import Any

from gradax.core.jaxpr import Jaxpr


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
