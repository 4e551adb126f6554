"""Draw every workload's ratios at a glance.

Run: python benchmarks/plot.py draws RESULTS.svg of the RESULTS.json beside it.
"""

import json
from pathlib import Path
from typing import Any

import figures
from workloads import WORKLOADS, Workload

HERE = Path(__file__).resolve().parent
STEADY, FIRST, INK, FAINT = "#1f6f8b", "#e08e45", "#333333", "#d9d9d9"
INCHES_A_ROW = 0.19


def lines_of(result: dict[str, Any], workloads: dict[str, Workload]) -> list[dict[str, Any] | str]:
    """Return what stands on each line from the top: a family's name or a row."""
    families: dict[str, list[dict[str, Any]]] = {}
    for row in figures.measured(result):
        families.setdefault(workloads[row["name"]].family, []).append(row)
    lines: list[dict[str, Any] | str] = []
    for family, rows in families.items():
        lines += [family, *sorted(rows, key=figures.steady_ratio, reverse=True)]
    return lines


def draw(result: dict[str, Any], workloads: dict[str, Workload], path: Path) -> None:
    """Write the picture: a line a workload, a dot a figure, on a logarithmic axis."""
    import matplotlib

    matplotlib.use("svg")
    # Text stays text, and equal results give equal files.
    matplotlib.rcParams |= {"svg.fonttype": "none", "svg.hashsalt": "gradax"}
    from matplotlib import pyplot

    lines = lines_of(result, workloads)
    figure, axes = pyplot.subplots(figsize=(9, 1.2 + INCHES_A_ROW * len(lines)))
    for height, line in enumerate(lines):
        if isinstance(line, str):
            axes.text(-0.005, height, line, weight="bold", size=8.5, ha="right", va="center",
                      transform=axes.get_yaxis_transform(), color=INK)  # fmt: skip
        else:
            draw_row(axes, height, line, workloads[line["name"]].title)
    finish(axes, len(lines))
    figure.savefig(path, metadata={"Date": None}, bbox_inches="tight", facecolor="white")
    pyplot.close(figure)


def draw_row(axes: Any, height: int, row: dict[str, Any], title: str) -> None:
    """Draw one workload: a bar to its steady ratio, a dot for its first call."""
    steady, first = figures.steady_ratio(row), figures.first_ratio(row)
    axes.plot([1, steady], [height, height], color=STEADY, linewidth=3, alpha=0.35, zorder=2)
    axes.plot(first, height, "o", color=FIRST, markersize=4, zorder=3)
    axes.plot(steady, height, "o", color=STEADY, markersize=5, zorder=4)
    axes.text(-0.005, height, title.replace("`", ""), size=7, ha="right", va="center",
              transform=axes.get_yaxis_transform(), color=INK)  # fmt: skip


def finish(axes: Any, n_lines: int) -> None:
    """Draw the axis, the line at 1 and the legend."""
    from matplotlib.ticker import LogLocator, NullLocator

    axes.set_xscale("log")
    axes.set_ylim(n_lines, -1)
    axes.set_yticks([])
    axes.axvline(1, color=INK, linewidth=1.2, zorder=1)
    axes.grid(axis="x", color=FAINT, linewidth=0.6, zorder=0)
    axes.set_axisbelow(True)
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}×")
    axes.xaxis.set_minor_locator(NullLocator())
    axes.tick_params(axis="x", labelsize=8, top=True, labeltop=True, length=2)
    for side in ("left", "right"):
        axes.spines[side].set_visible(False)
    axes.plot([], [], "o", color=STEADY, markersize=5, label="steady calls")
    axes.plot([], [], "o", color=FIRST, markersize=4, label="first call")
    axes.set_title("JAX's time over gradax's: right of 1, gradax is faster", size=10, pad=22)
    axes.legend(loc="lower right", fontsize=8, frameon=True, facecolor="white", edgecolor=FAINT)


def main() -> None:
    """Draw the last results."""
    result = json.loads((HERE / "RESULTS.json").read_text())
    draw(result, WORKLOADS, HERE / "RESULTS.svg")


if __name__ == "__main__":
    main()
