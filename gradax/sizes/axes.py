"""The open axes of a program, and what has been decided about their sizes."""

from __future__ import annotations

from ast import literal_eval
from collections.abc import Mapping, Sequence
from typing import Any

from gradax.errors import at_user_line
from gradax.sizes.size import Size, escaped, str_of
from gradax.sizes.unknown import EXPECTED, LEAST, TYPICAL, Monomial, Unknown


class Stopped(BaseException):
    """A trace ends where a size is asked for that data decides; `program` is what it has so far."""

    program: Any = None


class Settled(BaseException):
    """What is traced holds for one size of an open axis only, or where it equals another: whoever
    opened the axis traces again, with that size in its place.
    """

    def __init__(self, axis: Unknown, same_as: Unknown | None = None) -> None:
        super().__init__(f"{axis.text}: {'fixed' if same_as is None else same_as.text}")
        self.axis, self.same_as = axis, same_as


class Guard:
    """A condition on the sizes of a call: `size` is zero, or not negative, or is not."""

    __slots__ = ("axes", "holds", "relation", "size", "where")

    def __init__(self, size: Size, relation: str, holds: bool, where: str) -> None:
        self.size, self.relation, self.holds, self.where = size, relation, holds, where
        self.axes = size.axes()

    def is_kept(self, values: Sequence[Any]) -> bool:
        """Tell whether the sizes of a call keep the guard."""
        n = self.size.at(values)
        return (n == 0 if self.relation == "==" else n >= 0) == self.holds

    def __str__(self) -> str:
        """Return the condition with what is added on the left, what is subtracted on the right."""
        owner, terms = self.size.owner, self.size.terms
        left = Size(owner, {m: c for m, c in terms.items() if c > 0})
        right = Size(owner, {m: -c for m, c in terms.items() if c < 0})
        relation = self.relation if self.holds else {"==": "!=", ">=": "<"}[self.relation]
        return f"{str_of(left)} {relation} {str_of(right)}"


def is_remainder(terms: Mapping[Monomial, int]) -> bool:
    """Tell whether a size is the remainder of a division, or a multiple of one."""
    monomials = list(terms)
    return len(monomials) == 1 and [u.kind for u in monomials[0]] == ["remainder"]


