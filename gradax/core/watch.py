"""What sees operations and indices first, while a setting asks for checked programs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from gradax.core.op import Op


class Watch:
    """The watchers; None costs nothing. `gradax.api.strict` sets them when it is first needed."""

    operation: Callable[[Op, Sequence[Any]], None] | None = None
    # (selector, tangents of the cases) of a selection that is differentiated: the same tangents.
    selection: Callable[[Any, Sequence[Any]], Sequence[Any]] | None = None
    # (linear program) before it is transposed.
    transposition: Callable[[Any], None] | None = None
    # (shape, layout) of an indexing by arrays, and a parsed static index, both without a mode.
    places: Callable[[tuple[int, ...], Any], None] | None = None
    known_places: Callable[[Any], None] | None = None


watch = Watch()
