"""How arrays lie in memory: row by row, always."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, final

from gradax.records import record


@final
@record
class Layout:
    """The order of an array's axes in memory, the slowest first."""

    major_to_minor: tuple[int, ...]
    tiling: Sequence[Any] | None = None
    sub_byte_element_size_in_bits: int = 0

    @property
    def is_row_major(self) -> bool:
        """Whether the last axis is the fastest, without tiles."""
        order = tuple(self.major_to_minor)
        return order == tuple(range(len(order))) and not self.tiling


@final
@record
class Format:
    """A layout together with a sharding; either may be left open."""

    layout: Layout | None = None
    sharding: Any = None
