"""Write what the benchmark measured: a table to read and a file to compute with."""

import json
import os
import platform
from pathlib import Path
from typing import Any

from workloads import Workload

IMPORT_TARGET = 3.0

HEAD = """\
# Results

gradax {gradax} and JAX {jax}, Python {python}, on {n_cores} cores with {vector_bits}-bit vectors.

Times are minima: steady ones over turns that the two libraries took in one run, first calls over
fresh processes (tracing, compiling and running; gradax's disk cache empty, or warm where it says
so). A ratio is JAX's time over gradax's: above 1, gradax is faster. Peak memory is that of the
fresh process. Targets, where there are any, stand in brackets; what falls short is **bold**.

{imports}

{summary}
"""

COLUMNS = (
    "workload",
    "steady: gradax",
    "steady: JAX",
    "steady: ratio",
    "first: gradax",
    "first: JAX",
    "first: ratio",
    "first, disk cache warm",
    "peak: gradax",
    "peak: JAX",
)


def describe_machine() -> dict[str, Any]:
    """Return the cores that this process may use, the vector width and the Python."""
    return {
        "n_cores": n_cores(),
        "vector_bits": vector_bits(),
        "python": platform.python_version(),
    }


def n_cores() -> int:
    """Return the cores that affinity and the control group leave."""
    cores = len(os.sched_getaffinity(0))
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        return cores if quota == "max" else max(1, min(cores, round(int(quota) / int(period))))
    except (OSError, ValueError):
        return cores


def vector_bits() -> int:
    """Return the width of the widest vector instructions that the kernel reports."""
    try:
        words = set(Path("/proc/cpuinfo").read_text().split())
    except OSError:
        return 128
    return 512 if "avx512f" in words else 256 if "avx2" in words else 128


def steady_ratio(row: dict[str, Any]) -> float:
    """Return JAX's steady time over ours."""
    return row["steady"]["jax"]["min"] / row["steady"]["gradax"]["min"]


def first_ratio(row: dict[str, Any]) -> float:
    """Return JAX's first-call time over ours, nothing cached."""
    return row["first"]["jax"]["seconds"] / row["first"]["gradax"]["seconds"]


def import_ratio(result: dict[str, Any]) -> float:
    """Return JAX's import time over ours."""
    return result["import"]["jax"] / result["import"]["gradax"]


def is_short(ratio: float, target: float | None) -> bool:
    """Say whether a ratio misses its target, or 1 where there is none."""
    return ratio < (target or 1.0)


def shortfalls(result: dict[str, Any], workloads: dict[str, Workload]) -> list[str]:
    """Return a line for every wrong result, error and missed target."""
    lines = []
    if import_ratio(result) < IMPORT_TARGET:
        lines.append(f"import: {import_ratio(result):.2f}, target {IMPORT_TARGET}")
    for row in result["rows"]:
        workload = workloads[row["name"]]
        if row.get("error") or row.get("disagreement"):
            lines.append(f"{workload.name}: {row.get('error') or row['disagreement']}")
            continue
        for kind, ratio, target in (
            ("steady", steady_ratio(row), workload.steady_target),
            ("first call", first_ratio(row), workload.first_target),
        ):
            if target is not None and ratio < target:
                lines.append(f"{workload.name}, {kind}: {ratio:.2f}, target {target}")
    return lines


def time_text(seconds: float) -> str:
    """Return three digits and a unit."""
    for factor, unit in ((1, "s"), (1e3, "ms"), (1e6, "µs")):
        if seconds * factor >= 1 or unit == "µs":
            value = seconds * factor
            digits = 0 if value >= 99.95 else 1 if value >= 9.995 else 2
            return f"{value:.{digits}f} {unit}"
    raise AssertionError


def ratio_text(ratio: float, target: float | None) -> str:
    """Return a ratio with its target, bold where it falls short."""
    text = f"{ratio:.1f}" if ratio >= 10 else f"{ratio:.2f}"
    text = f"**{text}**" if is_short(ratio, target) else text
    return text if target is None else f"{text} [{target:g}]"


