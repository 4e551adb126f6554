"""From a module's text to machine code in memory, through LLVM as llvmlite ships it.

Object code is position independent and names the runtime's functions by symbol, so that it can be
kept on disk and linked into another process.
"""

from __future__ import annotations

import importlib

from gradax import native
from gradax.errors import CompileError, InternalError
from gradax.native import Code
from gradax.runtime import libraries

# The levels of code: compiled in the least time, and running in the least time. Values are equal.
QUICK, FAST = 0, 2


def compile_text(text: str, level: int = FAST) -> bytes:
    """Return the object code of a module.

    Cost: about 1 ms for a hundred lines at level QUICK, 4 ms at level FAST.
    Errors: InternalError with LLVM's message when the text is not valid; CompileError without LLVM.
    """
    libraries.load_llvm()
    try:
        return native.object_code(text, level)
    except native.InvalidModule as error:
        raise InternalError(f"LLVM refuses generated code: {error}") from None
    except RuntimeError as error:
        raise CompileError(str(error)) from None


def assembly(text: str) -> str:
    """Return the assembly of a module at level FAST."""
    libraries.load_llvm()
    return native.assembly(text)


def link(objects: bytes, entry: str) -> Code:
    """Load object code and return it.

    Errors: CompileError when it is damaged or names what the runtime does not have.
    """
    try:
        if native.can_link():
            return Code(objects, entry)
        portable = importlib.import_module("gradax.compiler.llvm.portable_link")
        return portable.link(objects, entry)
    except RuntimeError as error:
        raise CompileError(str(error)) from None
