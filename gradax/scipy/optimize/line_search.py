"""A step along a line that satisfies the strong Wolfe conditions.

Source: Nocedal and Wright, "Numerical Optimization" (2006), algorithms 3.5 and 3.6, as one loop.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from gradax import lax
from gradax import numpy as gnp

# How much of the slope's promise a step must keep, and how much of the slope may be left.
ENOUGH, FLAT = 1e-4, 0.9


class Point(NamedTuple):
    """A step, the function there, its slope along the line and its gradient."""

    step: Any
    value: Any
    slope: Any
    gradient: Any


class Search(NamedTuple):
    """The best point yet, the other end of the bracket, and the step to try next."""

    low: Point
    high: Point
    is_bracketed: Any
    step: Any
    is_done: Any
    n_calls: Any


def choose(which: Any, a: Point, b: Point) -> Point:
    """Return the first point where `which` holds, else the second."""
    return Point(*(gnp.where(which, x, y) for x, y in zip(a, b, strict=True)))


def inside(low: Point, high: Point) -> Any:
    """Return a step within a bracket: the cubic's minimum unless it is close to an end."""
    width = high.step - low.step
    safe = gnp.where(width == 0, 1, width)
    theta = 3 * (low.value - high.value) / safe + low.slope + high.slope
    square = theta * theta - low.slope * high.slope
    root = gnp.sign(safe) * gnp.sqrt(gnp.maximum(square, 0))
    bottom = high.slope - low.slope + 2 * root
    share = 1 - (high.slope + root - theta) / gnp.where(bottom == 0, 1, bottom)
    is_good = (square >= 0) & (bottom != 0) & (share > 0.1) & (share < 0.9)
    return low.step + width * gnp.where(is_good, share, 0.5)


def search_line(
    value_and_grad: Callable[[Any], Any], x: Any, start: Point, p: Any, max_calls: int
) -> tuple[Point, Any, Any]:
    """Return the best point found along p from x, whether it is good, and the number of calls.

    `start` is x itself, of step 0. Where the value is not finite, the step was too long.
    """

    def go_on(state: Search) -> Any:
        return ~state.is_done & (state.n_calls < max_calls)

    def look(state: Search) -> Search:
        value, gradient = value_and_grad(x + state.step * p)
        slope = gnp.vdot(gradient, p)
        point = Point(state.step, value, slope, gradient)
        low, high = state.low, state.high
        promised = value <= start.value + ENOUGH * state.step * start.slope
        is_lower = promised & ((value < low.value) | (low.step == 0)) & gnp.isfinite(slope)
        is_done = is_lower & (abs(slope) <= -FLAT * start.slope)
        # Downhill away from the bracket's other end, or from where no end is known yet.
        away = gnp.where(state.is_bracketed, slope * (high.step - low.step) >= 0, slope >= 0)
        new_high = choose(is_lower, choose(away, low, high), point)
        new_low = choose(is_lower, point, low)
        is_bracketed = state.is_bracketed | ~is_lower | (slope >= 0)
        middle = gnp.where(
            gnp.isfinite(new_high.value) & gnp.isfinite(new_high.slope),
            inside(new_low, new_high),
            (new_low.step + new_high.step) / 2,
        )
        step = gnp.where(is_bracketed, middle, 2 * state.step)
        return Search(new_low, new_high, is_bracketed, step, is_done, state.n_calls + 1)

    one, no = gnp.ones((), start.value.dtype), gnp.asarray(False)
    first = Search(start, start, no, one, no, gnp.asarray(0, gnp.int32))
    found = lax.while_loop(go_on, look, first)
    return found.low, found.is_done, found.n_calls
