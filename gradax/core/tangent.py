"""Symbolic zeros and linear operands: the vocabulary of the derivative rules."""

from __future__ import annotations

from typing import Any, final

from gradax.core.aval import Aval


@final
class Zero:
    """A tangent or cotangent that is zero everywhere, of the given (tangent) aval."""

    __slots__ = ("aval",)

    def __init__(self, aval: Aval) -> None:
        self.aval = aval

    def __repr__(self) -> str:
        return f"Zero({self.aval})"


@final
class Linear:
    """The place of an operand of which an operation is linear, while it is transposed."""

    __slots__ = ("aval",)

    def __init__(self, aval: Aval) -> None:
        self.aval = aval

    def __repr__(self) -> str:
        return f"Linear({self.aval})"


def is_linear(x: Any) -> bool:
    """Tell whether an operand of a transpose rule is the linear one."""
    return type(x) is Linear


def is_zero(x: Any) -> bool:
    """Tell whether a tangent is a symbolic zero."""
    return type(x) is Zero
