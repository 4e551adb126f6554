"""A program bound to its captured arrays: a function that is a pytree of those arrays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from gradax.native import register_node


class BoundProgram:
    """A function with the arrays that it needs; jit and vmap can take and return it."""

    def __init__(self, run: Callable[..., Any], consts: Sequence[Any]) -> None:
        self.run = run
        self.consts = tuple(consts)

    def __call__(self, *args: Any) -> Any:
        return self.run(self.consts, *args)

    def __repr__(self) -> str:
        return f"<{self.run}>"


register_node(
    BoundProgram,
    lambda bound: (bound.consts, bound.run),
    lambda run, consts: BoundProgram(run, tuple(consts)),
)
