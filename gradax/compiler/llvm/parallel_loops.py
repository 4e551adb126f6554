"""Loops whose steps need nothing of each other: functions of their own, run on several threads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradax.compiler.llvm.writer import Writer
from gradax.compiler.schedule.ir import Buffer, For
from gradax.sizes import likely

if TYPE_CHECKING:
    from gradax.compiler.llvm.functions import FunctionWriter

HEADER = "define internal void @{}(ptr %ctx, ptr %env, i64 %begin, i64 %end) #0"
SHARED = ("%args", "%outs", "%arena")


def write_parallel_loop(outer: FunctionWriter, step: For, workspace: Buffer) -> str:
    """Write the call of a loop's steps on several threads; return the text of their function.

    Steps find operands, results and the arena by way of `env`, private buffers in memory that each
    piece of the loop takes for itself.
    """
    name = f"{outer.function.name}_loop_{len(outer.texts)}"
    w = outer.w
    env = w.stack(f"[{len(SHARED)} x ptr]", 8)
    for k, value in enumerate(SHARED):
        place = w.emit(f"getelementptr ptr, ptr {env}, i64 {k}")
        w.do(f"store ptr {value}, ptr {place}, align 8")
    per_step = max(step.work / max(likely(step.length), 1), 1.0)
    grain = max(1, int(outer.options.parallel_cost / 2 / per_step))
    w.declare("declare void @gx_parallel_for(ptr, ptr, ptr, i64, i64)")
    w.do(
        f"call void @gx_parallel_for(ptr %ctx, ptr @{name}, ptr {env}, i64 {step.length},"
        f" i64 {grain})"
    )
    with outer.inside(Writer(HEADER.format(name), outer.options.gathers)) as inner:
        write_steps(outer, inner, step, workspace)
        return inner.text()


def write_steps(outer: FunctionWriter, w: Writer, step: For, workspace: Buffer) -> None:
    """Write the function of a loop's steps."""
    for k, name in enumerate(SHARED):
        w.entry.append(f"  {name}.place = getelementptr ptr, ptr %env, i64 {k}")
        w.entry.append(f"  {name} = load ptr, ptr {name}.place, align 8")

    def body(counter: str, _: list[str]) -> list[str]:
        outer.counting(step.counter, counter, step.body)
        return []

    def steps() -> None:
        w.loop("%begin", "%end", 1, [], body)

    if type(workspace.size) is int and not workspace.size:
        steps()
    else:
        w.declare("declare ptr @gx_alloc(ptr, i64)")
        w.declare("declare void @gx_free(ptr, ptr)")
        w.do(f"%own = call ptr @gx_alloc(ptr %ctx, i64 {workspace.size})")
        w.when(w.emit("icmp ne ptr %own, null"), steps)
        w.do("call void @gx_free(ptr %ctx, ptr %own)")
    w.do("ret void")
