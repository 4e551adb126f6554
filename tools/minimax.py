"""Minimax fits of functions by sums of given terms, in arbitrary precision (Remez' exchange)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import mpmath as mp
import numpy as np

mp.mp.dps = 60

Function = Callable[[Any], Any]


def chebyshev_nodes(low: float, high: float, n: int) -> list[Any]:
    """Return n points of [low, high], dense at its ends, the ends included."""
    low, high = mp.mpf(low), mp.mpf(high)
    steps = (mp.cos(mp.pi * (n - 1 - k) / (n - 1)) for k in range(n))
    return [(low + high) / 2 + (high - low) / 2 * c for c in steps]


class Table:
    """A function, its terms and its weight on a grid, so that each is computed once."""

    def __init__(
        self, target: Function, weight: Function, terms: Sequence[Function], points: Sequence[Any]
    ) -> None:
        self.points = list(points)
        self.weight = [weight(x) for x in points]
        self.target = [target(x) for x in points]
        self.terms = [[t(x) for x in points] for t in terms]

    def error(self, coefficients: Sequence[Any], k: int) -> Any:
        """Return the weighted error at point k."""
        total = mp.fsum(c * t[k] for c, t in zip(coefficients, self.terms, strict=True))
        return self.weight[k] * (self.target[k] - total)


def solve(table: Table, free: Sequence[int], fixed: dict[int, Any]) -> tuple[list[Any], Any]:
    """Return minimax coefficients (those in `fixed` given) and the largest weighted error."""
    n = len(free)
    count = len(table.points)
    chosen = [round(k * (count - 1) / n) for k in range(n + 1)]
    best: tuple[Any, list[Any]] | None = None
    for _ in range(40):
        rows, right = [], []
        for sign, k in enumerate(chosen):
            w = table.weight[k]
            rows.append([w * table.terms[j][k] for j in free] + [mp.mpf((-1) ** sign)])
            known = mp.fsum(c * table.terms[j][k] for j, c in fixed.items())
            right.append(w * (table.target[k] - known))
        answer = mp.lu_solve(mp.matrix(rows), mp.matrix(right))
        coefficients = [mp.mpf(0)] * len(table.terms)
        for j, c in fixed.items():
            coefficients[j] = c
        for j, c in zip(free, answer, strict=False):
            coefficients[j] = c
        errors = [table.error(coefficients, k) for k in range(count)]
        largest = max(abs(e) for e in errors)
        if best is None or largest < best[0]:
            best = (largest, coefficients)
        level = abs(answer[n])
        if largest <= level * mp.mpf("1.02"):
            break
        chosen = exchange(errors, n + 1) or chosen
    assert best is not None
    return best[1], best[0]


def exchange(errors: Sequence[Any], n: int) -> list[int]:
    """Return n places where the error has extrema of alternating sign, the largest kept."""
    peaks: list[int] = []
    for k, e in enumerate(errors):
        if peaks and (e > 0) == (errors[peaks[-1]] > 0):
            if abs(e) > abs(errors[peaks[-1]]):
                peaks[-1] = k
        elif e != 0:
            peaks.append(k)
    while len(peaks) > n:
        drop = 0 if abs(errors[peaks[0]]) < abs(errors[peaks[-1]]) else len(peaks) - 1
        if len(peaks) - n >= 2:
            inner = min(range(len(peaks)), key=lambda i: abs(errors[peaks[i]]))
            if 0 < inner < len(peaks) - 1:
                del peaks[inner]
                left, right = peaks[inner - 1], peaks[inner]
                del peaks[inner if abs(errors[left]) > abs(errors[right]) else inner - 1]
                continue
            drop = inner
        del peaks[drop]
    return peaks if len(peaks) == n else []


def fit(
    target: Function,
    weight: Function,
    terms: Sequence[Function],
    interval: tuple[float, float],
    dtype: Any,
    first: Sequence[float] = (),
    n_points: int = 600,
) -> tuple[list[float], float]:
    """Return coefficients representable in `dtype` and the largest weighted error of the exact sum.

    Coefficients are rounded one after another, from the first on, the others fitted anew each time;
    those in `first` are given.
    """
    table = Table(target, weight, terms, chebyshev_nodes(*interval, n_points))
    fixed: dict[int, Any] = {k: mp.mpf(c) for k, c in enumerate(first)}
    free = [k for k in range(len(terms)) if k not in fixed]
    coefficients, largest = solve(table, free, fixed)
    while free:
        fixed[free[0]] = rounded(coefficients[free[0]], dtype)
        free = free[1:]
        # Terms that all vanish somewhere may have no alternating solution: round what is there.
        refined, level = attempt(table, free, fixed)
        if level < 2 * largest:
            coefficients = refined
        else:
            fixed.update({k: rounded(coefficients[k], dtype) for k in free})
            free = []
    final = [fixed[k] for k in range(len(terms))]
    largest = max(abs(table.error(final, k)) for k in range(len(table.points)))
    return [float(c) for c in final], float(largest)


def rounded(x: Any, dtype: Any) -> Any:
    """Return a number rounded to a dtype."""
    return mp.mpf(float(np.dtype(dtype).type(float(x))))


def attempt(table: Table, free: list[int], fixed: dict[int, Any]) -> tuple[list[Any], Any]:
    """Solve, or return an infinite error where there is no solution."""
    try:
        return solve(table, free, fixed) if free else ([], mp.inf)
    except ZeroDivisionError:
        return [], mp.inf


def powers(degrees: Sequence[int]) -> list[Function]:
    """Return the monomials of given degrees."""
    return [lambda x, d=d: x**d for d in degrees]


def fit_rational(
    target: Function,
    weight: Function,
    degrees: tuple[int, int],
    interval: tuple[float, float],
    dtype: Any,
    n_points: int = 400,
) -> tuple[list[float], list[float], float]:
    """Return numerator and denominator (constant term 1) minimizing the weighted error.

    The linearized problem is solved repeatedly, weighted by the last denominator, each time with
    Lawson's update of the weights towards the minimax solution.
    """
    points = chebyshev_nodes(*interval, n_points)
    f, w = [target(x) for x in points], [weight(x) for x in points]
    n_top, n_low = degrees
    lawson = [mp.mpf(1)] * n_points
    low_values = [mp.mpf(1)] * n_points
    best: tuple[Any, Any, Any] | None = None
    for _ in range(60):
        scale = [w[k] * mp.sqrt(lawson[k]) / low_values[k] for k in range(n_points)]
        rows = [
            [scale[k] * x**d for d in range(n_top + 1)]
            + [-scale[k] * f[k] * x**d for d in range(1, n_low + 1)]
            for k, x in enumerate(points)
        ]
        right = [scale[k] * f[k] for k in range(n_points)]
        answer = mp.qr_solve(mp.matrix(rows), mp.matrix(right))[0]
        top, low = list(answer[: n_top + 1]), [mp.mpf(1), *answer[n_top + 1 :]]
        low_values = [mp.polyval(low[::-1], x) for x in points]
        errors = [
            abs(w[k] * (f[k] - mp.polyval(top[::-1], x) / low_values[k]))
            for k, x in enumerate(points)
        ]
        largest = max(errors)
        if best is None or largest < best[0]:
            best = (largest, top, low)
        mean = mp.fsum(a * e for a, e in zip(lawson, errors, strict=True)) / mp.fsum(lawson)
        lawson = [a * (e / mean) for a, e in zip(lawson, errors, strict=True)]
    assert best is not None
    kind = np.dtype(dtype).type
    return (
        [float(kind(float(c))) for c in best[1]],
        [float(kind(float(c))) for c in best[2]],
        float(best[0]),
    )
