"""The function `rare`: a branch around what few elements need.

The values that only the unusual side needs (its arm) are written in a block of their own, which
runs when some lane's condition holds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from gradax.compiler.llvm.writer import Writer, scalar_type, vector
from gradax.kernel import Apply, Const, Scalar

Parts = Callable[[Scalar], tuple[Scalar, ...]]


def is_rare(node: Scalar) -> bool:
    """Tell whether a value is a choice with a branch."""
    return isinstance(node, Apply) and node.fn == "rare"


class Arms:
    """Which values belong to arms, and what the arms need from outside."""

    def __init__(self, roots: Iterable[Scalar], parts: Parts) -> None:
        self.parts = parts
        self.outside = self.reached(roots)
        self.arms: dict[Scalar, list[Scalar]] = {}
        self.needs: dict[Scalar, tuple[Scalar, ...]] = {}

    def reached(self, roots: Iterable[Scalar]) -> set[Scalar]:
        """Return the values reached from the roots without entering an arm."""
        seen: set[Scalar] = set()
        stack = list(roots)
        while stack:
            node = stack.pop()
            if node in seen:
                continue
            seen.add(node)
            stack.extend(self.parts_outside(node))
        return seen

    def parts_outside(self, node: Scalar) -> tuple[Scalar, ...]:
        """Return the parts of a value without its arm."""
        parts = self.parts(node)
        return (parts[0], parts[2]) if is_rare(node) else parts

    def parts_before(self, node: Scalar) -> tuple[Scalar, ...]:
        """Return the values to write before a value: of a rare one also what its arm needs."""
        if not is_rare(node):
            return self.parts(node)
        if node not in self.needs:
            self.collect(node)
        return (*self.parts_outside(node), *self.needs[node])

    def collect(self, node: Scalar) -> None:
        """Order the arm of a rare value, its parts first, and note what it needs from outside."""
        arm: list[Scalar] = []
        needs: list[Scalar] = []
        seen: set[Scalar] = set()
        stack: list[tuple[Scalar, bool]] = [(self.parts(node)[1], False)]
        while stack:
            part, ready = stack.pop()
            if ready:
                arm.append(part)
                continue
            if part in seen or isinstance(part, Const):
                continue
            seen.add(part)
            if part in self.outside:
                needs.append(part)
                continue
            stack.append((part, True))
            # A rare value inside an arm is computed like a select: the arm is rare already.
            stack.extend((p, False) for p in self.parts(part))
        self.arms[node], self.needs[node] = arm, tuple(needs)


def write_rare(
    w: Writer, node: Apply, lanes: int, condition: str, usual: str, unusual: Callable[[], str]
) -> str:
    """Write the branch; `unusual` writes the arm and returns its value."""
    type_, mask = vector(lanes, scalar_type(node.dtype)), vector(lanes, "i1")
    some = condition
    if lanes > 1:
        word = w.emit(f"bitcast {mask} {condition} to i{lanes}")
        some = w.emit(f"icmp ne i{lanes} {word}, 0")
    before, inside, after = w.block, w.label(), w.label()
    w.branch(some, inside, after)
    w.start(inside)
    value = unusual()
    joined = w.emit(f"select {mask} {condition}, {type_} {value}, {type_} {usual}")
    end = w.block
    w.jump(after)
    w.start(after)
    return w.emit(f"phi {type_} [ {usual}, %{before} ], [ {joined}, %{end} ]")
