"""Flat offsets as linear forms: coefficients of the axes plus what is not linear in any."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from gradax.compiler.graph.rewrite import reapply
from gradax.kernel import Apply, Const, Index, Load, Scalar, const, index, load
from gradax.compiler.schedule.ir import slot_of
from gradax.kernel.build import apply
from gradax.kernel.ir import INT


@dataclass(frozen=True)
class Form:
    """`sum(coefficient[axis] * index(axis)) + rest`; `rest.axes` are those that are not linear."""

    coefficients: dict[int, int]
    rest: Scalar

    def at(self, axis: int) -> int | None:
        """Return the coefficient of an axis; None when the offset is not linear in it."""
        return None if self.rest.axes >> axis & 1 else self.coefficients.get(axis, 0)


def linear(node: Scalar, memo: dict[int, Form] | None = None) -> Form:
    """Return the linear form of an offset."""
    memo = {} if memo is None else memo
    found = memo.get(id(node))
    if found is None:
        found = memo[id(node)] = _linear(node, memo)
    return found


def _linear(node: Scalar, memo: dict[int, Form]) -> Form:
    zero = const(0, INT)
    if isinstance(node, Index):
        return Form({node.axis: 1}, zero)
    if isinstance(node, Apply) and node.dtype == INT:
        if node.fn in ("add", "sub"):
            x, y = (linear(a, memo) for a in node.args)
            sign = 1 if node.fn == "add" else -1
            coefficients = dict(x.coefficients)
            for axis, c in y.coefficients.items():
                coefficients[axis] = coefficients.get(axis, 0) + sign * c
            return cancelled(coefficients, apply(node.fn, x.rest, y.rest))
        if node.fn == "mul" and isinstance(node.args[1], Const):
            k = node.args[1].value
            x = linear(node.args[0], memo)
            scaled = {axis: c * k for axis, c in x.coefficients.items()}
            return cancelled(scaled, apply("mul", x.rest, k))
    return Form({}, node)


def cancelled(coefficients: dict[int, int], rest: Scalar) -> Form:
    """Drop axes whose terms cancel."""
    return Form({a: c for a, c in coefficients.items() if c}, rest)


def offset_of(form: Form, order: Sequence[int]) -> Scalar:
    """Return a form as a scalar whose terms are added from the outermost axis inwards."""
    total = form.rest
    for axis in order:
        c = form.coefficients.get(axis, 0)
        if c:
            total = apply("add", total, apply("mul", index(axis), c))
    return total


class Accesses:
    """The offsets of all loads under some scalars, and the axes that are used in other ways."""

    def __init__(self, roots: Iterable[Scalar | None], offsets: Iterable[Scalar]) -> None:
        self.memo: dict[int, Form] = {}
        self.forms: list[Form] = []
        self.loads: list[tuple[Load, Form]] = []
        self.rigid = 0
        self._seen: set[int] = set()
        for offset in offsets:
            self.add_offset(offset)
        for root in roots:
            if root is not None:
                self.visit(root)

    def add_offset(self, offset: Scalar) -> Form:
        """Record an offset; visit what is not linear in it."""
        form = linear(offset, self.memo)
        self.forms.append(form)
        if form.rest.axes:
            self.visit(form.rest)
        else:
            self.visit_uniform(form.rest)
        return form

    def visit_uniform(self, node: Scalar) -> None:
        """Visit a scalar that depends on no axis (it may load)."""
        if not isinstance(node, Const):
            self.visit(node)

    def visit(self, root: Scalar) -> None:
        """Record the loads under a scalar, and the axes that it uses outside offsets."""
        stack = [root]
        while stack:
            node = stack.pop()
            if id(node) in self._seen:
                continue
            self._seen.add(id(node))
            if isinstance(node, Index):
                self.rigid |= 1 << node.axis
            elif isinstance(node, Load):
                self.loads.append((node, self.add_offset(node.indices[0])))
                if node.guard is not None:
                    stack.append(node.guard)
            elif isinstance(node, Apply):
                stack.extend(node.args)


def least(form: Form, extents: Sequence[int]) -> int:
    """Return the least value of an offset over a space, 0 where that is not known."""
    if not isinstance(form.rest, Const):
        return 0
    return form.rest.value + sum(c * (extents[a] - 1) for a, c in form.coefficients.items() if c < 0)


class Target:
    """What scalars are rewritten to: the new axes, the order of offsets' terms, slots' shifts."""

    __slots__ = ("axes", "forms", "memo", "order", "shifts")

    def __init__(
        self,
        order: Sequence[int],
        axes: Sequence[Scalar],
        forms: dict[int, Form],
        shifts: dict[int, int],
    ) -> None:
        self.order, self.axes, self.forms, self.shifts = order, axes, forms, shifts
        self.memo: dict[int, Scalar] = {}


def substitute(root: Scalar, to: Target) -> Scalar:
    """Rebuild a scalar with each `Index(k)` as `axes[k]` and offsets in canonical order."""
    memo = to.memo
    stack: list[tuple[Scalar, bool]] = [(root, False)]
    while stack:
        node, ready = stack.pop()
        if id(node) in memo:
            continue
        parts = node.args if isinstance(node, Apply) else ()
        if isinstance(node, Load):
            rest = linear(node.indices[0], to.forms).rest
            parts = (rest,) if node.guard is None else (rest, node.guard)
        if not ready and any(id(p) not in memo for p in parts):
            stack.append((node, True))
            stack.extend((p, False) for p in parts)
            continue
        memo[id(node)] = rebuilt(node, to)
    return memo[id(root)]


def rebuilt(node: Scalar, to: Target) -> Scalar:
    """Rebuild a node whose parts have been."""
    if isinstance(node, Index):
        return to.axes[node.axis]
    if isinstance(node, Load):
        offset = moved_offset(linear(node.indices[0], to.forms), to, slot_of(node))
        guard = None if node.guard is None else to.memo[id(node.guard)]
        return load(node.source, (offset,), guard)
    if isinstance(node, Apply):
        args = tuple(to.memo[id(a)] for a in node.args)
        return node if args == node.args else reapply(node, args)
    return node


def moved_offset(form: Form, to: Target, slot: int) -> Scalar:
    """Return a form on the new axes, in canonical order, less its slot's shift."""
    coefficients: dict[int, int] = {}
    for axis, c in form.coefficients.items():
        new = to.axes[axis]
        if isinstance(new, Index):
            coefficients[new.axis] = coefficients.get(new.axis, 0) + c
    rest = to.memo.get(id(form.rest), form.rest)
    shift = to.shifts.get(slot, 0)
    return offset_of(Form(coefficients, apply("sub", rest, shift) if shift else rest), to.order)
