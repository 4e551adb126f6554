"""What primitives of one's own compile to: a function that is traced to operations of gradax.

Gradax has no MLIR. A rule in JAX's form, `rule(ctx, *operands, **params)`, is traced as well: its
operands are arrays, and what it calls of this module (`emit_python_callback`, a `lower_fun`) gives
arrays; a rule that writes MLIR itself is refused where it asks for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn, final

from gradax.api.callbacks import io_callback, pure_callback
from gradax.api.shapes import describe
from gradax.core.aval import Aval
from gradax.errors import ArgumentTypeError, at_user_line
from gradax.extend.user_primitives import user_primitive

__all__ = ["LoweringRuleContext", "emit_python_callback", "lower_fun", "register_lowering"]


@final
class ModuleContext:
    """What a rule asks of the module that it writes to; nothing is written."""

    platforms = ("cpu",)

    def add_keepalive(self, keepalive: Any) -> None:
        """Keep nothing: programs hold what they call."""


@final
class LoweringRuleContext:
    """What a rule in JAX's form gets first: the types of operands and results."""

    def __init__(self, avals_in: Sequence[Aval], avals_out: Sequence[Aval]) -> None:
        self.avals_in, self.avals_out = tuple(avals_in), tuple(avals_out)
        self.module_context = ModuleContext()


class Lowering:
    """A Python function that says what a primitive computes."""

    def __init__(self, fun: Callable[..., Any], multiple_results: bool) -> None:
        self.fun, self.multiple_results = fun, multiple_results

    def __call__(self, *args: Any, **params: Any) -> Any:
        """Compute it; called by a rule in JAX's form, with its context first, give a list."""
        if args and isinstance(args[0], LoweringRuleContext):
            found = self.fun(*args[1:], **params)
            return list(found) if self.multiple_results else [found]
        return self.fun(*args, **params)

    def of_types(
        self, out_avals: Sequence[Aval], args: Sequence[Any], params: Mapping[str, Any]
    ) -> Any:
        """Return the results, whose types the primitive has said."""
        del out_avals
        return self.fun(*args, **params)


@final
class Rule(Lowering):
    """A rule in JAX's form."""

    def of_types(
        self, out_avals: Sequence[Aval], args: Sequence[Any], params: Mapping[str, Any]
    ) -> Any:
        context = LoweringRuleContext([x.aval for x in args], out_avals)
        return self.fun(context, *args, **params)


def lower_fun(fun: Callable[..., Any], multiple_results: bool = True) -> Lowering:
    """Return the lowering by which a primitive is what `fun(*arrays, **params)` computes."""
    return Lowering(fun, multiple_results)


def register_lowering(
    prim: Any, rule: Any, platform: str | None = None, inline: bool = True, cacheable: bool = True
) -> Any:
    """Say what a primitive compiles to: `lower_fun(f)`, or a rule in JAX's form; returns it."""
    del inline, cacheable
    if not callable(rule):
        raise ArgumentTypeError(
            f"mlir.register_lowering: expected mlir.lower_fun(f); got {rule!r}.{at_user_line()}"
        )
    primitive = user_primitive(prim, "lowering")
    if platform in (None, "cpu"):
        primitive.lowering = rule if isinstance(rule, Lowering) else Rule(rule, True)
        primitive.calls.clear()
    return rule


def emit_python_callback(
    ctx: LoweringRuleContext,
    callback: Callable[..., Any],
    token: Any,
    operands: Sequence[Any],
    operand_avals: Sequence[Aval],
    result_avals: Sequence[Aval],
    *,
    has_side_effect: bool = False,
    returns_token: bool = True,
    partitioned: bool = False,
    sharding: Any = None,
) -> tuple[list[Any], Any, None]:
    """Return the results of a call of Python, the token, and nothing to keep alive.

    `callback` takes arrays and returns a sequence of them.
    """
    del ctx, operand_avals, returns_token, partitioned, sharding
    call = io_callback if has_side_effect else pure_callback
    found = call(listed(callback), [describe(a) for a in result_avals], *operands)
    return found, token, None


def listed(callback: Callable[..., Any]) -> Callable[..., list[Any]]:
    """Return a callback that gives a list."""
    return lambda *args: list(callback(*args))


def __getattr__(name: str) -> NoReturn:
    raise AttributeError(
        f"gradax.interpreters.mlir has no {name!r}: gradax has no MLIR. Say what a primitive"
        " computes with lower_fun and register_lowering."
    )
