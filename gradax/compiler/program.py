"""Compile a program to an executable, by way of the cache on disk."""

from __future__ import annotations

import importlib
import warnings
from collections import Counter, OrderedDict
from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

from gradax import native
from gradax.compiler import improve
from gradax.compiler.fingerprint import compiler_version, fingerprint
from gradax.compiler.options import Options
from gradax.core.aval import Aval
from gradax.core.jaxpr import Jaxpr
from gradax.digest import hex_digest
from gradax.errors import at_user_line
from gradax.locks import make_lock
from gradax.native import Code, Executable
from gradax.records import replace
from gradax.runtime import cache as disk
from gradax.runtime.cache import SURELY_SHORT_NS
from gradax.sizes import OpenAxes, likely, size_at


@cache
def default_options() -> Options:
    """Return the options for this machine."""
    return Options(
        vector_bytes=native.vector_bytes(),
        target=native.processor(),
        contract=native.has_fma(),
        gathers=native.processor_vendor() == "GenuineIntel",
    )


def identify() -> None:
    """Find out once what code depends on besides the program: the compiler and the machine."""
    default_options()
    compiler_version()


def compile_program(
    jaxpr: Jaxpr,
    donated: Sequence[int] = (),
    name: str = "",
    constants: Sequence[Any] = (),
    hidden: int = 0,
    keep: Any = None,
) -> Executable:
    """Return the executable of a program.

    `donated` are the positions of operands whose memory is given back. `constants` are the values
    of the program's consts, or without consts those of its last inputs; they are bound to the
    executable. The last `hidden` outputs are not given to callers. `keep` lives as long as the
    executable does.
    Errors: CompileError; errors of lowering name the operation.
    """
    options = replace(default_options(), hidden_outputs=hidden) if hidden else default_options()
    jaxpr = with_consts_last(jaxpr)
    if donated:
        warn_of_useless(jaxpr, donated)
    key = fingerprint(jaxpr, options, donated)
    loaded = recent.get(key)
    if loaded is None:
        loaded = recent.put(key, load_stored(key) or build(key, jaxpr, options, donated))
    aliases = pair_donations(donated, loaded.facts)
    return make_executable(jaxpr, loaded, aliases, constants, hidden, keep)


def with_consts_last(jaxpr: Jaxpr) -> Jaxpr:
    """Return a program with its consts as last inputs."""
    if not jaxpr.constvars:
        return jaxpr
    inputs = (*jaxpr.invars, *jaxpr.constvars)
    return Jaxpr((), inputs, jaxpr.eqns, jaxpr.outvars, jaxpr.debug_name)


class OpenCode:
    """The code of a program some of whose axes are open, for executables of any sizes.

    What the compiler assumes of the sizes becomes guards of `axes`.
    Errors: as `compile_program`; StaticSizeError where an operation needs a fixed size.
    """

    def __init__(
        self, jaxpr: Jaxpr, donated: Sequence[int], constants: Sequence[Any], axes: OpenAxes
    ) -> None:
        self.jaxpr = with_consts_last(jaxpr)
        self.donated, self.constants = donated, constants
        options = default_options()
        key = hex_digest(f"{fingerprint(self.jaxpr, options, donated)} {axes.state()}")
        self.loaded = load_stored(key) or build(key, self.jaxpr, options, donated, axes)
        sizes = self.loaded.facts.sizes
        self.arena_bytes = axes.decode(sizes) if sizes else self.loaded.facts.arena_bytes

    def at(self, in_avals: Sequence[Aval], values: Sequence[int]) -> Executable:
        """Return the executable for the sizes `values` of the open axes."""
        facts = self.loaded.facts
        return Executable(
            self.loaded.code,
            list(in_avals),
            [(at_sizes(aval, values),) for aval in self.jaxpr.out_avals],
            size_at(self.arena_bytes, values),
            self.cost_ns(values),
            pair_donations(self.donated, facts),
            list(self.constants),
            sizes=list(values),
        )

    def cost_ns(self, values: Sequence[int]) -> float:
        """Return the nanoseconds of a call at some sizes when they are few, -1 for: measure them.

        They grow at least as what the call reads, writes and holds.
        """
        facts = self.loaded.facts
        sizes = [a.size for a in (*self.jaxpr.in_avals, *self.jaxpr.out_avals)]
        sizes.append(self.arena_bytes)
        here = sum(size_at(n, values) for n in sizes)
        guess = facts.cost_ns * here / max(sum(map(likely, sizes)), 1)
        return guess if 0 <= guess <= SURELY_SHORT_NS else -1.0


def at_sizes(aval: Aval, values: Sequence[int]) -> Aval:
    """Return an aval for given sizes of the open axes."""
    return aval.update(shape=[size_at(n, values) for n in aval.shape])


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


def build(
    key: str,
    jaxpr: Jaxpr,
    options: Options,
    donated: Sequence[int] = (),
    axes: OpenAxes | None = None,
) -> Loaded:
    """Compile a program, and have its code kept on the disk."""
    building = importlib.import_module("gradax.compiler.building")
    entry = building.build_entry(jaxpr, options, donated, axes)
    code = improve.link(entry.code, entry.facts.libraries)
    improve.later(key, code, entry)
    return Loaded(code, entry.facts)


def make_executable(
    jaxpr: Jaxpr,
    loaded: Loaded,
    aliases: Sequence[tuple[int, int]],
    constants: Sequence[Any],
    hidden: int = 0,
    keep: Any = None,
) -> Executable:
    """Return the executable of loaded code."""
    return Executable(
        loaded.code,
        list(jaxpr.in_avals[: len(jaxpr.invars) - len(constants)]),
        [(aval,) for aval in jaxpr.out_avals[: len(jaxpr.outvars) - hidden]],
        loaded.facts.arena_bytes,
        loaded.facts.cost_ns,
        list(aliases),
        list(constants),
        keep,
        synchronous=hidden > 0,
    )


def pair_donations(donated: Sequence[int], facts: disk.Facts) -> list[tuple[int, int]]:
    """Return (operand, result) for each donated operand whose memory a result takes over, and
    (operand, -1) for each whose memory is only given back.
    """
    shared = dict(facts.shared)
    return [(position, shared.get(position, -1)) for position in donated]


def warn_of_useless(jaxpr: Jaxpr, donated: Sequence[int]) -> None:
    """Warn of donated operands for which there is no result of their shape and dtype."""
    left = Counter((aval.shape, aval.dtype) for aval in jaxpr.out_avals)
    useless: list[str] = []
    for position in donated:
        aval = jaxpr.in_avals[position]
        kind = aval.shape, aval.dtype
        if left[kind] <= 0:
            useless.append(str(aval))
        left[kind] -= 1
    if useless:
        warnings.warn(
            f"Some donated buffers were not usable: {', '.join(useless)}. A result of the same "
            f"shape and dtype may take a donated buffer over; there is none left{at_user_line()}",
            stacklevel=2,
        )
