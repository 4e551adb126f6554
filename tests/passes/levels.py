"""Running one program at every level of the compiler."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gradax import native, tree
from gradax.compiler import improve
from gradax.compiler.building import entry_of
from gradax.compiler.graph.build import build_graph
from gradax.compiler.graph.check import check_graph
from gradax.compiler.graph.interpret import interpret_graph
from gradax.compiler.graph.ir import Graph
from gradax.compiler.llvm import machine_code
from gradax.compiler.options import Options
from gradax.compiler.pipeline import graph_passes, optimize, run_pipeline, schedule
from gradax.compiler.program import Loaded, make_executable
from gradax.compiler.schedule.check import check_function, overlapping
from gradax.compiler.schedule.interpret import interpret_schedule
from gradax.compiler.schedule.ir import Block, Buffer, For, Function, While, blocks_of, reads_writes
from gradax.control.programs import run_reference
from gradax.core.aval import Aval
from gradax.core.jaxpr import Jaxpr, inline_consts
from gradax.core.staging import stage
from gradax.core.value import as_value
from gradax.runtime import libraries

Array = np.ndarray[Any, Any]

# Everything is split over threads at a cost of 100; several widths and numbers of accumulators.
SPLIT = Options(vector_bytes=64, unroll=4, parallel_cost=100)
VARIANTS = (
    SPLIT,
    Options(vector_bytes=32, unroll=2, parallel_cost=100),
    Options(vector_bytes=16, unroll=1, parallel_cost=100, inline_equations=0, contract=False),
)


def as_buffer(x: Array) -> Array:
    """Return an array as one that exports the buffer protocol."""
    return x.view(f"u{x.dtype.itemsize}") if x.dtype.kind == "V" else x


def call_flat(name: str) -> Callable[..., None]:
    """Return the runtime's own library kernel, on flat arrays."""

    def run(ins: list[Array], params: tuple[int, ...], outs: list[Array]) -> None:
        libraries.ensure(name)
        operands = [as_buffer(np.ascontiguousarray(x)) for x in ins]
        native.call_kernel(f"gx_{name}", operands, [as_buffer(x) for x in outs], list(params), 2)

    return run


def call_shaped(name: str) -> Callable[..., list[Array]]:
    """Return the runtime's own library kernel, on arrays."""

    def run(ins: list[Array], params: tuple[int, ...], types: Any) -> list[Array]:
        outs = [np.empty(shape, dtype) for shape, dtype in types]
        call_flat(name)(ins, params, outs)
        return outs

    return run


class Table(dict[str, Any]):
    """All library kernels, made on demand."""

    def __init__(self, make: Callable[[str], Any]) -> None:
        super().__init__()
        self.make = make

    def __contains__(self, name: object) -> bool:
        return True

    def __missing__(self, name: str) -> Any:
        return self.make(name)


def program_of(fun: Callable[..., Any], *inputs: Any) -> Jaxpr:
    """Return the program of a function of arrays to a sequence of arrays, without consts."""
    avals = [Aval(np.shape(x), np.asarray(x).dtype) for x in inputs]
    closed = stage(lambda *xs: [as_value(y) for y in fun(*xs)], avals, "test")
    assert not closed.consts, "the tests' programs capture nothing"
    return inline_consts(closed)


def compiled(jaxpr: Jaxpr, inputs: Sequence[Array], options: Options) -> list[Array]:
    """Compile a program with its own options and run it: the levels of code give equal bits."""
    compilation = run_pipeline(jaxpr, options)
    operands = [as_value(x) for x in inputs]
    results: list[list[Array]] = []
    for level in (machine_code.QUICK, machine_code.FAST):
        entry = entry_of(compilation, level)
        loaded = Loaded(improve.link(entry.code, entry.facts.libraries), entry.facts)
        executable = make_executable(jaxpr, loaded, [], [])
        results.append([np.asarray(x) for x in executable.execute(operands)])
    for quick, fast in zip(*results, strict=True):
        np.testing.assert_array_equal(bits(quick), bits(fast))
    return results[1]


def bits(x: Array) -> Array:
    """Return the bytes of an array, with all NaNs of real types alike."""
    if x.dtype.kind == "f":
        x = np.where(np.isnan(x), np.array(np.nan, x.dtype), x)
    if x.dtype.kind == "c":
        return bits(np.stack([x.real, x.imag]))
    return np.frombuffer(np.ascontiguousarray(x).tobytes(), np.uint8)


