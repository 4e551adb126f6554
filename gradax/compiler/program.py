"""Compile a program to an executable, by way of the cache on disk."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from gradax.compiler.fingerprint import fingerprint
from gradax.compiler.llvm import machine_code
from gradax.compiler.llvm.modules import ENTRY
from gradax.compiler.options import Options
from gradax.compiler.pipeline import Compilation, run_pipeline
from gradax.core.jaxpr import Jaxpr
from gradax.native import Executable
from gradax.runtime import cache as disk
from gradax.runtime import libraries

NS_PER_COST = 0.5
SURELY_SHORT_NS = 2e4


@cache
def default_options() -> Options:
    """Return the options for this machine."""
    target = machine_code.target()
    has_fma = "+fma" in target.features
    return Options(vector_bytes=target.vector_bytes, target=target.cpu, contract=has_fma)


def compile_program(
    jaxpr: Jaxpr, donated: Sequence[int] = (), name: str = "", constants: Sequence[Any] = ()
) -> Executable:
    """Return the executable of a program.

    `donated` are the positions of operands whose memory is given back. `constants` are the values
    of the program's consts, or without consts those of its last inputs; they are bound to the
    executable.
    Errors: CompileError; errors of lowering name the operation.
    """
    options = default_options()
    if jaxpr.constvars:
        inputs = (*jaxpr.invars, *jaxpr.constvars)
        jaxpr = Jaxpr((), inputs, jaxpr.eqns, jaxpr.outvars, jaxpr.debug_name)
    aliases = pair_donations(jaxpr, donated)
    key = fingerprint(jaxpr, options, aliases)
    loaded = recent.get(key)
    if loaded is None:
        entry = disk.load(key)
        if entry is None:
            entry = build_entry(run_pipeline(jaxpr, options))
            disk.store(key, entry)
        loaded = recent.put(key, load_code(entry))
    return make_executable(jaxpr, loaded, aliases, constants)


@dataclass(frozen=True)
class Loaded:
    """Machine code in memory and the facts that are needed to run it."""

    code: machine_code.Code
    facts: dict[str, Any]


class Recent:
    """The code loaded last, by fingerprint: a loop that is traced anew each time is linked once."""

    MOST = 512

    def __init__(self) -> None:
        self.entries: OrderedDict[str, Loaded] = OrderedDict()
        self.lock = threading.Lock()

    def get(self, key: str) -> Loaded | None:
        """Return the code of a fingerprint, None when it is not among the recent ones."""
        with self.lock:
            found = self.entries.get(key)
            if found is not None:
                self.entries.move_to_end(key)
            return found

    def put(self, key: str, loaded: Loaded) -> Loaded:
        """Remember code, and forget what was used longest ago."""
        with self.lock:
            self.entries[key] = loaded
            while len(self.entries) > self.MOST:
                self.entries.popitem(last=False)
        return loaded

    def clear(self) -> None:
        """Forget all code; what executables hold stays alive."""
        with self.lock:
            self.entries.clear()


recent = Recent()


def load_code(entry: disk.Entry) -> Loaded:
    """Link an entry's code, after the libraries that it calls."""
    for library in entry.facts["libraries"]:
        libraries.ensure(library)
    return Loaded(machine_code.link(entry.code, ENTRY, entry.facts["symbols"]), entry.facts)


def build_entry(compilation: Compilation) -> disk.Entry:
    """Generate the code of a compilation."""
    module = compilation.module
    assert module is not None
    code = machine_code.compile_text(module.text)
    facts = {
        "arena_bytes": compilation.entry.arena_bytes,
        "cost_ns": cost_ns(compilation),
        "symbols": list(module.symbols),
        "libraries": sorted(compilation.libraries),
    }
    return disk.Entry(facts, code)


def cost_ns(compilation: Compilation) -> float:
    """Return the nanoseconds of a call when they are few and known, -1 for: measure them."""
    guess = compilation.entry.cost * NS_PER_COST
    return -1.0 if compilation.has_while or guess > SURELY_SHORT_NS else guess


def make_executable(
    jaxpr: Jaxpr, loaded: Loaded, aliases: Sequence[tuple[int, int]], constants: Sequence[Any]
) -> Executable:
    """Return the executable of loaded code."""
    return Executable(
        loaded.code.entry,
        list(jaxpr.in_avals[: len(jaxpr.invars) - len(constants)]),
        [(aval,) for aval in jaxpr.out_avals],
        loaded.facts["arena_bytes"],
        loaded.facts["cost_ns"],
        list(aliases),
        list(constants),
        loaded.code,
    )


def pair_donations(jaxpr: Jaxpr, donated: Sequence[int]) -> list[tuple[int, int]]:
    """Return (operand, -1) for each donated operand: its memory is given back when it is done.

    Compiled code reads operands while it writes results, so results never share their memory.
    """
    return [(position, -1) for position in donated]
