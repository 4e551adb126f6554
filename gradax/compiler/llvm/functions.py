"""Write a schedule's functions: steps as straight code, loops and branches, kernels as calls."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from math import prod
from typing import Any, NamedTuple

import numpy as np

from gradax.compiler.llvm.first_loops import first_loop
from gradax.compiler.llvm.kernels import write_kernel
from gradax.compiler.llvm.parallel_loops import write_parallel_loop
from gradax.compiler.llvm.writer import Writer, memory_type
from gradax.compiler.options import Options
from gradax.compiler.schedule.ir import (
    Block,
    Buffer,
    CallLibrary,
    Choose,
    Copy,
    Counter,
    Fold,
    For,
    Function,
    Invoke,
    Kernel,
    Rows,
    Run,
    Scatter,
    Step,
    Swap,
    While,
    pieces_of,
    swaps_of,
)
from gradax.kernel.functions import is_complex, real_dtype
from gradax.sizes import has_open, is_open, likely

KERNEL_HEADER = "define internal void @{}(ptr %ctx, ptr %env, i64 %begin, i64 %end) #0"
HEADER = "(ptr %ctx, ptr %args, ptr %outs, ptr %arena) #0"
SMALL_POINTS = 32


def element_dtype(buffer: Buffer) -> np.dtype[Any]:
    """Return the dtype of the elements that a kernel sees in a buffer."""
    return real_dtype(buffer.dtype) if is_complex(buffer.dtype) else buffer.dtype


class KernelFunction(NamedTuple):
    """A kernel's name, the extent of its first loop, the multiple that pieces of that begin at, and
    how long the loop likely is.
    """

    name: str
    extent: int
    multiple: int
    likely: float


class KernelTable:
    """The kernel functions of a module; equal kernels are one function."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.known: dict[Any, KernelFunction] = {}
        self.texts: list[str] = []
        self.declared: set[str] = set()
        self.called: set[tuple[str, np.dtype[Any], int]] = set()

    def function_of(self, kernel: Kernel, dtypes: tuple[np.dtype[Any], ...]) -> KernelFunction:
        """Return a kernel's function, written on first use."""
        key = (kernel, dtypes)
        found = self.known.get(key)
        if found is None:
            extent, multiple = first_loop(kernel, self.options)
            block = getattr(kernel, "block", 0)
            length = (
                likely(kernel.extents[0]) / block
                if isinstance(kernel, Fold) and block
                else likely(extent)
            )
            found = KernelFunction(f"kernel_{len(self.known)}", extent, multiple, length)
            self.known[key] = found
            self.write(found.name, kernel, dtypes)
        return found

    def write(self, name: str, kernel: Kernel, dtypes: tuple[np.dtype[Any], ...]) -> None:
        """Write a kernel's function."""
        w = Writer(KERNEL_HEADER.format(name), self.options.gathers)
        pointers: dict[int, str] = {}
        for k in range(len(dtypes)):
            place = w.emit(f"getelementptr ptr, ptr %env, i64 {k}")
            pointers[k] = w.emit(f"load ptr, ptr {place}, align 8")
        write_kernel(w, kernel, pointers, dtypes, self.options, ("%begin", "%end"))
        w.do("ret void")
        self.texts.append(w.text())
        self.note(w)

    def rows_function(self, names: tuple[str, ...], step: Rows) -> KernelFunction:
        """Return the function that runs kernels on some rows at a time."""
        key = ("rows", names, step.factors, step.n_rows, step.size)
        found = self.known.get(key)
        if found is None:
            name, n = f"rows_{len(self.known)}", step.n_rows
            found = KernelFunction(name, n, step.size, likely(n))
            self.known[key] = found
            self.texts.append(rows_text(found.name, names, step))
        return found

    def note(self, w: Writer) -> None:
        """Note what a text needs of the module."""
        self.declared |= w.declared
        self.called |= w.called


