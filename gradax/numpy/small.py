"""Functions of two operands that the runtime computes where they are small arrays."""

from __future__ import annotations

from collections.abc import Callable
from functools import update_wrapper
from typing import Any, TypeVar, cast

from gradax.native import Operator

F = TypeVar("F", bound=Callable[..., Any])


def natively(name: str, is_reflected: bool = False) -> Callable[[F], F]:
    """Have a function computed as the runtime's elementwise operation `name`, where that can.

    All else — tracers, broadcasting, promotion, large arrays — is the function's own.
    """

    def wrap(function: F) -> F:
        return cast("F", update_wrapper(Operator(function, name, is_reflected), function))

    return wrap
