"""LLVM's own linker, for machines whose object files the runtime does not read.

The runtime's linker takes ELF for x86-64 and is a hundred times as fast.
"""

from __future__ import annotations

import itertools
from functools import cache
from typing import Any, cast

import llvmlite.binding  # pyright: ignore[reportMissingTypeStubs] (there are none)

from gradax import native
from gradax.locks import make_lock
from gradax.native import Code

llvm = cast("Any", llvmlite.binding)  # it has no types
_lock = make_lock()
_serial = itertools.count()
# LLVM frees code with its tracker; code of programs stays as long as the process.
_trackers: list[Any] = []


@cache
def linker() -> Any:
    """Return LLVM's just-in-time linker."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    machine = llvm.Target.from_default_triple().create_target_machine(
        cpu=llvm.get_host_cpu_name(), reloc="pic", codemodel="small", jit=True
    )
    return llvm.create_lljit_compiler(machine)


def link(objects: bytes, entry: str) -> Code:
    """Load object code and return it.

    Errors: RuntimeError when it is damaged or names what the runtime does not have.
    """
    builder = llvm.JITLibraryBuilder().add_object_img(objects).export_symbol(entry)
    for name, address in native.symbols().items():
        builder.import_symbol(name, address)
    with _lock:
        tracker = builder.link(linker(), f"program_{next(_serial)}")
        _trackers.append(tracker)
    return Code(tracker[entry])
