"""Arguments as users pass them, brought to one floating dtype and one shape."""

from __future__ import annotations

from typing import Any

from gradax.numpy.promotion import broadcast_operands, operands, promote_dtypes


def floats(name: str, *xs: Any) -> list[Any]:
    """Return arguments as arrays of one inexact dtype and one shape."""
    return broadcast_operands(name, *promote_dtypes(*operands(name, *xs), inexact=True))


def a_float(name: str, x: Any) -> Any:
    """Return an argument as an inexact array."""
    return promote_dtypes(*operands(name, x), inexact=True)[0]
