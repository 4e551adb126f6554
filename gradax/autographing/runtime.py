"""What converted code calls: each decides, when it runs, between Python and staging.

A condition is decided by Python wherever its value is known: Python's own values, arrays outside of
traces, and arrays that are constant in one.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from gradax import tree
from gradax.autographing.branches import choose_value, stage_if, truth
from gradax.autographing.loops import guarded, run_scan, run_while
from gradax.autographing.ranges import TracedRange
from gradax.autographing.shortcuts import both, shortcut
from gradax.autographing.sites import Site
from gradax.autographing.source import refused
from gradax.autographing.values import State, is_absent, is_traced
from gradax.core.tracer import Tracer
from gradax.lax.bits import Not
from gradax.native import Array

# Fewer steps over a range are written one after the other, as JAX does for all.
LEAST_STEPS = 64

COMPARISONS: dict[str, Callable[[Any, Any], Any]] = {
    name: getattr(operator, name) for name in ("eq", "ne", "lt", "le", "gt", "ge", "is_", "is_not")
}
COMPARISONS["in"] = lambda a, b: a in b
COMPARISONS["not in"] = lambda a, b: a not in b

Thunk = Callable[[], Any]
Shown = Callable[[], Any] | None


class Runtime:
    """The control flow of one converted function."""

    def __init__(self, sites: Sequence[Site]) -> None:
        self.sites = sites

    def if_(self, site: int, test: Any, then: Thunk, otherwise: Thunk, *shown: Shown) -> None:
        """Run one of two branches."""
        if is_traced(test):
            stage_if(self.sites[site], shown, test, then, otherwise)
        elif test:
            then()
        else:
            otherwise()

    def while_(self, site: int, test: Thunk, body: Thunk, *shown: Shown) -> None:
        """Run a body while a test holds."""
        while True:
            found = test()
            if is_traced(found):
                break
            if not found:
                return
            body()

        def step(_: Sequence[Any]) -> Sequence[Any]:
            body()
            return ()

        run_while(State(self.sites[site], shown), (), lambda _: test(), step)

    def for_(
        self, site: int, items: Any, go_on: Shown, body: Callable[[Any], Any], *shown: Shown
    ) -> None:
        """Run a body for each item."""
        if isinstance(items, TracedRange):
            self.for_traced_range(self.sites[site], items, go_on, body, shown)
        elif isinstance(items, range) or (isinstance(items, Array | Tracer) and items.ndim):
            self.for_indexed(self.sites[site], items, go_on, body, shown)
        else:
            each: Any = items
            self.for_each(self.sites[site], iter(each), go_on, body, shown)

    def for_traced_range(
        self, site: Site, items: TracedRange, go_on: Shown, body: Callable[[Any], Any], shown: Any
    ) -> None:
        """Run a body for the numbers of a range whose bounds are traced."""

        def test(extras: Sequence[Any]) -> Any:
            inside = truth(items.has(extras[0]))
            return inside if go_on is None else both(inside, truth(go_on()))

        def step(extras: Sequence[Any]) -> Sequence[Any]:
            body(extras[0])
            return (items.after(extras[0]),)

        run_while(State(site, shown), (items.start,), test, step)

    def for_each(
        self, site: Site, items: Iterator[Any], go_on: Shown, body: Callable[[Any], Any], shown: Any
    ) -> None:
        """Run a body for each item of an iterator, as Python does; a break may be traced."""
        state: State | None = None
        for item in items:
            if state is not None:
                guarded(state, go_on, lambda item=item: body(item))
                continue
            body(item)
            if go_on is None:
                continue
            found = go_on()
            if is_traced(found):
                state = State(site, shown)
            elif not found:
                return

    def for_indexed(
        self, site: Site, items: Any, go_on: Shown, body: Callable[[Any], Any], shown: Any
    ) -> None:
        """Run a body for each number of a range or slice of an array.

        Steps are staged as one loop where there are many of them or they are slices of a traced
        array, and no effect but on variables could tell; otherwise from a traced break on.
        """
        n = len(items)
        least = 1 if is_traced(items) else LEAST_STEPS
        for k in range(n):
            may_roll = k < 2 and n - k >= least and site.is_rollable and go_on is None
            if may_roll and self.try_roll(site, items, k, body, shown):
                return
            body(items[k])
            if go_on is None:
                continue
            found = go_on()
            if is_traced(found):
                if k + 1 < n:
                    self.roll(State(site, shown), items[k + 1 :], go_on, body)
                return
            if not found:
                return

    def try_roll(
        self, site: Site, items: Any, k: int, body: Callable[[Any], Any], shown: Any
    ) -> bool:
        """Stage the steps that are left as one loop, if that means the same."""
        state = State(site, shown)
        if not can_roll(state, is_traced(items)):
            return False
        entry = state.read()
        try:
            self.roll(state, items[k:], None, body)
        except Exception:  # whatever needs the steps one by one: they show it, or work
            state.write(entry)
            return False
        return True

    def roll(self, state: State, items: Any, go_on: Shown, body: Callable[[Any], Any]) -> None:
        """Run steps as a scan."""
        if isinstance(items, range):

            def count(extras: Sequence[Any], _: Sequence[Any]) -> Sequence[Any]:
                guarded(state, go_on, lambda: body(extras[0]))
                return (extras[0] + items.step,)

            run_scan(state, (items.start,), (), len(items), count)
            return

        def step(_: Sequence[Any], slices: Sequence[Any]) -> Sequence[Any]:
            guarded(state, go_on, lambda: body(slices[0]))
            return ()

        run_scan(state, (), (items,), len(items), step)

    def range_(self, site: int, function: Any, *args: Any) -> Any:
        """Call range; with traced bounds, return what `for_` counts through."""
        if function is range and any(map(is_traced, args)):
            return TracedRange(*args)
        return function(*args)

    def choose(self, site: int, test: Any, then: Thunk, otherwise: Thunk) -> Any:
        """Return one of two values: `a if test else b`."""
        if is_traced(test):
            return choose_value(self.sites[site], test, then, otherwise)
        return then() if test else otherwise()

    def and_(self, site: int, is_test: bool, first: Any, *rest: Thunk) -> Any:
        """Return `a and b and …`."""
        found = first
        for thunk in rest:
            if is_traced(found):
                found = shortcut(self.sites[site], is_test, found, thunk, True)
            elif found:
                found = thunk()
            else:
                return found
        return found

    def or_(self, site: int, is_test: bool, first: Any, *rest: Thunk) -> Any:
        """Return `a or b or …`."""
        found = first
        for thunk in rest:
            if is_traced(found):
                found = shortcut(self.sites[site], is_test, found, thunk, False)
            elif found:
                return found
            else:
                found = thunk()
        return found

    def not_(self, site: int, x: Any) -> Any:
        """Return `not x`."""
        return Not()(truth(x)) if is_traced(x) else not x

    def compare(self, site: int, first: Any, *parts: Any) -> Any:
        """Return `a < b < c`, each operand evaluated once and not before it is needed."""
        method, thunk, *rest = parts
        second = thunk()
        found = COMPARISONS[method](first, second)
        if not rest:
            return found
        if is_traced(found):
            later = lambda: self.compare(site, second, *rest)  # noqa: E731
            return shortcut(self.sites[site], False, found, later, True)
        return self.compare(site, second, *rest) if found else found

    def asserted(self, site: int, test: Any) -> Any:
        """Return the test of an assert; refuse a traced one."""
        if not is_traced(test):
            return test
        place = self.sites[site]
        raise refused(
            place.file, place.line, place.function,
            "an assert cannot stop a program for a traced value.",
            "Assert what is known while tracing (shapes, dtypes), or check the results afterwards.",
        )  # fmt: skip


def can_roll(state: State, is_over_traced: bool) -> bool:
    """Tell whether the variables of a loop are arrays, so that staging it hides nothing.

    Python's integers and bools would become arrays, of no use as sizes or indices of lists.
    """
    pairs = zip(state.read(), state.live, strict=True)
    values = [value for value, live in pairs if live and not is_absent(value)]
    leaves = tree.leaves(values)
    if not leaves or not all(isinstance(x, Array | Tracer | float | complex) for x in leaves):
        return False
    return is_over_traced or any(map(is_traced, leaves))
