"""Write what the benchmark measured: tables and a picture to read, a file to compute with."""

import json
from pathlib import Path
from typing import Any

import figures
import limits
import plot
from figures import FIGURES
from texts import memory_text, ratio_text, table, time_text
from workloads import Workload

Rows = list[dict[str, Any]]
Workloads = dict[str, Workload]
TITLES = {"numpy": "NumPy/SciPy", "torch": "PyTorch", "torch.compile": "torch.compile"}

HEAD = """\
# Results

gradax {gradax} and JAX {jax}, Python {python}, on {n_cores} cores with {vector_bits}-bit vectors.

Times are minima: steady ones over turns that the libraries took in one run, first calls over
fresh processes (tracing, compiling and running; gradax's disk cache empty, or warm where it says
so; JAX has none by default). A ratio is JAX's figure over gradax's: above 1, gradax is better. Peak
memory is that of the fresh process. What was promised of a workload stands in brackets; what falls
short is **bold**.
"""

COLUMNS = [
    "workload",
    "steady: gradax",
    "JAX",
    "ratio",
    "first: gradax",
    "JAX",
    "ratio",
    "disk cache warm",
    "ratio",
    "peak: gradax",
    "JAX",
    "ratio",
]


def to_markdown(result: dict[str, Any], workloads: Workloads) -> str:
    """Return the whole report."""
    parts = [
        HEAD.format(**result["versions"], **result["machine"]),
        summary_text(result, workloads),
        shortfall_text(result, workloads),
        "![Ratios of all workloads](RESULTS.svg)\n",
    ]
    families: dict[str, Rows] = {}
    for row in result["rows"]:
        families.setdefault(workloads[row["name"]].family, []).append(row)
    for family, rows in families.items():
        cells = [cells_of(workloads[row["name"]], row) for row in rows]
        parts.append(f"## {family}\n\n{table(COLUMNS, cells)}")
    parts += [peers_text(result, workloads), limits_text(result, workloads)]
    return "\n".join(part for part in parts if part)


def summary_text(result: dict[str, Any], workloads: Workloads) -> str:
    """Return how many workloads run and agree, and the table of the figures."""
    rows = figures.measured(result)
    n_agree = sum(not row["disagreement"] for row in rows)
    text = f"{len(result['rows'])} workloads: {len(rows)} run, {n_agree} agree with JAX.\n\n"
    imports, ratio = result["import"], figures.import_ratio(result)
    cells = [
        [
            f"`import`: {time_text(imports['gradax'])}, JAX {time_text(imports['jax'])}",
            ratio_text(ratio, figures.IMPORT_TARGET, figures.IMPORT_TARGET),
            *[""] * 3,
        ]
    ]
    for figure in FIGURES if rows else ():
        ratios = {row["name"]: figure.ratio(row) for row in rows}
        mean, least = figures.geometric_mean(list(ratios.values())), min(ratios.values())
        short = [n for n, r in ratios.items() if r < figure.needed(workloads[n])]
        cells.append(
            [
                figure.title,
                ratio_text(mean, figure.mean_target, figure.mean_target),
                ratio_text(least, figure.least_target, figure.least_target),
                min(ratios, key=lambda name: ratios[name]),
                str(len(short)),
            ]
        )
    columns = ["JAX over gradax", "geometric mean", "least", "which", "falling short"]
    return text + table(columns, cells)


def shortfall_text(result: dict[str, Any], workloads: Workloads) -> str:
    """Return the list of what falls short, and of where other libraries are faster."""
    lines = figures.shortfalls(result, workloads)
    text = "## What falls short\n\n" + ("".join(f"- {line}\n" for line in lines) or "Nothing.\n")
    faster = figures.faster_peers(result)
    if faster:
        named = ", ".join(f"{name} ({TITLES[lib]} {ratio:.2f}×)" for name, lib, ratio in faster)
        text += f"\nFaster than gradax, steady: {named}.\n"
    return text


def cells_of(workload: Workload, row: dict[str, Any]) -> list[str]:
    """Return one line of a family's table."""
    if "error" in row:
        return [workload.title, f"fails: {row['error']}", *[""] * (len(COLUMNS) - 2)]
    ratios = [
        ratio_text(figure.ratio(row), figure.needed(workload), figure.target(workload))
        for figure in FIGURES
    ]
    steady, first = row["steady"], row["first"]
    wrong = f" (**differs: {row['disagreement']}**)" if row["disagreement"] else ""
    return [
        workload.title + wrong,
        time_text(steady["gradax"]["min"]),
        time_text(steady["jax"]["min"]),
        ratios[0],
        time_text(first["gradax"]["seconds"]),
        time_text(first["jax"]["seconds"]),
        ratios[1],
        time_text(first["gradax warm"]["seconds"]),
        ratios[2],
        memory_text(first["gradax"]["peak_bytes"]),
        memory_text(first["jax"]["peak_bytes"]),
        ratios[3],
    ]


