"""From a program to an entry of the cache: all passes, then object code of one level."""

from __future__ import annotations

from collections.abc import Sequence

from gradax import config
from gradax.compiler.llvm import machine_code
from gradax.compiler.options import Options
from gradax.compiler.pipeline import Compilation, run_pipeline
from gradax.compiler.schedule.donate import shared_memory
from gradax.core.jaxpr import Jaxpr
from gradax.runtime.cache import SURELY_SHORT_NS, Entry, Facts
from gradax.sizes import OpenAxes

NS_PER_COST = 0.5
# What level FAST takes longer to compile, for each character of the text, and what code of level
# QUICK takes longer to run, for each unit of cost (measured: 0.02 to 0.25).
NS_SAVED_PER_CHARACTER = 400.0
NS_LOST_PER_COST = 0.15


def build_entry(
    jaxpr: Jaxpr, options: Options, donated: Sequence[int] = (), axes: OpenAxes | None = None
) -> Entry:
    """Compile a program to the object code that ends its first call soonest.

    `axes` are those of the program that are open.
    """
    return entry_of(run_pipeline(jaxpr, options), donated=donated, axes=axes)


def entry_of(
    compilation: Compilation,
    level: int | None = None,
    donated: Sequence[int] = (),
    axes: OpenAxes | None = None,
) -> Entry:
    """Return the entry of a compilation; one of level QUICK keeps its text, to be improved."""
    assert compilation.module is not None
    text = compilation.module.text
    level = choose_level(compilation) if level is None else level
    code = machine_code.compile_text(text, level)
    arena_bytes = compilation.entry.arena_bytes
    facts = Facts(
        arena_bytes if axes is None else 0,
        cost_ns(compilation, axes),
        tuple(sorted(compilation.libraries)),
        shared_memory(compilation.entry, donated),
        "" if axes is None else axes.encode(arena_bytes),
    )
    return Entry(facts, code, text if level == machine_code.QUICK else "")


def choose_level(compilation: Compilation) -> int:
    """Return the level at which compiling and running once take the least time together."""
    assert compilation.module is not None
    wanted = config.current.compile_level
    if wanted != "auto":
        return machine_code.QUICK if wanted == "quick" else machine_code.FAST
    if compilation.has_while:
        return machine_code.FAST
    lost = compilation.entry.own_cost * NS_LOST_PER_COST
    saved = len(compilation.module.text) * NS_SAVED_PER_CHARACTER
    return machine_code.QUICK if lost < saved else machine_code.FAST


def cost_ns(compilation: Compilation, axes: OpenAxes | None = None) -> float:
    """Return the nanoseconds of a call when they are few and known, -1 for: measure them.

    With open axes they are those of likely sizes, few or many.
    """
    guess = compilation.entry.cost * NS_PER_COST
    is_short = guess <= SURELY_SHORT_NS or axes is not None  # that of likely sizes
    return guess if is_short and not compilation.has_while else -1.0
