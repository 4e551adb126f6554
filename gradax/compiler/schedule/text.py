"""The text of a schedule: functions, their steps, their kernels, for people."""

from __future__ import annotations

from collections.abc import Sequence

from gradax.compiler.schedule.ir import (
    Block,
    Buffer,
    CallLibrary,
    Choose,
    Copy,
    Fold,
    For,
    Function,
    Invoke,
    Kernel,
    Nest,
    Rows,
    Run,
    Scatter,
    Step,
    Swap,
    Sweep,
    slot_of,
)
from gradax.kernel import Apply, Const, Index, Load, Scalar, Slot

AXES = "ijklmnpqruvw"


class Names:
    """Names of buffers and loop counters, in order of appearance."""

    def __init__(self) -> None:
        self.known: dict[int, str] = {}
        self.counts: dict[str, int] = {}

    def new(self, thing: object, prefix: str) -> str:
        """Return a thing's name, giving it one."""
        found = self.known.get(id(thing))
        if found is None:
            n = self.counts[prefix] = self.counts.get(prefix, -1) + 1
            found = self.known[id(thing)] = f"{prefix}{n}"
        return found

    def buffer(self, buffer: Buffer) -> str:
        """Return a buffer's name."""
        if buffer.kind in ("input", "output"):
            return f"{'in' if buffer.kind == 'input' else 'out'}{buffer.position}"
        if buffer.kind == "window" and buffer.parent is not None:
            return f"{self.buffer(buffer.parent)}[{self.new(buffer.loop, 'loop')}]"
        if buffer.kind == "part" and buffer.parent is not None:
            return f"{self.buffer(buffer.parent)}[{buffer.position // buffer.dtype.itemsize}:]"
        prefix = "r" if buffer.kind == "register" else "t"
        return self.new(buffer, prefix)

    def buffers(self, buffers: Sequence[Buffer]) -> str:
        """Return the names of buffers."""
        return ", ".join(map(self.buffer, buffers))


def format_schedule(functions: Sequence[Function]) -> str:
    """Return the text of functions, callees first."""
    return "\n".join(map(format_function, functions))


def format_function(function: Function) -> str:
    """Return a function's text."""
    names = Names()
    inputs = ", ".join(f"in{b.position}: {b.dtype}[{b.size}]" for b in function.inputs)
    outputs = ", ".join(f"out{b.position}: {b.dtype}[{b.size}]" for b in function.outputs)
    head = f"function {function.name}({inputs}) -> ({outputs})"
    arena = f"  # arena {function.arena_bytes} bytes"
    return "\n".join([head + arena, *block_lines(function.steps, names, "  "), ""])


def block_lines(block: Block, names: Names, indent: str) -> list[str]:
    """Return the lines of steps."""
    return [indent + line for step in block for line in step_lines(step, names)]


def step_lines(step: Step, names: Names) -> list[str]:
    """Return the lines of a step."""
    if isinstance(step, Run):
        return kernel_lines(step.kernel, [names.buffer(b) for b in step.buffers])
    if isinstance(step, Rows):
        lines = block_lines(list(step.runs), names, "  ")
        return [f"{step.size} of {step.n_rows} rows at a time:", *lines]
    if isinstance(step, Swap):
        return [f"swap {names.buffer(step.out)} <-> {names.buffer(step.source)}"]
    if isinstance(step, Copy):
        return [f"copy {names.buffer(step.out)} <- {names.buffer(step.source)}"]
    if isinstance(step, CallLibrary):
        call = f"{step.name}({names.buffers(step.ins)}; {', '.join(map(str, step.params))})"
        return [f"{names.buffers(step.outs)} <- {call}"]
    if isinstance(step, Invoke):
        return [f"{names.buffers(step.outs)} <- {step.function.name}({names.buffers(step.ins)})"]
    if isinstance(step, Choose):
        lines = [f"choose {names.buffer(step.index)}:"]
        for k, block in enumerate(step.blocks):
            lines += [f"  case {k}:", *block_lines(block, names, "    ")]
        return lines
    if isinstance(step, For):
        order = "downto 0" if step.reverse else "upto"
        order = "in any order, upto" if is_parallel(step) else order
        head = f"for {names.new(step.counter, 'loop')} {order} {step.length}:"
        return [head, *block_lines(step.body, names, "  ")]
    condition = block_lines(step.condition, names, "  ")
    return ["loop:", *condition, f"  while {names.buffer(step.holds)}:",
            *block_lines(step.body, names, "    ")]  # fmt: skip


def is_parallel(step: For) -> bool:
    """Tell whether a loop's steps may run on several threads."""
    return step.workspace is not None and step.workspace.kind == "parallel"