def memory_text(n_bytes: float) -> str:
    """Return mebibytes."""
    return f"{n_bytes / 2**20:.0f} MiB"


def table_row(workload: Workload, row: dict[str, Any]) -> str:
    """Return one line of the table."""
    if "error" in row:
        return f"| {workload.title} | fails: {row['error'].replace('|', '/')} |" + " |" * 8
    ours, theirs = row["steady"]["gradax"], row["steady"]["jax"]
    first = row["first"]
    wrong = f" (**differs: {row['disagreement']}**)" if row["disagreement"] else ""
    cells = (
        workload.title + wrong,
        time_text(ours["min"]),
        time_text(theirs["min"]),
        ratio_text(steady_ratio(row), workload.steady_target),
        time_text(first["gradax"]["seconds"]),
        time_text(first["jax"]["seconds"]),
        ratio_text(first_ratio(row), workload.first_target),
        time_text(first["gradax warm"]["seconds"]),
        memory_text(first["gradax"]["peak_bytes"]),
        memory_text(first["jax"]["peak_bytes"]),
    )
    return "| " + " | ".join(cells) + " |"


def summarize(workload: Workload, row: dict[str, Any]) -> str:
    """Return the progress line of a finished workload."""
    name = f"{workload.name:<22}"
    if "error" in row:
        return f"{name} fails: {row['error']}"
    ours, theirs = row["steady"]["gradax"]["min"], row["steady"]["jax"]["min"]
    text = f"{name} steady {time_text(ours):>8}, JAX {time_text(theirs):>8}: "
    text += f"{steady_ratio(row):6.2f}   first call: {first_ratio(row):6.2f}"
    return text + (f"   DIFFERS: {row['disagreement']}" if row["disagreement"] else "")


def geometric_mean(ratios: list[float]) -> float:
    """Return the geometric mean, or not-a-number of nothing."""
    product = 1.0
    for ratio in ratios:
        product *= ratio ** (1 / len(ratios))
    return product if ratios else float("nan")


def summary_text(result: dict[str, Any]) -> str:
    """Return how many workloads run, agree and are faster."""
    rows = [row for row in result["rows"] if "error" not in row]
    steady, first = [steady_ratio(row) for row in rows], [first_ratio(row) for row in rows]
    n_agree = sum(not row["disagreement"] for row in rows)
    return (
        f"{len(result['rows'])} workloads: {len(rows)} run, {n_agree} agree with JAX. Steady:"
        f" {sum(r >= 1 for r in steady)} at least as fast, geometric mean of the ratios"
        f" {geometric_mean(steady):.2f}. First call: {sum(r >= 1 for r in first)} at least as"
        f" fast, geometric mean {geometric_mean(first):.2f}."
    )


def to_markdown(result: dict[str, Any], workloads: dict[str, Workload]) -> str:
    """Return the whole report."""
    imports = result["import"]
    text = HEAD.format(
        **result["versions"],
        **result["machine"],
        imports=f"`import`: gradax {time_text(imports['gradax'])}, JAX {time_text(imports['jax'])},"
        f" ratio {ratio_text(import_ratio(result), IMPORT_TARGET)}.",
        summary=summary_text(result),
    )
    families: dict[str, list[dict[str, Any]]] = {}
    for row in result["rows"]:
        families.setdefault(workloads[row["name"]].family, []).append(row)
    for family, rows in families.items():
        text += f"\n## {family}\n\n| " + " | ".join(COLUMNS) + " |\n"
        text += "|---" + "|--:" * (len(COLUMNS) - 1) + "|\n"
        text += "".join(table_row(workloads[row["name"]], row) + "\n" for row in rows)
    return text


def write(result: dict[str, Any], workloads: dict[str, Workload], folder: Path) -> None:
    """Write RESULTS.md and RESULTS.json."""
    (folder / "RESULTS.md").write_text(to_markdown(result, workloads))
    (folder / "RESULTS.json").write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n")