def peers_text(result: dict[str, Any], workloads: Workloads) -> str:
    """Return the other libraries' steady times, or how to get those that are missing."""
    present = [library for library in TITLES if library in result["versions"]]
    lines = [f"{TITLES[library]}: {why}" for library, why in result.get("left out", {}).items()]
    if not present and not lines:
        return ""
    text = "## Other libraries\n\n" + "".join(f"- {line}\n" for line in lines)
    if not present:
        return text
    names = ", ".join(f"{TITLES[library]} {result['versions'][library]}" for library in present)
    text += f"\nSteady times of {names}, in the same turns and with as many threads, of workloads"
    text += " that users would write with them; the ratio is the library's time over gradax's.\n\n"
    columns = ["workload", "gradax"]
    for library in present:
        columns += [TITLES[library], "ratio"]
    rows = [row for row in figures.measured(result) if len(row["steady"]) > 2 or row.get("peers")]
    return text + table(columns, [peer_cells(row, present, workloads) for row in rows])


def peer_cells(row: dict[str, Any], present: list[str], workloads: Workloads) -> list[str]:
    """Return a workload's line in the table of other libraries."""
    ours = row["steady"]["gradax"]["min"]
    cells = [workloads[row["name"]].title, time_text(ours)]
    for library in present:
        times = row["steady"].get(library)
        if times is None:
            cells += [row.get("peers", {}).get(library, ""), ""]
        else:
            cells += [time_text(times["min"]), ratio_text(times["min"] / ours)]
    return cells


def limits_text(result: dict[str, Any], workloads: Workloads) -> str:
    """Return how near to the machine's limits the workloads come."""
    found = result.get("limits")
    if not found:
        return ""
    largest = {kind: list(rates.values())[-1] for kind, rates in found["bandwidth"].items()}
    speeds = ", ".join(f"{kind} {value / 1e9:.1f}" for kind, value in largest.items())
    products = ", ".join(f"{who} {value / 1e9:.0f}" for who, value in found["products"].items())
    text = (
        "## Against the machine\n\n"
        f"Bandwidth far beyond the caches, GB/s: {speeds}, compiled triad"
        f" {found['triad'] / 1e9:.1f}. Float32 products of 2048², Gflop/s: {products}.\n\n"
        "The limit is the time that the bytes of arguments and results need at the bandwidth"
        " measured for at least as much data, or the operations of products at the fastest product"
        " measured, whichever is longer.\n\n"
    )
    cells = []
    for row in figures.measured(result):
        limit = limits.limit_of(found, row["name"])
        if limit is not None:
            ours, theirs = (row["steady"][library]["min"] for library in ("gradax", "jax"))
            shares = [f"{100 * limit[0] / seconds:.0f} %" for seconds in (ours, theirs)]
            title = workloads[row["name"]].title
            cells.append([title, limit[1], time_text(limit[0]), time_text(ours), *shares])
    return text + table(["workload", "limit", "least", "gradax", "reached", "JAX"], cells)


def progress_line(workload: Workload, row: dict[str, Any]) -> str:
    """Return the progress line of a finished workload."""
    name = f"{workload.name:<22}"
    if "error" in row:
        return f"{name} fails: {row['error']}"
    steady = row["steady"]
    ours, theirs = steady["gradax"]["min"], steady["jax"]["min"]
    text = f"{name} steady {time_text(ours):>8}, JAX {time_text(theirs):>8}: "
    text += " ".join(f"{figure.name} {figure.ratio(row):6.2f}" for figure in FIGURES)
    for library, times in steady.items():
        if library in TITLES:
            text += f"  {library} {times['min'] / ours:.2f}"
    text += "".join(f"  {library} {why}" for library, why in row.get("peers", {}).items())
    return text + (f"   DIFFERS: {row['disagreement']}" if row["disagreement"] else "")


def write(result: dict[str, Any], workloads: Workloads, folder: Path) -> None:
    """Write RESULTS.md, RESULTS.svg and RESULTS.json."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "RESULTS.json").write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n")
    (folder / "RESULTS.md").write_text(to_markdown(result, workloads))
    plot.draw(result, workloads, folder / "RESULTS.svg")