def kernel_lines(kernel: Kernel, slots: Sequence[str]) -> list[str]:
    """Return the lines of a kernel on named slots."""
    space = ", ".join(f"{AXES[k]} < {n}" for k, n in enumerate(kernel.space))
    t = ScalarText(slots)
    if isinstance(kernel, Nest):
        shared = t.share([v for s in kernel.stores for v in (s.value, s.guard)])
        stores = [
            f"{slots[s.slot]}[{t(s.offset)}] = {t(s.value)}{t.where(s.guard)}"
            for s in kernel.stores
        ]
        return indented(f"nest {space}:", [*shared, *stores])
    if isinstance(kernel, Fold):
        n = len(kernel.space)
        inner = ", ".join(f"{AXES[n + k]} < {m}" for k, m in enumerate(kernel.extents))
        block = f" in blocks of {kernel.block}" if kernel.block else ""
        shared = t.share(kernel.bodies)
        outs = ", ".join(slots[k] for k in kernel.out_slots)
        line = f"{outs} = ({t.all(kernel.combine)}) of {t.all(kernel.bodies)}"
        return indented(f"fold {space} over {inner}{block}:", [*shared, line])
    if isinstance(kernel, Sweep):
        way = "down" if kernel.reverse else "up"
        shared = t.share([kernel.body])
        line = f"{slots[kernel.out_slot]} = ({t(kernel.combine)}) of {t(kernel.body)}"
        return indented(f"sweep {space} along {AXES[kernel.axis]} {way}:", [*shared, line])
    return scatter_lines(kernel, t, space)


def scatter_lines(kernel: Scatter, t: ScalarText, space: str) -> list[str]:
    """Return the lines of an update."""
    shared = t.share([*kernel.values, *kernel.offsets, kernel.guard])
    parts = zip(kernel.offsets, kernel.values, kernel.combine, strict=True)
    lines = [
        f"{t.slots[kernel.slot]}[{t(o)}] = ({t(rule)}) of {t(v)}{t.where(kernel.guard)}"
        for o, v, rule in parts
    ]
    return indented(f"scatter {space}{' unique' if kernel.unique else ''}:", [*shared, *lines])


def indented(head: str, lines: Sequence[str]) -> list[str]:
    """Return a head and lines below it."""
    return [head, *("  " + line for line in lines)]


INFIX = {"add": "+", "sub": "-", "mul": "*", "div": "/", "and": "&", "or": "|", "xor": "^",
         "eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}  # fmt: skip


class ScalarText:
    """Writes the scalars of one kernel; what is used more than once has a line of its own."""

    def __init__(self, slots: Sequence[str]) -> None:
        self.slots = slots
        self.names: dict[int, str] = {}

    def share(self, roots: Sequence[Scalar | None]) -> list[str]:
        """Return the lines of shared functions, and use their names from now on."""
        uses: dict[int, int] = {}
        order: list[Scalar] = []
        stack: list[tuple[Scalar, bool]] = [(r, False) for r in reversed(roots) if r is not None]
        while stack:
            node, ready = stack.pop()
            if ready:
                order.append(node)
                continue
            uses[id(node)] = uses.get(id(node), 0) + 1
            if uses[id(node)] > 1:
                continue
            if isinstance(node, Apply):
                stack.append((node, True))
                stack.extend((a, False) for a in reversed(node.args))
            elif isinstance(node, Load):
                stack.append((node.indices[0], False))
                stack.extend(() if node.guard is None else ((node.guard, False),))
        lines: list[str] = []
        for node in order:
            if uses[id(node)] > 1 and node.cost > 1:
                line = self(node)
                self.names[id(node)] = f"s{len(self.names)}"
                lines.append(f"{self.names[id(node)]} = {line}")
        return lines

    def all(self, nodes: Sequence[Scalar]) -> str:
        """Return the texts of scalars."""
        return ", ".join(map(self, nodes))

    def where(self, guard: Scalar | None) -> str:
        """Return a guard's text."""
        return "" if guard is None else f" where {self(guard)}"

    def __call__(self, node: Scalar) -> str:
        """Return a scalar's text."""
        if id(node) in self.names:
            return self.names[id(node)]
        if isinstance(node, Const):
            return str(node.value)
        if isinstance(node, Index):
            return AXES[node.axis]
        if isinstance(node, Slot):
            return f"#{node.position}"
        if isinstance(node, Load):
            name = self.slots[slot_of(node)]
            guard = "" if node.guard is None else f" if {self(node.guard)}"
            return f"{name}[{self(node.indices[0])}{guard}]"
        assert isinstance(node, Apply)
        args = [self(a) for a in node.args]
        if node.fn in INFIX:
            return f"({args[0]} {INFIX[node.fn]} {args[1]})"
        name = f"{node.fn}.{node.dtype}" if node.fn in ("convert", "bitcast") else node.fn
        return f"{name}({', '.join(args)})"
