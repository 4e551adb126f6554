"""What primitives of one's own compile to: a function that is traced to operations of gradax."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

from gradax.core.aval import Aval
from gradax.errors import ArgumentTypeError, at_user_line
from gradax.extend.user_primitives import user_primitive

__all__ = ["lower_fun", "register_lowering"]


class Lowering:
    """A Python function that says what a primitive computes."""

    def __init__(self, fun: Callable[..., Any], multiple_results: bool) -> None:
        self.fun, self.multiple_results = fun, multiple_results

    def __call__(self, *args: Any, **params: Any) -> Any:
        return self.fun(*args, **params)

    def of_types(
        self, out_avals: Sequence[Aval], args: Sequence[Any], params: Mapping[str, Any]
    ) -> Any:
        """Return the results, whose types the primitive has said."""
        del out_avals
        return self(*args, **params)


def lower_fun(fun: Callable[..., Any], multiple_results: bool = True) -> Lowering:
    """Return the lowering by which a primitive is what `fun(*arrays, **params)` computes."""
    return Lowering(fun, multiple_results)


def register_lowering(
    prim: Any, rule: Any, platform: str | None = None, inline: bool = True, cacheable: bool = True
) -> Any:
    """Say what a primitive compiles to: `lower_fun(f)`; returns it.

    Errors: TypeError for a rule that writes MLIR, which gradax does not compile.
    """
    del inline, cacheable
    if not isinstance(rule, Lowering):
        raise ArgumentTypeError(
            f"mlir.register_lowering: expected mlir.lower_fun(f); got {rule!r}, which would write"
            f" MLIR: gradax compiles none.{at_user_line()}\nWrite what {prim} computes with"
            " operations of gradax, and pass lower_fun(f, multiple_results=…); or subclass"
            " gradax.extend.operation.Operation."
        )
    primitive = user_primitive(prim, "lowering")
    if platform in (None, "cpu"):
        primitive.lowering = rule
        primitive.calls.clear()
    return rule


def __getattr__(name: str) -> NoReturn:
    raise AttributeError(
        f"gradax.interpreters.mlir has no {name!r}: gradax has no MLIR. Say what a primitive"
        " computes with lower_fun and register_lowering."
    )
