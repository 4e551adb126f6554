"""From a module's text to machine code in memory: the only place that talks to llvmlite.

Object code is position independent and names the runtime's functions by symbol, so that it can be
kept on disk and linked into another process.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Sequence
from functools import cache
from typing import Any, cast

import llvmlite.binding  # pyright: ignore[reportMissingTypeStubs] (there are none)

from gradax import native
from gradax.errors import CompileError, InternalError

llvm = cast("Any", llvmlite.binding)  # it has no types
_lock = threading.Lock()
_serial = itertools.count()


class Target:
    """The machine that is compiled for, and the just-in-time linker."""

    def __init__(self) -> None:
        llvm.initialize_native_target()
        llvm.initialize_native_asmprinter()
        self.cpu = llvm.get_host_cpu_name()
        self.features = llvm.get_host_cpu_features().flatten()
        target = llvm.Target.from_default_triple()
        self.machine = target.create_target_machine(
            cpu=self.cpu, features=self.features, opt=2, reloc="pic", codemodel="small", jit=True
        )
        self.jit = llvm.create_lljit_compiler(self.machine)

    @property
    def vector_bytes(self) -> int:
        """The width of the vector registers."""
        if "+avx512f" in self.features:
            return 64
        return 32 if "+avx2" in self.features else 16

    @property
    def description(self) -> str:
        """What object code depends on."""
        return f"{llvm.llvm_version_info} {self.cpu} {self.features}"


@cache
def target() -> Target:
    """Return the target, found on first use."""
    return Target()


def compile_text(text: str) -> bytes:
    """Return the object code of a module.

    Cost: one cheap pass (stack slots to registers) and instruction selection.
    Errors: InternalError with LLVM's message when the text is not valid.
    """
    with _lock:
        machine = target().machine
        try:
            module = llvm.parse_assembly(text)
            module.verify()
        except RuntimeError as error:
            raise InternalError(f"LLVM refuses generated code: {error}") from None
        promote_stack(module, machine)
        return machine.emit_object(module)


def promote_stack(module: Any, machine: Any) -> None:
    """Keep scalars that live on the stack in registers."""
    builder = llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options(speed_level=0))
    passes = llvm.create_new_function_pass_manager()
    passes.add_sroa_pass()
    for function in module.functions:
        if not function.is_declaration:
            passes.run(function, builder)


def assembly(text: str) -> str:
    """Return the assembly of a module."""
    with _lock:
        module = llvm.parse_assembly(text)
        promote_stack(module, target().machine)
        return target().machine.emit_assembly(module)


class Code:
    """Machine code in memory; it lives as long as this object."""

    def __init__(self, tracker: Any, entry: int) -> None:
        self.tracker = tracker
        self.entry = entry


def link(objects: bytes, entry: str, symbols: Sequence[str]) -> Code:
    """Load object code and return it with the address of its entry."""
    addresses = native.symbols()
    missing = [s for s in symbols if s not in addresses]
    if missing:
        raise CompileError(f"the runtime has no functions {', '.join(missing)}")
    builder = llvm.JITLibraryBuilder().add_object_img(objects).export_symbol(entry)
    for symbol in ("memcpy", "memset", "memmove", "fmod", "fmodf"):
        if symbol in addresses:
            builder.import_symbol(symbol, addresses[symbol])
    for symbol in symbols:
        builder.import_symbol(symbol, addresses[symbol])
    with _lock:
        tracker = builder.link(target().jit, f"program_{next(_serial)}")
    return Code(tracker, tracker[entry])
