"""Compile a program to an executable, by way of the cache on disk."""

from __future__ import annotations

import importlib
from collections import OrderedDict
from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

from gradax import native
from gradax.compiler import improve
from gradax.compiler.fingerprint import compiler_version, fingerprint
from gradax.compiler.options import Options
from gradax.core.jaxpr import Jaxpr
from gradax.locks import make_lock
from gradax.native import Code, Executable
from gradax.runtime import cache as disk


@cache
def default_options() -> Options:
    """Return the options for this machine."""
    return Options(
        vector_bytes=native.vector_bytes(), target=native.processor(), contract=native.has_fma()
    )


def identify() -> None:
    """Find out once what code depends on besides the program: the compiler and the machine."""
    default_options()
    compiler_version()


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
        loaded = recent.put(key, load_stored(key) or build(key, jaxpr, options))
    return make_executable(jaxpr, loaded, aliases, constants)


class Loaded(NamedTuple):
    """Machine code in memory and the facts that are needed to run it."""

    code: Code
    facts: disk.Facts


class Recent:
    """The code loaded last, by fingerprint: a loop that is traced anew each time is linked once."""

    MOST = 512

    def __init__(self) -> None:
        self.entries: OrderedDict[str, Loaded] = OrderedDict()
        self.lock = make_lock()

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


def load_stored(key: str) -> Loaded | None:
    """Return the code that the disk has for a fingerprint, None when it has none."""
    entry = disk.load(key)
    if entry is None:
        return None
    code = improve.link(entry.code, entry.facts.libraries)
    if entry.text:
        improve.later(key, code, entry)
    return Loaded(code, entry.facts)


def build(key: str, jaxpr: Jaxpr, options: Options) -> Loaded:
    """Compile a program, and have its code kept on the disk."""
    building = importlib.import_module("gradax.compiler.building")
    entry = building.build_entry(jaxpr, options)
    code = improve.link(entry.code, entry.facts.libraries)
    improve.later(key, code, entry)
    return Loaded(code, entry.facts)


def make_executable(
    jaxpr: Jaxpr, loaded: Loaded, aliases: Sequence[tuple[int, int]], constants: Sequence[Any]
) -> Executable:
    """Return the executable of loaded code."""
    return Executable(
        loaded.code,
        list(jaxpr.in_avals[: len(jaxpr.invars) - len(constants)]),
        [(aval,) for aval in jaxpr.out_avals],
        loaded.facts.arena_bytes,
        loaded.facts.cost_ns,
        list(aliases),
        list(constants),
    )


def pair_donations(jaxpr: Jaxpr, donated: Sequence[int]) -> list[tuple[int, int]]:
    """Return (operand, -1) for each donated operand: its memory is given back when it is done.

    Compiled code reads operands while it writes results, so results never share their memory.
    """
    return [(position, -1) for position in donated]
