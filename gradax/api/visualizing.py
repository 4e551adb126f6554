"""Drawings of how arrays are divided among devices."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

from gradax import tree
from gradax.api.callbacks import debug_callback
from gradax.core.tracer import Tracer
from gradax.core.value import as_value
from gradax.errors import ArgumentError, at_user_line

ColorMap = Callable[[float], Sequence[float]]
PALETTE = (44, 42, 45, 46, 41, 43, 100, 104)
Cells = list[list[tuple[int, ...]]]


def inspect_array_sharding(value: Any, *, callback: Callable[[Any], None]) -> None:
    """Call `callback(sharding)` for each array of a tree.

    Traced values are asked when the program runs: there, it is the device that it runs on.
    """

    def ask(x: Any) -> None:
        callback(x.sharding)

    for leaf in tree.leaves(value):
        x = as_value(leaf)
        if isinstance(x, Tracer):
            debug_callback(ask, x)
        else:
            ask(x)


def visualize_array_sharding(arr: Any, **kwargs: Any) -> None:
    """Print which device holds which part of an array of one or two axes."""
    shape = as_value(arr).shape
    check_rank(shape)
    inspect_array_sharding(
        arr, callback=lambda sharding: visualize_sharding(shape, sharding, **kwargs)
    )


def check_rank(shape: Sequence[int]) -> None:
    """Raise unless a shape can be drawn.

    Errors: ValueError.
    """
    if len(shape) not in (1, 2):
        raise ArgumentError(
            "debug.visualize_sharding: expected a shape of one or two axes; got"
            f" {tuple(shape)}.{at_user_line()}"
        )


def visualize_sharding(
    shape: Sequence[int],
    sharding: Any,
    *,
    use_color: bool = True,
    scale: float = 1.0,
    min_width: int = 9,
    max_width: int = 80,
    color_map: ColorMap | None = None,
) -> None:
    """Print which device holds which part of an array of `shape`: a box for each part.

    Colors are used on terminals only; `color_map` gives red, green, blue from 0 to 1 for a number
    from 0 to 1.
    Errors: ValueError unless the shape has one or two axes.
    """
    check_rank(shape)
    cells, platform = cells_of(tuple(shape), sharding)
    color = use_color and sys.stdout.isatty()
    print(drawing(cells, platform, (min_width, max_width, scale), color, color_map))


def cells_of(shape: tuple[int, ...], sharding: Any) -> tuple[Cells, str]:
    """Return the numbers of the devices that hold each part, by rows, and their platform."""
    held: dict[tuple[int, int], list[int]] = {}
    platform = ""
    for device, index in sharding.devices_indices_map(shape).items():
        starts = [part.start or 0 for part in index]
        row, column = starts if len(starts) == 2 else (0, starts[0])
        held.setdefault((row, column), []).append(device.id)
        platform = device.platform.upper()
    rows = sorted({row for row, _ in held})
    columns = sorted({column for _, column in held})
    return [[tuple(sorted(held.get((r, c), ()))) for c in columns] for r in rows], platform


def drawing(
    cells: Cells,
    platform: str,
    sizes: tuple[int, int, float],
    color: bool,
    color_map: ColorMap | None,
) -> str:
    """Return the boxes as text."""
    low, high, scale = sizes
    texts = [[f"{platform} {','.join(map(str, ids))}" for ids in row] for row in cells]
    n = len(cells[0])
    widest = max(len(text) for row in texts for text in row) + 2
    # As wide as one wishes, if all columns fit.
    width = max(widest, min(int(low * scale), (high - 1) // n - 1))

    def rule(left: str, middle: str, right: str) -> str:
        return left + middle.join(["─" * width] * n) + right

    n_cells = sum(map(len, cells))
    lines = [rule("┌", "┬", "┐")]
    for r, row in enumerate(texts):
        boxes = [text.center(width) for text in row]
        if color:
            boxes = [painted(box, r * n + c, n_cells, color_map) for c, box in enumerate(boxes)]
        lines.append("│" + "│".join(boxes) + "│")
        lines.append(rule("├", "┼", "┤"))
    lines[-1] = rule("└", "┴", "┘")
    return "\n".join(lines)


def painted(text: str, k: int, n: int, color_map: ColorMap | None) -> str:
    """Return text on a background of its own, for a terminal."""
    if color_map is None:
        return f"\x1b[{PALETTE[k % len(PALETTE)]}m{text}\x1b[0m"
    red, green, blue = (int(255 * v) for v in list(color_map(k / max(n - 1, 1)))[:3])
    return f"\x1b[48;2;{red};{green};{blue}m{text}\x1b[0m"
