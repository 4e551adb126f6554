"""Write a short table of the last results into the README.

Run: python benchmarks/readme_table.py prints it; --write puts it between the README's two marks.
"""

import json
import sys
from pathlib import Path
from typing import Any

import figures
from texts import ratio_text, table, time_text
from workloads import WORKLOADS, Workload

HERE = Path(__file__).resolve().parent
README = HERE.parent / "README.md"
BEGIN, END = "<!-- benchmark: begin -->", "<!-- benchmark: end -->"
CHOSEN = (
    "scalar_call",
    "eager_100",
    "selu",
    "softmax_rows",
    "sort_1e6",
    "normal_1e6",
    "matmul_1024",
    "scan_scalar",
    "dense_step",
    "conv_step",
    "transformer_step",
)
COLUMNS = ["", "gradax", "JAX", "ratio", "first call: gradax", "JAX", "ratio"]


def to_markdown(result: dict[str, Any], workloads: dict[str, Workload]) -> str:
    """Return the table, and a line with the geometric means over all workloads."""
    rows = {row["name"]: row for row in figures.measured(result)}
    cells = []
    for name in CHOSEN:
        if name in rows and name in workloads:
            row = rows[name]
            cells.append([workloads[name].title, *times(row)])
    means = {
        figure.name: figures.geometric_mean([figure.ratio(row) for row in rows.values()])
        for figure in figures.FIGURES
    }
    below = (
        f"{result['machine']['n_cores']} cores, JAX {result['versions']['jax']}; geometric mean"
        f" over {len(rows)} workloads: steady {ratio_text(means['steady'], 0)}, first call"
        f" {ratio_text(means['first'], 0)}, first call with a warm disk cache"
        f" {ratio_text(means['warm'], 0)}, peak memory {ratio_text(means['peak'], 0)}."
    )
    return f"{table(COLUMNS, cells)}\n{below}\n"


def times(row: dict[str, Any]) -> list[str]:
    """Return a row's cells after its title."""
    steady, first = row["steady"], row["first"]
    return [
        time_text(steady["gradax"]["min"]),
        time_text(steady["jax"]["min"]),
        ratio_text(figures.steady_ratio(row)),
        time_text(first["gradax"]["seconds"]),
        time_text(first["jax"]["seconds"]),
        ratio_text(figures.first_ratio(row)),
    ]


def put(text: str, readme: Path = README) -> bool:
    """Write the table between the marks; say whether they are there."""
    before, begin, rest = readme.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        return False
    readme.write_text(f"{before}{BEGIN}\n{text}{END}{after}")
    return True


def main() -> int:
    """Print or write the table."""
    text = to_markdown(json.loads((HERE / "RESULTS.json").read_text()), WORKLOADS)
    if "--write" not in sys.argv[1:]:
        print(text, end="")
    elif not put(text):
        print(f"README.md has no place for the table: it needs {BEGIN} and {END}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