def lifetimes(function: Function) -> list[tuple[Buffer, int, int]]:
    """Return (buffer, first, last) of temporaries; what crosses a loop's edge lives through it."""
    spans: dict[Buffer, list[int]] = {}
    windows: dict[Buffer, set[Any]] = {}

    def touch(buffer: Buffer, now: int) -> None:
        base, loops = buffer, set[Any]()
        while base.parent is not None:
            loops.add(base.loop)
            base = base.parent
        if base.kind == "temp":
            span = spans.setdefault(base, [now, now])
            span[1] = now
            windows.setdefault(base, set()).update(loops)

    def walk(block: Block, now: int) -> int:
        for step in block:
            now += 1
            start = now
            for buffer in (b for bs in reads_writes(step) for b in bs):
                touch(buffer, now)
            for inner in blocks_of(step):
                now = walk(inner, now)
            now += 1
            if isinstance(step, For | While):
                for buffer, span in spans.items():
                    is_window = isinstance(step, For) and step.counter in windows[buffer]
                    if span[0] <= start < span[1] or is_window:
                        span[0], span[1] = min(span[0], start), now
        return now

    walk(function.steps, 0)
    return [(b, first, last) for b, (first, last) in spans.items()]


def check_schedule(functions: Sequence[Function]) -> None:
    """Assert what scheduling promises."""
    for function in functions:
        check_function(function)
        lives = lifetimes(function)
        assert not overlapping(lives), f"{function.name}: temporaries overlap"
        assert all(b.position % 64 == 0 for b, _, _ in lives)


def at_graph(graph: Graph, inputs: Sequence[Array], options: Options) -> list[Array]:
    """Return the meaning of a graph."""
    return interpret_graph(graph, inputs, Table(call_shaped), options)


def at_schedule(
    functions: Sequence[Function], inputs: Sequence[Array], jaxpr: Jaxpr
) -> list[Array]:
    """Return the meaning of a schedule, in the program's shapes."""
    found = interpret_schedule(functions, inputs, Table(call_flat))
    return [x.reshape(a.shape) for x, a in zip(found, jaxpr.out_avals, strict=True)]


def check_levels(
    jaxpr: Jaxpr,
    inputs: Sequence[Array],
    compare: Callable[[str, Sequence[Array], Sequence[Array]], None],
    variants: Sequence[Options] = VARIANTS,
) -> None:
    """Compare each level's meaning with the references of the operations."""
    with np.errstate(all="ignore"):
        want = [np.asarray(x) for x in run_reference(jaxpr, inputs)]
    graph = build_graph(jaxpr, SPLIT)
    check_graph(graph)
    compare("graph", at_graph(graph, inputs, SPLIT), want)
    for run in graph_passes(SPLIT):
        graph = run(graph)
        check_graph(graph)
        compare(f"graph after {run.__name__}", at_graph(graph, inputs, SPLIT), want)
    for options in variants[:: max(1, len(variants) - 1)]:
        functions = schedule(optimize(build_graph(jaxpr, options), options), options)
        check_schedule(functions)
        compare("schedule", at_schedule(functions, inputs, jaxpr), want)
    for options in variants:
        compare(f"compiled, {options}", compiled(jaxpr, inputs, options), want)


def check_exact(fun: Callable[..., Any], *inputs: Array, variants: Any = VARIANTS[1:]) -> None:
    """Assert that a function's program has the same bits at every level, NaN being NaN."""
    from_tree = lambda *xs: tree.leaves(fun(*xs))
    check_levels(program_of(from_tree, *inputs), inputs, assert_same, variants)


def assert_same(level: str, got: Sequence[Array], want: Sequence[Array]) -> None:
    """Assert that results agree to the last bit; NaN agrees with NaN."""
    for k, (a, b) in enumerate(zip(got, want, strict=True)):
        where = f"{level}, output {k}"
        assert a.shape == b.shape, f"{where}: {a.shape}, expected {b.shape}"
        assert a.dtype == b.dtype, f"{where}: {a.dtype}, expected {b.dtype}"
        # Of these NumPy's comparison does not know NaN.
        if b.dtype.kind == "V" or b.dtype.name.startswith("float8"):
            a, b = a.astype(np.float64), b.astype(np.float64)
        np.testing.assert_array_equal(a, b, err_msg=where)
        if b.dtype.kind == "f":
            signs = np.signbit(a) == np.signbit(b)
            np.testing.assert_array_equal(signs | np.isnan(b), True, err_msg=f"{where}: sign")
