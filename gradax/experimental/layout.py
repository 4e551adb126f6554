"""How arrays lie in memory: row by row, always. `jax.experimental.layout`'s names.

A layout says how a device orders an array's elements. Arrays here are dense and row-major, so that
the one layout that can be asked for is that.
"""

from __future__ import annotations

from typing import Any

from gradax.errors import UnsupportedArgumentError, at_user_line
from gradax.runtime.layout import Format as Format
from gradax.runtime.layout import Layout as Layout


def with_layout_constraint(x: Any, layout: Layout) -> Any:
    """Return `x`, which is to lie in memory as `layout` says.

    Errors: NotImplementedError for a layout that is not row-major.
    """
    if not layout.is_row_major:
        raise UnsupportedArgumentError(
            f"with_layout_constraint: arrays lie in memory row by row; got {layout}."
            f"{at_user_line()}\nTranspose the array to order its elements otherwise."
        )
    return x