def rows_text(name: str, names: Sequence[str], step: Rows) -> str:
    """Return the text of a function that runs kernels on some rows at a time."""
    w = Writer(KERNEL_HEADER.format(name))
    envs = [
        w.emit(f"load ptr, ptr {w.emit(f'getelementptr ptr, ptr %env, i64 {k}')}, align 8")
        for k in range(len(names))
    ]

    def body(counter: str, _: list[str]) -> list[str]:
        after = w.emit(f"add i64 {counter}, {step.size}")
        inside = w.emit(f"icmp slt i64 {after}, %end")
        stop = w.emit(f"select i1 {inside}, i64 {after}, i64 %end")
        for kernel, env, factor in zip(names, envs, step.factors, strict=True):
            first, last = (w.emit(f"mul i64 {place}, {factor}") for place in (counter, stop))
            w.do(f"call void @{kernel}(ptr %ctx, ptr {env}, i64 {first}, i64 {last})")
        return []

    w.loop("%begin", "%end", step.size, [], body)
    w.do("ret void")
    return w.text()


class FunctionWriter:
    """Writes one function of the schedule."""

    def __init__(self, function: Function, kernels: KernelTable, internal: bool) -> None:
        self.function, self.kernels = function, kernels
        self.options = kernels.options
        self.internal = internal
        self.constants: list[str] = []
        self.texts: list[str] = []
        self.begin(function.name, internal)

    def begin(self, name: str, internal: bool) -> None:
        """Begin a function of the module."""
        self.w = Writer(
            f"define {'internal ' * internal}void @{name}{HEADER}", self.options.gathers
        )
        self.pointers: dict[int, str] = {}
        self.arrays: dict[tuple[str, int], str] = {}
        self.counters: dict[int, str] = {}
        self.kept: list[Buffer] = []
        self.moved: dict[int, str] = {}
        self.depth = 0

    @contextmanager
    def inside(self, writer: Writer) -> Generator[Writer, None, None]:
        """Write into another function of the module for a while."""
        state = dict(self.__dict__)
        self.w, self.pointers, self.arrays, self.counters = writer, {}, {}, {}
        self.kept, self.moved, self.depth = [], {}, 0
        yield writer
        self.kernels.note(writer)
        self.__dict__.update(state)

    def end(self) -> str:
        """End it and return its text."""
        self.w.do("ret void")
        self.kernels.note(self.w)
        return self.w.text()

    def write(self) -> str:
        """Write the function, a long one in pieces, and return its text."""
        pieces = pieces_of(self.function.steps)
        if len(pieces) == 1:
            self.block(pieces[0])
            text = self.end()
            return "\n".join([*self.constants, *self.texts, text])
        texts = self.texts
        for k, piece in enumerate(pieces):
            self.begin(f"{self.function.name}_{k}", True)
            self.block(piece)
            texts.append(self.end())
        self.begin(self.function.name, self.internal)
        for k in range(len(pieces)):
            call = f"void @{self.function.name}_{k}(ptr %ctx, ptr %args, ptr %outs, ptr %arena)"
            self.w.do(f"call {call}")
        return "\n".join([*self.constants, *texts, self.end()])

    def block(self, steps: Block) -> None:
        """Write steps."""
        for step in steps:
            self.step(step)

    def step(self, step: Step) -> None:
        """Write a step."""
        if isinstance(step, Run):
            self.run(step)
        elif isinstance(step, Rows):
            self.rows(step)
        elif isinstance(step, Copy):
            self.copy(step)
        elif isinstance(step, CallLibrary):
            self.library(step)
        elif isinstance(step, Invoke):
            self.invoke(step)
        elif isinstance(step, Choose):
            self.choose(step)
        elif isinstance(step, For):
            self.for_loop(step)
        elif isinstance(step, While):
            self.while_loop(step)  # a Swap is written by its loop

    def pointer(self, buffer: Buffer) -> str:
        """Return the address of a buffer.

        Those of operands and results are loaded once, at the function's entry. The others are sums
        that cost nothing where they are used; kept from the entry on, they would crowd registers.
        """
        moved = self.moved.get(id(buffer))
        if moved is not None:
            return moved
        if buffer.kind in ("temp", "private"):
            arena = "%arena" if buffer.kind == "temp" else "%own"
            return self.w.emit(f"getelementptr i8, ptr {arena}, i64 {buffer.position}")
        if buffer.parent is not None:
            return self.place_within(buffer, self.pointer(buffer.parent))
        found = self.pointers.get(id(buffer))
        if found is None:
            found = self.pointers[id(buffer)] = self.address(buffer)
            self.kept.append(buffer)
        return found

    def place_within(self, buffer: Buffer, whole: str) -> str:
        """Write the address of a window or part, given that of its parent."""
        offset = str(buffer.position)
        if buffer.kind == "window":
            assert buffer.loop is not None
            offset = self.w.emit(f"mul i64 {self.counters[id(buffer.loop)]}, {buffer.nbytes}")
        return self.w.emit(f"getelementptr i8, ptr {whole}, i64 {offset}")

    def address(self, buffer: Buffer) -> str:
        """Write, at the function's entry, what finds a register, an operand or a result."""
        if buffer.kind == "register":
            type_ = memory_type(element_dtype(buffer))
            n = buffer.size * (2 if is_complex(buffer.dtype) else 1)
            return self.w.stack(f"[{n} x {type_}]" if n != 1 else type_, 8)
        name, place = self.w.name(), self.w.name()
        source = "%args" if buffer.kind == "input" else "%outs"
        self.w.entry.append(f"  {place} = getelementptr ptr, ptr {source}, i64 {buffer.position}")
        self.w.entry.append(f"  {name} = load ptr, ptr {place}, align 8")
        return name

    def array(self, buffers: tuple[Buffer, ...], what: str = "ins") -> str:
        """Write the addresses of buffers to the stack and return where.

        The places are used again by the next call: what is called has read them when it returns.
        """
        size = max(len(buffers), 1)
        memory = self.arrays.get((what, size))
        if memory is None:
            memory = self.arrays[what, size] = self.w.stack(f"[{size} x ptr]", 8)
        for k, buffer in enumerate(buffers):
            place = self.w.emit(f"getelementptr ptr, ptr {memory}, i64 {k}")
            self.w.do(f"store ptr {self.pointer(buffer)}, ptr {place}, align 8")
        return memory

    def run(self, step: Run) -> None:
        """Run a kernel: inline when it is small, else by a call, split over threads when large."""
        kernel, options = step.kernel, self.options
        dtypes = tuple(map(element_dtype, step.buffers))
        extents = getattr(kernel, "extents", ())
        points = prod(kernel.space) * prod(extents)
        most = SMALL_POINTS if self.depth else 1
        if not is_open(points) and points <= most and not getattr(kernel, "block", 0):
            pointers = {k: self.pointer(b) for k, b in enumerate(step.buffers)}
            write_kernel(self.w, kernel, pointers, dtypes, options, None)
            return
        function = self.kernels.function_of(kernel, dtypes)
        env = self.array(step.buffers)
        ordered = isinstance(kernel, Scatter) and not (kernel.unique or kernel.apart)
        self.call(function, env, step.cost, ordered)

    def rows(self, step: Rows) -> None:
        """Run several kernels on some rows at a time."""
        functions: list[str] = []
        envs: list[str] = []
        for k, run in enumerate(step.runs):
            dtypes = tuple(map(element_dtype, run.buffers))
            functions.append(self.kernels.function_of(run.kernel, dtypes).name)
            envs.append(self.array(run.buffers, f"row {k}"))
        whole = self.w.stack(f"[{len(envs)} x ptr]", 8)
        for k, env in enumerate(envs):
            place = self.w.emit(f"getelementptr ptr, ptr {whole}, i64 {k}")
            self.w.do(f"store ptr {env}, ptr {place}, align 8")
        function = self.kernels.rows_function(tuple(functions), step)
        self.call(function, whole, step.cost)

    def call(self, function: KernelFunction, env: str, cost: float, ordered: bool = False) -> None:
        """Call a function over the first loop, split over threads when it takes long."""
        name, extent, multiple, _ = function
        wanted = self.options.parallel_cost
        if is_open(extent):
            self.call_open(function, env, cost, ordered)
            return
        if cost < wanted or extent < 2 * multiple or ordered:
            self.w.do(f"call void @{name}(ptr %ctx, ptr {env}, i64 0, i64 {extent})")
            return
        grain = max(1, int(wanted / 2 * extent / cost))
        grain = -(-grain // multiple) * multiple
        self.w.declare("declare void @gx_parallel_for(ptr, ptr, ptr, i64, i64)")
        self.w.do(
            f"call void @gx_parallel_for(ptr %ctx, ptr @{name}, ptr {env}, i64 {extent},"
            f" i64 {grain})"
        )

    def call_open(self, function: KernelFunction, env: str, cost: float, ordered: bool) -> None:
        """Call a function over a first loop of open length, split over threads when it is long.

        Its pieces do as much as those of a loop of likely length.
        """
        name, extent, multiple, length = function
        if ordered:
            self.w.do(f"call void @{name}(ptr %ctx, ptr {env}, i64 0, i64 {extent})")
            return
        grain = max(1, int(self.options.parallel_cost / 2 * length / max(cost, 1.0)))
        grain = -(-grain // multiple) * multiple
        self.w.declare("declare void @gx_parallel_for(ptr, ptr, ptr, i64, i64)")
        self.w.do(
            f"call void @gx_parallel_for(ptr %ctx, ptr @{name}, ptr {env}, i64 {extent},"
            f" i64 {grain})"
        )

    def copy(self, step: Copy) -> None:
        """Copy a buffer."""
        if step.out.size == 0:
            return
        out, source = self.pointer(step.out), self.pointer(step.source)
        is_small = not is_open(step.out.nbytes) and step.out.nbytes < 4096
        if (step.out.kind, step.source.kind) != ("output", "input") or is_small:
            self.copy_bytes(step, out, source)
            return
        # A result may have taken over the memory of an operand.
        apart = self.w.emit(f"icmp ne ptr {out}, {source}")
        self.w.when(apart, lambda: self.copy_bytes(step, out, source))

    def copy_bytes(self, step: Copy | Swap, out: str, source: str) -> None:
        """Copy what a step says from one address to another."""
        if step.out.size == 1 and not is_complex(step.out.dtype):
            type_ = memory_type(step.out.dtype)
            align = step.out.dtype.itemsize
            value = self.w.emit(f"load {type_}, ptr {source}, align {align}")
            self.w.do(f"store {type_} {value}, ptr {out}, align {align}")
            return
        self.w.declare("declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1 immarg)")
        self.w.do(
            f"call void @llvm.memcpy.p0.p0.i64(ptr {out}, ptr {source}, i64 {step.out.nbytes},"
            " i1 false)"
        )

    def library(self, step: CallLibrary) -> None:
        """Call a kernel of the runtime."""
        ins, outs = self.array(step.ins), self.array(step.outs, "outs")
        if has_open(step.params):
            self.w.declare(f"declare void @gx_{step.name}(ptr, ptr, ptr, ptr)")
            params = self.numbers(step.params)
            self.w.do(f"call void @gx_{step.name}(ptr %ctx, ptr {ins}, ptr {outs}, ptr {params})")
            return
        name = f"@params_{self.function.name}_{len(self.constants)}"
        values = ", ".join(f"i64 {p}" for p in step.params)
        n = len(step.params)
        text = f"[{values}]" if n else "zeroinitializer"
        self.constants.append(f"{name} = internal constant [{n} x i64] {text}")
        self.w.declare(f"declare void @gx_{step.name}(ptr, ptr, ptr, ptr)")
        self.w.do(f"call void @gx_{step.name}(ptr %ctx, ptr {ins}, ptr {outs}, ptr {name})")

    def numbers(self, params: Sequence[int]) -> str:
        """Write parameters, among which are sizes of open axes, to the stack; return where."""
        memory = self.w.stack(f"[{len(params)} x i64]", 8)
        for k, value in enumerate(params):
            place = self.w.emit(f"getelementptr i64, ptr {memory}, i64 {k}")
            self.w.do(f"store i64 {value}, ptr {place}, align 8")
        return memory

    def invoke(self, step: Invoke) -> None:
        """Call another function of the module."""
        ins, outs = self.array(step.ins), self.array(step.outs, "outs")
        arena = "null" if step.arena is None else self.pointer(step.arena)
        callee = step.function.name
        self.w.do(f"call void @{callee}(ptr %ctx, ptr {ins}, ptr {outs}, ptr {arena})")

    def choose(self, step: Choose) -> None:
        """Run one of the blocks."""
        w, last = self.w, len(step.blocks) - 1
        index = w.emit(f"load i32, ptr {self.pointer(step.index)}, align 4")
        labels = [w.label() for _ in step.blocks]
        after = w.label()
        low = w.emit(f"icmp sle i32 {index}, 0")
        safe = w.emit(f"select i1 {low}, i32 0, i32 {index}")
        cases = " ".join(f"i32 {k}, label %{labels[k]}" for k in range(last))
        w.do(f"switch i32 {safe}, label %{labels[last]} [{cases}]")
        for label, block in zip(labels, step.blocks, strict=True):
            w.start(label)
            self.block(block)
            w.jump(after)
        w.start(after)

    def counting(self, counter: Counter, text: str, block: Block) -> None:
        """Write a loop's body with its counter in a register."""
        self.counters[id(counter)] = text
        self.depth += 1
        self.block(block)
        self.depth -= 1

    def for_loop(self, step: For) -> None:
        """Write a loop of fixed length."""
        if step.workspace is not None and step.workspace.kind == "parallel":
            self.texts.append(write_parallel_loop(self, step, step.workspace))
            return
        swaps = swaps_of(step.body)
        homes, before = self.homes(swaps), dict(self.moved)

        def body(counter: str, places: list[str]) -> list[str]:
            if step.reverse:
                counter = self.w.emit(f"sub i64 {step.length - 1}, {counter}")
            self.move(swaps, places)
            self.counting(step.counter, counter, step.body)
            return exchanged(places)

        self.w.loop("0", str(step.length), 1, [("ptr", home) for home in homes], body)
        self.moved = before
        if swaps and is_open(step.length):
            is_odd = self.w.emit(f"trunc i64 {step.length} to i1")
            self.w.when(is_odd, lambda: self.copy_home(swaps, homes))
        elif not is_open(step.length) and step.length % 2:
            self.copy_home(swaps, homes)

    def copy_home(self, swaps: Sequence[Swap], homes: Sequence[str]) -> None:
        """Copy what a loop exchanged an odd number of times to where it is expected."""
        for swap, out, source in zip(swaps, homes[::2], homes[1::2], strict=True):
            self.copy_bytes(swap, out, source)

    def homes(self, swaps: Sequence[Swap]) -> list[str]:
        """Return the addresses of the buffers that a loop exchanges, pair by pair."""
        return [self.pointer(b) for swap in swaps for b in (swap.out, swap.source)]

    def move(self, swaps: Sequence[Swap], places: Sequence[str]) -> None:
        """Let the buffers that a loop exchanges be at other addresses."""
        buffers = (b for swap in swaps for b in (swap.out, swap.source))
        self.moved.update(zip(map(id, buffers), places, strict=True))

    def while_loop(self, step: While) -> None:
        """Write a loop that runs while its condition holds."""
        w, swaps = self.w, swaps_of(step.body)
        homes, outside = self.homes(swaps), dict(self.moved)
        places = [w.name() for _ in homes]
        before, head, inside, after = w.block, w.label(), w.label(), w.label()
        w.jump(head)
        w.start(head)
        at = len(w.lines)
        self.move(swaps, places)
        self.depth += 1
        self.block(step.condition)
        byte = w.emit(f"load i8, ptr {self.pointer(step.holds)}, align 1")
        holds = w.emit(f"trunc i8 {byte} to i1")
        w.branch(holds, inside, after)
        w.start(inside)
        self.block(step.body)
        self.depth -= 1
        w.lines[at:at] = [
            f"  {place} = phi ptr [ {home}, %{before} ], [ {other}, %{w.block} ]"
            for place, home, other in zip(places, homes, exchanged(places), strict=True)
        ]
        w.jump(head)
        w.start(after)
        self.moved = outside
        for swap, out, home in zip(swaps, places[::2], homes[::2], strict=True):
            away = w.emit(f"icmp ne ptr {out}, {home}")
            w.when(away, lambda swap=swap, out=out, home=home: self.copy_bytes(swap, home, out))


def exchanged(places: Sequence[str]) -> list[str]:
    """Return addresses with those of each pair exchanged."""
    return [places[k ^ 1] for k in range(len(places))]
