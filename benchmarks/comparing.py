"""What counts as the same result."""

from typing import Any

import numpy as np
from workloads import Workload

# Other libraries sum in other orders and know no weak types: their results are held to the same
# kinds of numbers, and to this many times the tolerance that JAX's are.
PEER_SLACK = 10


def disagreement(workload: Workload, ours: list[Any], theirs: list[Any]) -> str | None:
    """Return how two results differ, or None when they agree."""
    if len(ours) != len(theirs):
        return f"{len(ours)} outputs, JAX {len(theirs)}"
    for index, (a, b) in enumerate(zip(ours, theirs, strict=True)):
        if a.shape != b.shape or a.dtype != b.dtype:
            return f"output {index} is {a.dtype}{list(a.shape)}, JAX's {b.dtype}{list(b.shape)}"
    return different_values(workload, ours, theirs, workload.tolerance)


def peer_disagreement(workload: Workload, ours: list[Any], theirs: list[Any]) -> str | None:
    """Return how a peer's result differs, or None; widths of types are not compared."""
    if len(ours) != len(theirs):
        return f"{len(theirs)} outputs, gradax {len(ours)}"
    for index, (a, b) in enumerate(zip(ours, theirs, strict=True)):
        if a.shape != b.shape:
            return f"output {index} has the shape {list(b.shape)}, gradax's {list(a.shape)}"
    tolerance = max(workload.tolerance * PEER_SLACK, 1e-6)
    return different_values(workload, ours, theirs, tolerance)


def different_values(
    workload: Workload, ours: list[Any], theirs: list[Any], tolerance: float
) -> str | None:
    """Return how the values of two results of the same shapes differ, or None."""
    compare = compare_distributions if workload.random else compare_values
    for index, (a, b) in enumerate(zip(ours, theirs, strict=True)):
        found = compare(a, b, tolerance)
        if found:
            return f"output {index}: {found}"
    return None


def wide(values: Any) -> Any:
    """Return numbers in double precision."""
    kind = np.complex128 if np.iscomplexobj(values) else np.float64
    return np.nan_to_num(values.astype(kind))


def compare_values(ours: Any, theirs: Any, tolerance: float) -> str | None:
    """Compare two arrays, relative to the largest element."""
    if not np.array_equal(np.isfinite(ours), np.isfinite(theirs)):
        return "not finite at other places"
    a, b = wide(ours), wide(theirs)
    apart = float(np.max(np.abs(a - b), initial=0))
    scale = float(np.max(np.abs(b), initial=0)) or 1.0
    return f"off by {apart / scale:.2g} of the largest" if apart > tolerance * scale else None


def compare_distributions(ours: Any, theirs: Any, tolerance: float) -> str | None:
    """Compare the quantiles of two samples; six standard errors at the median are allowed."""
    n = ours.size
    levels = np.linspace(0.1, 0.9, 9)
    a, b = np.quantile(ours, levels), np.quantile(theirs, levels)
    allowed = 6 * np.std(theirs) * 2.5 / np.sqrt(n)
    apart = float(np.max(np.abs(a - b)))
    return f"a quantile is off by {apart:.2g}" if apart > allowed else None
