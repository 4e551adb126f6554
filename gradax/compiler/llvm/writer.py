"""Writing LLVM functions as text: names, blocks, loops with carried values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np

from gradax.sizes import Size, Unknown, escaped, registers

# Where the runtime's context holds the address of the open axes' sizes.
SIZES_OFFSET = 16

_NAMES = {
    "bool": "i1", "float16": "half", "bfloat16": "i16", "float32": "float", "float64": "double",
}  # fmt: skip


@cache
def scalar_type(dtype: np.dtype[Any]) -> str:
    """Return the LLVM type of a value of `dtype` in a register; a bfloat16 is its bits."""
    name = _NAMES.get(dtype.name)
    return name if name is not None else f"i{dtype.itemsize * 8}"


def memory_type(dtype: np.dtype[Any]) -> str:
    """Return the LLVM type of a value of `dtype` in memory: a bool is a byte."""
    return "i8" if dtype == np.bool_ else scalar_type(dtype)


def vector(lanes: int, of: str) -> str:
    """Return the vector type, or the type itself for one lane."""
    return f"<{lanes} x {of}>" if lanes > 1 else of


class Writer:
    """The text of one function that is being written."""

    def __init__(self, header: str, gathers: bool = True) -> None:
        self.header, self.gathers = header, gathers
        self.entry: list[str] = []
        self.lines: list[str] = []
        self.n_names = 0
        self.block = "entry"
        self.declared: set[str] = set()
        self.called: set[tuple[str, np.dtype[Any], int]] = set()

    def name(self) -> str:
        """Return a new register name."""
        self.n_names += 1
        return f"%v{self.n_names}"

    def emit(self, text: str) -> str:
        """Write an instruction with a result; return its register."""
        name = self.name()
        self.lines.append(f"  {name} = {text}")
        return name

    def do(self, text: str) -> None:
        """Write an instruction without a result."""
        self.lines.append(f"  {text}")

    def stack(self, type_: str, alignment: int = 64) -> str:
        """Reserve stack memory for the whole function."""
        name = self.name()
        self.entry.append(f"  {name} = alloca {type_}, align {alignment}")
        return name

    def label(self) -> str:
        """Return a new block name."""
        self.n_names += 1
        return f"b{self.n_names}"

    def start(self, label: str) -> None:
        """Begin a block."""
        self.lines.append(f"{label}:")
        self.block = label

    def jump(self, label: str) -> None:
        """End the block with a jump."""
        self.do(f"br label %{label}")

    def branch(self, condition: str, yes: str, no: str) -> None:
        """End the block with a conditional jump."""
        self.do(f"br i1 {condition}, label %{yes}, label %{no}")

    def loop(
        self,
        begin: str,
        end: str,
        step: int,
        carried: Sequence[tuple[str, str]],
        body: Callable[[str, list[str]], Sequence[str]],
    ) -> list[str]:
        """Write a loop from begin to end (exclusive), upwards; return the carried values after it.

        `carried` are (type, initial value); `body` gets the counter and the values and returns the
        next values. An empty loop is not written.
        """
        if begin == end:
            return [first for _, first in carried]
        before, head, inside, after = self.block, self.label(), self.label(), self.label()
        self.jump(head)
        self.start(head)
        counter, following = self.name(), self.name()
        values = [self.name() for _ in carried]
        at = len(self.lines)
        self.lines.append("")
        go_on = self.emit(f"icmp slt i64 {counter}, {end}")
        self.branch(go_on, inside, after)
        self.start(inside)
        next_values = list(body(counter, values))
        self.lines.append(f"  {following} = add nsw i64 {counter}, {step}")
        latch = self.block
        self.jump(head)
        phis = [f"  {counter} = phi i64 [ {begin}, %{before} ], [ {following}, %{latch} ]"]
        for name, (type_, first), new in zip(values, carried, next_values, strict=True):
            phis.append(f"  {name} = phi {type_} [ {first}, %{before} ], [ {new}, %{latch} ]")
        self.lines[at] = "\n".join(phis)
        self.start(after)
        return values

    def when(self, condition: str, body: Callable[[], None]) -> None:
        """Write a block that runs where the condition holds."""
        inside, after = self.label(), self.label()
        self.branch(condition, inside, after)
        self.start(inside)
        body()
        self.jump(after)
        self.start(after)

    def declare(self, declaration: str) -> None:
        """Declare a function or intrinsic that this function calls."""
        self.declared.add(declaration)

    def intrinsic(self, name: str, result: str, args: Sequence[tuple[str, str]]) -> str:
        """Write a call of an intrinsic and return its result."""
        self.declare(f"declare {result} @{name}({', '.join(t for t, _ in args)})")
        return self.emit(f"call {result} @{name}({', '.join(f'{t} {v}' for t, v in args)})")

    def text(self) -> str:
        """Return the function's text."""
        sizes = size_lines([*self.entry, *self.lines])
        return "\n".join([self.header + " {", "entry:", *sizes, *self.entry, *self.lines, "}", ""])


