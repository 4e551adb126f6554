"""Flat offsets as linear forms: coefficients of the axes plus what is not linear in any."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from gradax.compiler.graph.rewrite import reapply
from gradax.compiler.schedule.ir import slot_of
from gradax.kernel import Apply, Const, Index, Load, Scalar, const, index, load
from gradax.kernel.build import apply
from gradax.kernel.ir import INT
from gradax.records import record


@record
class Form:
    """`sum(coefficient[axis] * index(axis)) + rest`; `rest.axes` are those that are not linear."""

    coefficients: dict[int, int]
    rest: Scalar

    def at(self, axis: int) -> int | None:
        """Return the coefficient of an axis; None when the offset is not linear in it."""
        return None if self.rest.axes >> axis & 1 else self.coefficients.get(axis, 0)


def linear(root: Scalar, memo: dict[Scalar, Form]) -> Form:
    """Return the linear form of an offset; `memo` remembers those that are known."""
    found = memo.get(root)
    if found is not None:
        return found
    stack = [root]
    while stack:
        node = stack[-1]
        pending = [a for a in linear_parts(node) if a not in memo]
        if pending:
            stack.extend(pending)
            continue
        stack.pop()
        memo[node] = form_of(node, memo)
    return memo[root]


def linear_parts(node: Scalar) -> tuple[Scalar, ...]:
    """Return the parts of a scalar whose forms give its own."""
    if isinstance(node, Apply) and node.dtype == INT:
        if node.fn in ("add", "sub"):
            return node.args
        if node.fn == "mul" and isinstance(node.args[1], Const):
            return node.args[:1]
    return ()


def form_of(node: Scalar, memo: dict[Scalar, Form]) -> Form:
    """Return the form of a scalar, given those of its parts."""
    zero = const(0, INT)
    if isinstance(node, Index):
        return Form({node.axis: 1}, zero)
    parts = linear_parts(node)
    if not parts:
        return Form({}, node)
    assert isinstance(node, Apply)
    x = memo[parts[0]]
    if node.fn == "mul":
        factor = node.args[1]
        assert isinstance(factor, Const)
        scaled = {axis: c * factor.value for axis, c in x.coefficients.items()}
        return cancelled(scaled, apply("mul", x.rest, factor))
    sign = 1 if node.fn == "add" else -1
    coefficients, y = dict(x.coefficients), memo[parts[1]]
    for axis, c in y.coefficients.items():
        coefficients[axis] = coefficients.get(axis, 0) + sign * c
    return cancelled(coefficients, apply(node.fn, x.rest, y.rest))


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
        self.memo: dict[Scalar, Form] = {}
        self.forms: list[Form] = []
        self.loads: list[tuple[Load, Form]] = []
        self.rigid = 0
        self._seen: set[Scalar] = set()
        self.stores = [self.add_offset(offset) for offset in offsets]
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
            if node in self._seen:
                continue
            self._seen.add(node)
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
    negative = ((a, c) for a, c in form.coefficients.items() if c < 0)
    return form.rest.value + sum(c * (extents[a] - 1) for a, c in negative)


class Target:
    """What scalars are rewritten to: the new axes, the order of offsets' terms, slots' shifts."""

    __slots__ = ("axes", "forms", "memo", "order", "shifts")

    def __init__(
        self,
        order: Sequence[int],
        axes: Sequence[Scalar],
        forms: dict[Scalar, Form],
        shifts: dict[int, int],
    ) -> None:
        self.order, self.axes, self.forms, self.shifts = order, axes, forms, shifts
        self.memo: dict[Scalar, Scalar] = {}


def substitute(root: Scalar, to: Target) -> Scalar:
    """Rebuild a scalar with each `Index(k)` as `axes[k]` and offsets in canonical order."""
    memo, stack = to.memo, [root]
    while stack:
        node = stack[-1]
        if node in memo:
            stack.pop()
            continue
        parts = node.args if isinstance(node, Apply) else ()
        if isinstance(node, Load):
            rest = linear(node.indices[0], to.forms).rest
            parts = (rest,) if node.guard is None else (rest, node.guard)
        pending = [p for p in parts if p not in memo]
        if pending:
            stack.extend(pending)
            continue
        stack.pop()
        memo[node] = rebuilt(node, to)
    return memo[root]


def rebuilt(node: Scalar, to: Target) -> Scalar:
    """Rebuild a node whose parts have been."""
    if isinstance(node, Index):
        return to.axes[node.axis]
    if isinstance(node, Load):
        offset = moved_offset(linear(node.indices[0], to.forms), to, slot_of(node))
        guard = None if node.guard is None else to.memo[node.guard]
        return load(node.source, (offset,), guard)
    if isinstance(node, Apply):
        args = tuple([to.memo[a] for a in node.args])
        return node if args == node.args else reapply(node, args)
    return node


def moved_offset(form: Form, to: Target, slot: int) -> Scalar:
    """Return a form on the new axes, in canonical order, less its slot's shift."""
    coefficients: dict[int, int] = {}
    for axis, c in form.coefficients.items():
        new = to.axes[axis]
        if isinstance(new, Index):
            coefficients[new.axis] = coefficients.get(new.axis, 0) + c
    rest = to.memo.get(form.rest, form.rest)
    shift = to.shifts.get(slot, 0)
    return offset_of(Form(coefficients, apply("sub", rest, shift) if shift else rest), to.order)