class OpenAxes:
    """The open axes of one program, and the guards that its sizes have met."""

    def __init__(self, expected: Sequence[int] = ()) -> None:
        self.axes: list[Unknown] = []
        # What sizes that data decides are in the call that is being traced, as far as it has run;
        # and those sizes. With `stops`, tracing stops at the first that is not known yet.
        self.expected, self.stops = expected, False
        self.counts: list[Any] = []
        # Counts that are fixed, by number.
        self.fixed: set[int] = set()
        self.guards: dict[tuple[Size, str], Guard] = {}
        # Whether the program is being traced or compiled; and what has been settled meanwhile.
        self.is_traced = True
        self.settled: Settled | None = None
        self._unknowns: dict[str, Unknown] = {}

    def open(self, name: str, value: int, what: str) -> Size:
        """Return the size of a new open axis that has `value` in the call at hand."""
        assert value >= LEAST
        axis = Unknown("axis", (), name, max(value, TYPICAL), value)
        axis.position, axis.what = len(self.axes), what
        self.axes.append(axis)
        return Size(self, {(axis,): 1})

    def open_by_data(self, what: str) -> Any:
        """Return a new size that is known only when a part of the program has run.

        It is a number where it is known to be 0 or 1 in the call at hand.
        """
        k = len(self.counts)
        value = self.expected[k] if k < len(self.expected) else EXPECTED
        if value < LEAST or k in self.fixed:
            self.counts.append(value)
            return value
        axis = Unknown("axis", (), f"n{k}", TYPICAL, value)
        axis.position, axis.what, axis.number = len(self.axes), what, k
        self.axes.append(axis)
        self.counts.append(Size(self, {(axis,): 1}))
        return self.counts[-1]

    def unknown(self, kind: str, x: Size, y: Size) -> Unknown:
        """Return a quotient or remainder, made once."""
        text = f"{x.operand_text()}{'//' if kind == 'quotient' else '%'}{y.operand_text()}"
        found = self._unknowns.get(text)
        if found is None:
            compute = int.__floordiv__ if kind == "quotient" else int.__mod__
            likely = compute(x.likely, max(y.likely, 1))
            found = self._unknowns[text] = Unknown(kind, (x, y), text, likely)
            self.limit(found, x, y)
        return found

    @staticmethod
    def limit(unknown: Unknown, x: Size, y: Size) -> None:
        """Note what is known of a quotient or remainder."""
        low, high = x.bounds()
        n = y.constant
        if n is not None and unknown.kind == "remainder":
            unknown.low, unknown.high = 0, n - 1
        elif n is not None:
            unknown.low = None if low is None else low // n
            unknown.high = None if high is None else high // n
        elif low is not None and low >= 0 and (y.bounds()[0] or 0) > 0:
            unknown.low = 0

    def decide(self, size: Size, relation: str) -> bool:
        """Tell whether a size is zero (or not negative); note a guard where that may change."""
        if size.constant is not None:
            return size.constant == 0 if relation == "==" else size.constant >= 0
        known = size.is_zero() if relation == "==" else size.is_nonnegative()
        if known is not None:
            return known
        if not self.is_traced:
            raise escaped(size)
        size = size.reduced(relation)
        found = self.guards.get((size, relation))
        if found is None:
            holds = size.value == 0 if relation == "==" else size.value >= 0
            if holds and relation == "==":
                self.settle(size)
            found = self.guards[size, relation] = Guard(size, relation, holds, at_user_line())
            self.learn(found)
        return found.holds

    def settle(self, size: Size) -> None:
        """Raise `Settled` where a size that is zero makes an axis fixed, or equal to another.

        That 2*(a//2) is a, or a%2 zero, fixes nothing.
        """
        terms = dict(size.terms)
        rest = terms.pop((), 0)
        single = [m[0] for m in terms if len(m) == 1 and m[0].kind == "axis"]
        plain = [axis for axis in single if axis.number < 0]
        if len(plain) == len(terms) == 2 and not rest and set(terms.values()) == {1, -1}:
            first, second = sorted(plain, key=lambda axis: axis.position)
            self.settled = Settled(second, first)
        elif (rest or len({c > 0 for c in terms.values()}) == 1) and not is_remainder(terms):
            self.settled = Settled(max(size.axes(), key=lambda axis: axis.position))
        else:
            return
        raise self.settled

    def learn(self, guard: Guard) -> None:
        """Narrow the range of an axis by what a guard says of it alone."""
        terms = dict(guard.size.terms)
        rest = terms.pop((), 0)
        if len(terms) != 1:
            return
        ((monomial, factor),) = terms.items()
        if len(monomial) != 1 or abs(factor) != 1:
            return
        axis = monomial[0]
        at = -rest * factor
        if guard.relation == "==":
            return
        if (factor > 0) == guard.holds:
            low = at if guard.holds else at + 1
            axis.low = low if axis.low is None else max(axis.low, low)
        else:
            high = at if guard.holds else at - 1
            axis.high = high if axis.high is None else min(axis.high, high)

    def state(self) -> str:
        """Return what identifies the axes and what is known of them."""
        axes = [(a.text, a.value, a.low, a.high) for a in self.axes]
        return f"{axes} {[str(guard) for guard in self.guards.values()]}"

    def encode(self, size: Any) -> str:
        """Return a size and all guards as a word, for `decode`."""
        guards = [(g.size.encoded(), g.relation, g.holds) for g in self.guards.values()]
        word = repr((size.encoded() if type(size) is Size else size, guards))
        return word.replace(" ", "")

    def decode(self, word: str) -> Any:
        """Add the guards that were encoded, and return the size."""
        size, guards = literal_eval(word)
        for parts, relation, holds in guards:
            guarded = self.decoded(parts)
            key = guarded, relation
            if key not in self.guards:
                self.guards[key] = Guard(guarded, relation, holds, "")
        return self.decoded(size) if isinstance(size, list) else size

    def decoded(self, parts: Sequence[Any]) -> Size:
        """Return the size that was encoded."""
        terms: dict[Monomial, int] = {}
        for factor, names in parts:
            unknowns = [
                self.axes[name]
                if isinstance(name, int)
                else self.unknown(name[0], self.decoded(name[1]), self.decoded(name[2]))
                for name in names
            ]
            terms[tuple(sorted(unknowns, key=lambda u: u.text))] = factor
        return Size(self, terms)

    def broken(self, values: Sequence[int | None]) -> Guard | None:
        """Return a guard that sizes do not keep, of those that ask for known sizes only."""
        for guard in list(self.guards.values()):
            known = all(values[axis.position] is not None for axis in guard.axes)
            if known and not guard.is_kept(values):
                return guard
        return None
