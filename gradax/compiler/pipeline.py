"""The way of a program: a table of passes, each with its checker, and a fold that can time them."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

from gradax import config
from gradax.compiler.graph.accumulate import accumulate_products
from gradax.compiler.graph.build import build_graph
from gradax.compiler.graph.check import check_graph
from gradax.compiler.graph.contract import contract_products
from gradax.compiler.graph.divide import divide_updates
from gradax.compiler.graph.fuse import fuse_maps
from gradax.compiler.graph.ir import Graph
from gradax.compiler.graph.joins import read_joins
from gradax.compiler.graph.parts import read_parts
from gradax.compiler.graph.text import format_graph
from gradax.compiler.llvm import machine_code
from gradax.compiler.llvm.first_loops import row_rule
from gradax.compiler.llvm.modules import ModuleText, libraries_of, write_module
from gradax.compiler.options import Options
from gradax.compiler.schedule.build import Module, build_function
from gradax.compiler.schedule.check import check_function
from gradax.compiler.schedule.ir import Function, While, all_steps
from gradax.compiler.schedule.text import format_schedule
from gradax.core.jaxpr import Jaxpr
from gradax.kernel.ir import interned
from gradax.sizes import written_as_registers


class Compilation:
    """What each level of a compilation gave, and the seconds that each pass took."""

    def __init__(self, jaxpr: Jaxpr, options: Options) -> None:
        self.jaxpr = jaxpr
        self.options = options
        self.graph: Graph | None = None
        self.functions: list[Function] = []
        self.module: ModuleText | None = None
        self.seconds: dict[str, float] = {}

    @property
    def entry(self) -> Function:
        """The function that the program is entered by."""
        return self.functions[-1]

    @property
    def has_while(self) -> bool:
        """Whether a loop of unknown length is in the program."""
        return any(isinstance(step, While) for f in self.functions for step in all_steps(f.steps))

    @property
    def libraries(self) -> set[str]:
        """The library kernels that the program calls."""
        return libraries_of(self.functions)


def graph_passes(options: Options) -> tuple[Callable[[Graph], Graph], ...]:
    """Return the passes over graphs, in order."""
    passes = (read_parts, read_joins, divide_updates, fuse_maps, accumulate_products)
    return (*passes, contract_products) if options.contract else passes


def graph_of(jaxpr: Jaxpr, options: Options) -> Graph:
    """Return the optimized graph of a program, made once for each program and options."""
    return jaxpr.memo(("graph", options), lambda: optimize(build_graph(jaxpr, options), options))


def optimize(graph: Graph, options: Options) -> Graph:
    """Run the graph's passes, each followed by the checker where checks are on."""
    for run in (None, *graph_passes(options)):
        graph = graph if run is None else run(graph)
        if config.current.enable_checks:
            check_graph(graph)
    return graph


def schedule(graph: Graph, options: Options) -> list[Function]:
    """Return the functions of a graph, callees first."""
    module = Module(options, partial(graph_of, options=options), partial(row_rule, options=options))
    build_function(graph, "main", module)
    if config.current.enable_checks:
        for function in module.order:
            check_function(function)
    return module.order


def run_pipeline(jaxpr: Jaxpr, options: Options) -> Compilation:
    """Take a program through all levels to LLVM text."""
    out = Compilation(jaxpr, options)
    interned.trim()

    def timed(name: str, run: Callable[[], Any]) -> Any:
        start = time.perf_counter()
        result = run()
        out.seconds[name] = time.perf_counter() - start
        return result

    graph = out.graph = timed("graph", lambda: optimize(build_graph(jaxpr, options), options))
    out.functions = timed("schedule", lambda: schedule(graph, options))
    with written_as_registers():
        out.module = timed("write", lambda: write_module(out.functions, options))
    return out


def program_text(jaxpr: Jaxpr, options: Options, level: str) -> str:
    """Return a program's text at a level: jaxpr, graph, schedule, llvm or asm.

    Errors: ValueError for another level.
    """
    if level == "jaxpr":
        return str(jaxpr)
    out = run_pipeline(jaxpr, options)
    assert out.graph is not None and out.module is not None
    if level == "graph":
        return format_graph(out.graph)
    if level == "schedule":
        return format_schedule(out.functions)
    if level == "llvm":
        return out.module.text
    if level == "asm":
        return machine_code.assembly(out.module.text)
    raise ValueError(f"a level is jaxpr, graph, schedule, llvm or asm; got {level!r}")
