"""Split a space where conditions on its axes change, so that most points need not ask.

Pre:  scalars of a graph's maps.
Post: the pieces are disjoint boxes that cover the space, and compute the same values.
Cost: linear in the distinct scalars, and in the pieces, which are few.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from math import prod

from gradax.compiler.graph.rewrite import parts_of, rewrite
from gradax.compiler.schedule.affine import Form, linear
from gradax.compiler.schedule.ir import Buffer
from gradax.kernel import Apply, Const, Load, Scalar, const, index, load
from gradax.kernel.build import apply
from gradax.kernel.ir import BOOL, INT
from gradax.records import record
from gradax.sizes import likely

# Smaller spaces are done sooner than another kernel is begun.
LEAST_POINTS = 2048
MOST_PIECES = 12
MOST_CUTS = 8
ORDERED = {"ge": (0, 1, 0), "gt": (0, 1, -1), "le": (1, 0, 0), "lt": (1, 0, -1)}

Range = tuple[int, int]
Shape = tuple[int, ...]
Stores = Sequence[tuple[Buffer, Scalar, Scalar]]


@record
class Condition:
    """A comparison that holds where a linear form of the axes is at least 0."""

    node: Scalar
    coefficients: dict[int, int]
    constant: int

    def bounds(self, ranges: Sequence[Range], without: int = -1) -> Range:
        """Return the least and the largest value over a box; `without` one axis' term."""
        low = high = self.constant
        for axis, c in self.coefficients.items():
            if axis != without:
                begin, end = ranges[axis]
                ends = c * begin, c * (end - 1)
                low, high = low + min(ends), high + max(ends)
        return low, high

    def cuts(self, axis: int, ranges: Sequence[Range]) -> set[int]:
        """Return the positions inside an axis' range where the condition begins to be known."""
        c = self.coefficients.get(axis, 0)
        begin, end = ranges[axis]
        places: set[int] = set()
        if c:
            for value in self.bounds(ranges, axis):
                places.add(-(value // c) if c > 0 else value // -c + 1)
        return {p for p in places if begin < p < end}


@record
class Box:
    """The points from begin to end (exclusive) of each axis, and the values there."""

    ranges: tuple[Range, ...]
    values: tuple[Scalar, ...]

    @property
    def shape(self) -> Shape:
        """The extents."""
        return tuple(end - begin for begin, end in self.ranges)

    def simplified(self) -> Box:
        """Return the box without the conditions that are the same at all its points."""
        memo: dict[Scalar, Scalar] = {}
        for condition in conditions_of(self.values):
            low, high = condition.bounds(self.ranges)
            if low >= 0 or high < 0:
                memo[condition.node] = const(low >= 0, BOOL)
        if not memo:
            return self
        return Box(self.ranges, tuple(rewrite(v, resolved, memo=memo) for v in self.values))

    def moved(self, stores: Stores) -> Stores:
        """Return what is stored with the points counted from the box's begin."""
        axes = [apply("add", index(k), begin) for k, (begin, _) in enumerate(self.ranges)]
        memo: dict[Scalar, Scalar] = {}
        return [
            (
                buffer,
                rewrite(offset, resolved, axes, memo=memo),
                rewrite(value, resolved, axes, memo=memo),
            )
            for (buffer, offset, _), value in zip(stores, self.values, strict=True)
        ]


def split(shape: Shape, stores: Stores) -> list[tuple[Shape, Stores]]:
    """Return the pieces of a space with what is stored in each: (buffer, offset, value).

    There is one piece where splitting would not pay.
    """
    points = likely(prod(shape))
    values = tuple(value for _, _, value in stores)
    if points < LEAST_POINTS or not conditions_of(values):
        return [(shape, stores)]
    done: list[Box] = []
    waiting = [Box(tuple((0, n) for n in shape), values)]
    decided = 0
    while waiting:
        box = waiting.pop().simplified()
        conditions = conditions_of(box.values)
        parts = cut(box.ranges, conditions)
        if len(parts) > 1:
            waiting.extend(Box(ranges, box.values) for ranges in reversed(parts))
        else:
            done.append(box)
            decided += 0 if conditions else likely(prod(box.shape))
        if len(done) + len(waiting) > MOST_PIECES:
            return [(shape, stores)]
    if 2 * decided < points:
        return [(shape, stores)]
    return [(box.shape, box.moved(stores)) for box in done]


def cut(ranges: tuple[Range, ...], conditions: Sequence[Condition]) -> list[tuple[Range, ...]]:
    """Return the parts of a box, cut along the first axis where that decides something."""
    for axis, (begin, end) in enumerate(ranges):
        places: set[int] = set()
        for condition in conditions:
            places |= condition.cuts(axis, ranges)
        if 0 < len(places) <= MOST_CUTS:
            edges = [begin, *sorted(places), end]
            return [(*ranges[:axis], (a, b), *ranges[axis + 1 :]) for a, b in pairwise(edges)]
    return [ranges]


def conditions_of(roots: Iterable[Scalar]) -> list[Condition]:
    """Return the comparisons under some scalars that are linear in the axes alone."""
    found: list[Condition] = []
    memo: dict[Scalar, Form] = {}
    seen: set[Scalar] = set()
    stack = list(roots)
    while stack:
        node = stack.pop()
        if node in seen:
            continue
        seen.add(node)
        stack.extend(parts_of(node))
        if isinstance(node, Apply) and node.fn in ORDERED and node.args[0].dtype == INT:
            condition = condition_of(node, memo)
            if condition is not None:
                found.append(condition)
    return found


def condition_of(node: Apply, memo: dict[Scalar, Form]) -> Condition | None:
    """Return a comparison as a linear form, None when it is not linear or on no axis."""
    first, second, constant = ORDERED[node.fn]
    x, y = (linear(node.args[k], memo) for k in (first, second))
    if not isinstance(x.rest, Const) or not isinstance(y.rest, Const):
        return None
    coefficients = dict(x.coefficients)
    for axis, c in y.coefficients.items():
        coefficients[axis] = coefficients.get(axis, 0) - c
    coefficients = {axis: c for axis, c in coefficients.items() if c}
    if not coefficients:
        return None
    return Condition(node, coefficients, x.rest.value - y.rest.value + constant)


def resolved(node: Load, indices: tuple[Scalar, ...], guard: Scalar | None) -> Scalar | None:
    """Drop a guard that is known: the load, or the zero in its place."""
    if not isinstance(guard, Const):
        return None
    return load(node.source, indices) if guard.value else const(0, node.dtype)
