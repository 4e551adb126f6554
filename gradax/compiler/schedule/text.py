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
    Run,
    Scatter,
    Step,
    Sweep,
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
    head = f"function {function.name}({inputs}) -> ({outputs})  # arena {function.arena_bytes} bytes"
    return "\n".join([head, *block_lines(function.steps, names, "  "), ""])


def block_lines(block: Block, names: Names, indent: str) -> list[str]:
    """Return the lines of steps."""
    return [indent + line for step in block for line in step_lines(step, names)]


def step_lines(step: Step, names: Names) -> list[str]:
    """Return the lines of a step."""
    if isinstance(step, Run):
        return kernel_lines(step.kernel, [names.buffer(b) for b in step.buffers])
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
        head = f"for {names.new(step.counter, 'loop')} {order} {step.length}:"
        return [head, *block_lines(step.body, names, "  ")]
    condition = block_lines(step.condition, names, "  ")
    return ["loop:", *condition, f"  while {names.buffer(step.holds)}:",
            *block_lines(step.body, names, "    ")]  # fmt: skip


def kernel_lines(kernel: Kernel, slots: Sequence[str]) -> list[str]:
    """Return the lines of a kernel on named slots."""
    space = ", ".join(f"{AXES[k]} < {n}" for k, n in enumerate(kernel.space))
    if isinstance(kernel, Nest):
        lines = [f"nest {space}:"]
        for s in kernel.stores:
            guard = "" if s.guard is None else f" where {text(s.guard, slots)}"
            lines.append(f"  {slots[s.slot]}[{text(s.offset, slots)}] = {text(s.value, slots)}{guard}")
        return lines
    if isinstance(kernel, Fold):
        n = len(kernel.space)
        inner = ", ".join(f"{AXES[n + k]} < {m}" for k, m in enumerate(kernel.extents))
        block = f" in blocks of {kernel.block}" if kernel.block else ""
        outs = ", ".join(slots[k] for k in kernel.out_slots)
        rules = ", ".join(text(c, slots) for c in kernel.combine)
        bodies = ", ".join(text(b, slots) for b in kernel.bodies)
        return [f"fold {space} over {inner}{block}:", f"  {outs} = ({rules}) of {bodies}"]
    if isinstance(kernel, Sweep):
        way = "down" if kernel.reverse else "up"
        rule = text(kernel.combine, slots)
        body = f"  {slots[kernel.out_slot]} = ({rule}) of {text(kernel.body, slots)}"
        return [f"sweep {space} along {AXES[kernel.axis]} {way}:", body]
    return scatter_lines(kernel, slots, space)


def scatter_lines(kernel: Scatter, slots: Sequence[str], space: str) -> list[str]:
    """Return the lines of an update."""
    guard = "" if kernel.guard is None else f" where {text(kernel.guard, slots)}"
    lines = [f"scatter {space}{' unique' if kernel.unique else ''}:"]
    for offset, value, rule in zip(kernel.offsets, kernel.values, kernel.combine, strict=True):
        place = f"{slots[kernel.slot]}[{text(offset, slots)}]"
        lines.append(f"  {place} = ({text(rule, slots)}) of {text(value, slots)}{guard}")
    return lines


INFIX = {"add": "+", "sub": "-", "mul": "*", "div": "/", "and": "&", "or": "|", "xor": "^",
         "eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}  # fmt: skip


def text(node: Scalar, slots: Sequence[str], depth: int = 0) -> str:
    """Return a scalar's text; what is deeper than twelve levels is left out."""
    if isinstance(node, Const):
        return str(node.value)
    if isinstance(node, Index):
        return AXES[node.axis]
    if isinstance(node, Slot):
        return f"#{node.position}"
    if depth > 12:
        return "…"
    if isinstance(node, Load):
        name = slots[node.source.position]  # type: ignore[attr-defined]
        guard = "" if node.guard is None else f" if {text(node.guard, slots, depth + 1)}"
        return f"{name}[{text(node.indices[0], slots, depth + 1)}{guard}]"
    assert isinstance(node, Apply)
    args = [text(a, slots, depth + 1) for a in node.args]
    if node.fn in INFIX:
        return f"({args[0]} {INFIX[node.fn]} {args[1]})"
    name = f"{node.fn}.{node.dtype}" if node.fn in ("convert", "bitcast") else node.fn
    return f"{name}({', '.join(args)})"
