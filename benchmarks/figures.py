"""The four figures of a workload, their targets, and what falls short of them."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from workloads import Workload

IMPORT_TARGET = 3.0
Row = dict[str, Any]
Result = dict[str, Any]


def steady_ratio(row: Row) -> float:
    """Return JAX's steady time over ours."""
    return row["steady"]["jax"]["min"] / row["steady"]["gradax"]["min"]


def first_ratio(row: Row) -> float:
    """Return JAX's first-call time over ours, nothing cached."""
    return row["first"]["jax"]["seconds"] / row["first"]["gradax"]["seconds"]


def warm_ratio(row: Row) -> float:
    """Return JAX's first-call time over ours with a warm disk cache; JAX has none by default."""
    return row["first"]["jax"]["seconds"] / row["first"]["gradax warm"]["seconds"]


def peak_ratio(row: Row) -> float:
    """Return JAX's peak memory over ours."""
    return row["first"]["jax"]["peak_bytes"] / row["first"]["gradax"]["peak_bytes"]


class Figure(NamedTuple):
    """A ratio that every workload has; targets of its geometric mean and of the least."""

    name: str
    title: str
    ratio: Callable[[Row], float]
    mean_target: float
    least_target: float

    def target(self, workload: Workload) -> float | None:
        """Return what this project has promised of this workload alone, if anything."""
        promised = {"steady": workload.steady_target, "first": workload.first_target}
        return promised.get(self.name)

    def needed(self, workload: Workload) -> float:
        """Return the least ratio that does not fall short."""
        return max(self.least_target, self.target(workload) or 0.0)


FIGURES = (
    Figure("steady", "steady calls", steady_ratio, 3.0, 1.0),
    Figure("first", "first call", first_ratio, 3.0, 1.0),
    Figure("warm", "first call, disk cache warm", warm_ratio, 10.0, 2.0),
    Figure("peak", "peak memory", peak_ratio, 1.2, 0.9),
)


def import_ratio(result: Result) -> float:
    """Return JAX's import time over ours."""
    return result["import"]["jax"] / result["import"]["gradax"]


def measured(result: Result) -> list[Row]:
    """Return the rows that have figures."""
    return [row for row in result["rows"] if "error" not in row]


def geometric_mean(ratios: list[float]) -> float:
    """Return the geometric mean, or not-a-number of nothing."""
    return math.exp(math.fsum(map(math.log, ratios)) / len(ratios)) if ratios else math.nan


def wrong(result: Result) -> list[str]:
    """Return a line for every error and every result that differs from JAX's."""
    return [
        f"{row['name']}: {row.get('error') or row['disagreement']}"
        for row in result["rows"]
        if row.get("error") or row.get("disagreement")
    ]


def shortfalls(result: Result, workloads: dict[str, Workload]) -> list[str]:
    """Return a line for every wrong result, error and missed target."""
    lines = wrong(result)
    if import_ratio(result) < IMPORT_TARGET:
        lines.append(f"import: {import_ratio(result):.2f}, target {IMPORT_TARGET:g}")
    for figure in FIGURES:
        ratios = {row["name"]: figure.ratio(row) for row in measured(result)}
        mean = geometric_mean(list(ratios.values()))
        if mean < figure.mean_target:
            lines.append(
                f"{figure.title}, geometric mean: {mean:.2f}, target {figure.mean_target:g}"
            )
        for name, ratio in sorted(ratios.items(), key=lambda item: item[1]):
            needed = figure.needed(workloads[name])
            if ratio < needed:
                lines.append(f"{name}, {figure.title}: {ratio:.2f}, target {needed:g}")
    return lines


def faster_peers(result: Result) -> list[tuple[str, str, float]]:
    """Return (workload, library, our time over its) wherever NumPy or PyTorch is faster."""
    found = []
    for row in measured(result):
        ours = row["steady"]["gradax"]["min"]
        for library, times in row["steady"].items():
            if library not in ("gradax", "jax") and times["min"] < ours:
                found.append((row["name"], library, ours / times["min"]))
    return sorted(found, key=lambda item: -item[2])
