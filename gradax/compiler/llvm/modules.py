"""Write a module: its functions, their kernels, what they call of the runtime."""

from __future__ import annotations

from collections.abc import Iterable

from gradax.compiler.llvm.called import function_texts
from gradax.compiler.llvm.functions import FunctionWriter, KernelTable
from gradax.compiler.options import Options
from gradax.compiler.schedule.ir import CallLibrary, Function, all_steps
from gradax.records import record

ENTRY = "entry"


@record
class ModuleText:
    """A module's text."""

    text: str


def write_module(functions: Iterable[Function], options: Options) -> ModuleText:
    """Return the module of functions; the last is the entry.

    Pre:  the functions' arenas are planned.
    Post: LLVM's verifier accepts the text; it depends on nothing but the schedule and the options.
    """
    kernels = KernelTable(options)
    functions = list(functions)
    functions[-1].name = ENTRY
    texts: list[str] = []
    for function in functions:
        writer = FunctionWriter(function, kernels, internal=function is not functions[-1])
        texts.append(writer.write())
    for needed in kernels.called:
        kernels.declared.update(function_texts(*needed))
    width = options.vector_bytes * 8
    parts = [
        "@zeros = internal constant [64 x i8] zeroinitializer, align 64",
        *sorted(kernels.declared),
        *kernels.texts,
        *texts,
        f'attributes #0 = {{ nounwind "min-legal-vector-width"="{width}"'
        f' "prefer-vector-width"="{width}" "no-trapping-math"="true" }}',
    ]
    return ModuleText("\n".join(parts) + "\n")


def libraries_of(functions: Iterable[Function]) -> set[str]:
    """Return the names of the library kernels that functions call."""
    steps = (step for function in functions for step in all_steps(function.steps))
    return {step.name for step in steps if isinstance(step, CallLibrary)}
