"""The stages of a jitted function, for those who look inside: traced, lowered, compiled."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from gradax import tree
from gradax.api.compiling import compiler
from gradax.api.shapes import describe
from gradax.core.jaxpr import ClosedJaxpr, Jaxpr
from gradax.core.value import as_value, aval_of
from gradax.errors import ArgumentError, ArgumentTypeError, ShapeError, at_user_line
from gradax.native import get_trace
from gradax.records import record

if TYPE_CHECKING:
    from gradax.api.programs import TracedProgram


CompilerOptions = dict[str, str | bool]


@record
class ArgInfo:
    """What a stage knows of one argument."""

    shape: tuple[int, ...]
    dtype: Any
    donated: bool


@runtime_checkable
class Wrapped(Protocol):
    """What `jit` returns: a function that can be traced and lowered without being called."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any: ...

    def trace(self, *args: Any, **kwargs: Any) -> Traced:
        """Trace for these arguments."""
        ...

    def lower(self, *args: Any, **kwargs: Any) -> Lowered:
        """Trace for these arguments, and return what can be compiled."""
        ...

    def eval_shape(self, *args: Any, **kwargs: Any) -> Any:
        """Return the shapes and dtypes of the result."""
        ...


class Stage:
    """What all stages have: the program's trees and types."""

    def __init__(self, program: TracedProgram) -> None:
        self._program = program

    @property
    def in_tree(self) -> Any:
        """The structure of (args, kwargs), without static arguments."""
        return self._program.in_tree

    @property
    def out_tree(self) -> Any:
        """The structure of the result."""
        return self._program.out_tree

    @property
    def in_avals(self) -> Any:
        """The tree of the arguments' avals."""
        return tree.unflatten(self.in_tree, self._program.closed.in_avals)

    @property
    def args_info(self) -> Any:
        """The tree of what is known of the arguments: shape, dtype, donated."""
        donated = self._program.donated
        found = [
            ArgInfo(a.shape, a.dtype, k in donated)
            for k, a in enumerate(self._program.closed.in_avals)
        ]
        return tree.unflatten(self.in_tree, found)

    @property
    def out_info(self) -> Any:
        """The tree of the result's ShapeDtypeStructs."""
        return tree.unflatten(self.out_tree, map(describe, self._program.closed.out_avals))

    @property
    def fun_name(self) -> str:
        """The function's name."""
        return self._program.name

    @property
    def donate_argnums(self) -> tuple[int, ...]:
        """The flat inputs whose memory may be reused."""
        return self._program.donated


class Traced(Stage):
    """A function traced to a jaxpr."""

    @property
    def jaxpr(self) -> ClosedJaxpr:
        """The program."""
        return self._program.closed

    def lower(self, **kwargs: Any) -> Lowered:
        """Return the stage from which the program is compiled."""
        return Lowered(self._program)


class Lowered(Stage):
    """A program that is ready to be compiled."""

    def as_text(self, dialect: str | None = None, *, debug_info: bool = False) -> str:
        """Return the program's text: dialect jaxpr (None too), graph, schedule, llvm or asm.

        Errors: ValueError for another dialect.
        """
        return program_text(self._program, dialect)

    def compile(self, compiler_options: Any = None) -> Compiled:
        """Compile the program."""
        del compiler_options
        assert self._program.compiled.executable is not None
        return Compiled(self._program)

    def cost_analysis(self) -> dict[str, float]:
        """Return estimates of the work: flops and bytes accessed."""
        return analyze_cost(self._program)


class Compiled(Stage):
    """A compiled program, called with arguments of its one signature."""

    def as_text(self, dialect: str | None = "llvm") -> str:
        """Return the program's text: dialect llvm (None too), asm, schedule, graph or jaxpr."""
        return program_text(self._program, dialect or "llvm")

    def cost_analysis(self) -> dict[str, float]:
        """Return estimates of the work: flops and bytes accessed."""
        return analyze_cost(self._program)

    def memory_analysis(self) -> MemoryAnalysis:
        """Return the bytes that a call takes."""
        return MemoryAnalysis(self._program)

    def runtime_executable(self) -> Any:
        """Return the native executable."""
        return self._program.compiled.executable

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if get_trace() is not None:
            raise ArgumentTypeError(
                f"A compiled program ({self.fun_name}) cannot be transformed or traced."
                f"{at_user_line()}\nCall the jitted function itself there."
            )
        leaves, in_tree = tree.flatten((args, kwargs))
        if in_tree != self.in_tree:
            raise ArgumentError(
                f"The compiled {self.fun_name} takes arguments of the tree {self.in_tree}; got"
                f" {in_tree}.{at_user_line()}"
            )
        check_types(self.fun_name, self._program.closed.in_avals, leaves)
        return tree.unflatten(self.out_tree, self._program.compiled.call([*map(as_value, leaves)]))


class MemoryAnalysis:
    """Bytes of the arguments, the results and the temporaries of a compiled program."""

    def __init__(self, program: TracedProgram) -> None:
        self.argument_size_in_bytes = sum(a.nbytes for a in program.closed.in_avals)
        self.output_size_in_bytes = sum(a.nbytes for a in program.closed.out_avals)
        self.temp_size_in_bytes = int(getattr(program.compiled.executable, "arena_bytes", 0))
        avals = program.closed.in_avals
        self.alias_size_in_bytes = sum(avals[i].nbytes for i in program.donated)
        self.generated_code_size_in_bytes = 0

    def __repr__(self) -> str:
        return f"MemoryAnalysis({', '.join(f'{k}={v}' for k, v in vars(self).items())})"


def check_types(name: str, avals: Sequence[Any], leaves: Sequence[Any]) -> None:
    """Raise where an argument is not of the type that a program was compiled for."""
    for k, (want, x) in enumerate(zip(avals, leaves, strict=True)):
        got = aval_of(x)
        if (got.shape, got.dtype) != (want.shape, want.dtype):
            raise ShapeError(
                f"The compiled {name} takes {want} as input {k}; got {got}.{at_user_line()}"
            )


def analyze_cost(program: TracedProgram) -> dict[str, float]:
    """Count the elements that equations compute and the bytes they read and write."""
    flops = sum(float(v.aval.size) for eqn in program.closed.eqns for v in eqn.outvars)
    moved = sum(
        float(a.aval.nbytes) for eqn in program.closed.eqns for a in (*eqn.invars, *eqn.outvars)
    )
    return {"flops": flops, "bytes accessed": moved}


def program_text(program: TracedProgram, level: str | None) -> str:
    """Return a program's text at a level of the compiler."""
    levels = ("jaxpr", "graph", "schedule", "llvm", "asm")
    if level is None or level == "jaxpr":
        return str(program.closed)
    if level not in levels:
        raise ArgumentError(
            f"as_text: expected a dialect of {', '.join(levels)}; got {level!r}.{at_user_line()}"
        )
    reduced = program.compiled.reduced
    jaxpr = Jaxpr((), (*reduced.invars, *reduced.constvars), reduced.eqns, reduced.outvars)
    pipeline = importlib.import_module("gradax.compiler.pipeline")
    return pipeline.program_text(jaxpr, compiler().default_options(), level)