def size_lines(lines: Sequence[str]) -> list[str]:
    """Return the instructions that compute the sizes of open axes that a text names."""
    table = registers()
    used = [] if table is None else table.used_in(lines)
    for _, size in used:
        if not size.owner.is_traced:
            raise escaped(size)
    return SizeWriter().write(used) if used else []


class SizeWriter:
    """Writes sizes as arithmetic on those of the open axes, which the call's context holds."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.known: dict[Unknown, str] = {}
        self.add(f"%sizes.place = getelementptr i8, ptr %ctx, i64 {SIZES_OFFSET}")
        self.add("%sizes = load ptr, ptr %sizes.place, align 8")

    def write(self, used: Sequence[tuple[str, Size]]) -> list[str]:
        """Return the instructions that give registers their sizes."""
        for name, size in used:
            self.add(f"{name} = add i64 {self.value(size)}, 0")
        return self.lines

    def add(self, text: str) -> None:
        """Add an instruction."""
        self.lines.append(f"  {text}")

    def emit(self, text: str) -> str:
        """Add an instruction with a result; return its register."""
        name = f"%sizes.{len(self.lines)}"
        self.add(f"{name} = {text}")
        return name

    def value(self, size: Size) -> str:
        """Return the register of a size."""
        total = str(size.terms.get((), 0))
        for monomial, factor in size.terms.items():
            if not monomial:
                continue
            term = self.unknown(monomial[0])
            for unknown in monomial[1:]:
                term = self.emit(f"mul i64 {self.unknown(unknown)}, {term}")
            term = term if factor == 1 else self.emit(f"mul i64 {term}, {factor}")
            total = term if total == "0" else self.emit(f"add i64 {term}, {total}")
        return total

    def unknown(self, unknown: Unknown) -> str:
        """Return the register of an open axis, a quotient or a remainder."""
        found = self.known.get(unknown)
        if found is None:
            found = self.known[unknown] = (
                self.axis(unknown.position) if unknown.kind == "axis" else self.divided(unknown)
            )
        return found

    def axis(self, position: int) -> str:
        """Read the size of an open axis."""
        place = self.emit(f"getelementptr i64, ptr %sizes, i64 {position}")
        return self.emit(f"load i64, ptr {place}, align 8")

    def divided(self, unknown: Unknown) -> str:
        """Divide, rounding down; by zero gives zero."""
        x, y = map(self.value, unknown.parts)
        least = unknown.parts[0].bounds()[0]
        if least is not None and least >= 0 and (unknown.parts[1].constant or 0) > 0:
            return self.emit(f"{'udiv' if unknown.kind == 'quotient' else 'urem'} i64 {x}, {y}")
        is_zero = self.emit(f"icmp eq i64 {y}, 0")
        safe = self.emit(f"select i1 {is_zero}, i64 1, i64 {y}")
        quotient = self.emit(f"sdiv i64 {x}, {safe}")
        rest = self.emit(f"srem i64 {x}, {safe}")
        signs = self.emit(f"xor i64 {rest}, {safe}")
        opposite = self.emit(f"icmp slt i64 {signs}, 0")
        inexact = self.emit(f"icmp ne i64 {rest}, 0")
        below = self.emit(f"and i1 {opposite}, {inexact}")
        if unknown.kind == "quotient":
            less = self.emit(f"sub i64 {quotient}, 1")
            return self.emit(f"select i1 {below}, i64 {less}, i64 {quotient}")
        more = self.emit(f"add i64 {rest}, {safe}")
        return self.emit(f"select i1 {below}, i64 {more}, i64 {rest}")
