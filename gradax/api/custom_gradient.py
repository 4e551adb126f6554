"""`custom_gradient` and `closure_convert`: custom rules written as closures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gradax import dtypes, tree
from gradax.api.arguments import abstract, check_callable, leaf_names, name_of, named_after
from gradax.api.custom_vjp import custom_vjp
from gradax.core.aval import tangent_aval
from gradax.core.evaluate import eval_jaxpr
from gradax.core.jaxpr import Jaxpr
from gradax.core.staging import stage
from gradax.core.tracer import Tracer
from gradax.core.value import aval_of
from gradax.errors import DifferentiationError, at_user_line
from gradax.native import register_node


class BackwardProgram:
    """A traced reverse rule with what it captured: a pytree of the captured values."""

    def __init__(self, jaxpr: Jaxpr, out_tree: Any, consts: Any) -> None:
        self.jaxpr, self.out_tree, self.consts = jaxpr, out_tree, tuple(consts)


register_node(
    BackwardProgram,
    lambda p: (p.consts, (p.jaxpr, p.out_tree)),
    lambda static, consts: BackwardProgram(static[0], static[1], consts),
)


def custom_gradient(fun: Callable[..., Any]) -> Callable[..., Any]:
    """Return `fun`, which returns (result, vjp function), as the function of the result.

    The vjp function maps the result's cotangent to that of the argument, or to a tuple of those of
    all arguments; it may use values from `fun`.
    """
    check_callable("custom_gradient", fun)

    @named_after(fun, "", f"{name_of(fun)} with a gradient of its own.")
    def result(*args: Any) -> Any:
        return pair_of(fun, args)[0]

    def fwd(*args: Any) -> tuple[Any, Any]:
        out, rule = pair_of(fun, args)
        leaves, out_tree = tree.flatten(out)
        avals = [tangent_aval(aval_of(x)) for x in leaves]
        trees: list[Any] = []

        def flat(*cts: Any) -> list[Any]:
            found = rule(tree.unflatten(out_tree, cts))
            found = found if isinstance(found, tuple) else (found,)
            outs, in_tree = tree.flatten(found)
            trees.append(in_tree)
            return outs

        closed = stage(flat, avals, name_of(rule))
        return out, BackwardProgram(closed.jaxpr, trees[0], closed.consts)

    def bwd(program: BackwardProgram, ct: Any) -> Any:
        outs = eval_jaxpr(program.jaxpr, program.consts, *tree.leaves(ct))
        return tree.unflatten(program.out_tree, outs)

    made = custom_vjp(result)
    made.defvjp(fwd, bwd)
    return made


def pair_of(fun: Any, args: Any) -> tuple[Any, Any]:
    """Call a function of custom_gradient and check that it returned a result and a function."""
    pair = fun(*args)
    if not isinstance(pair, (tuple, list)) or len(pair) != 2 or not callable(pair[1]):
        raise DifferentiationError(
            f"custom_gradient: {name_of(fun)} must return a pair (result, vjp function); it"
            f" returned {type(pair).__name__}.{at_user_line()}"
        )
    return pair[0], pair[1]


def closure_convert(fun: Callable[..., Any], *example_args: Any) -> tuple[Any, list[Any]]:
    """Return `fun` with the traced inexact values that it captures as further arguments, and those.

    The function returned takes the arguments of `fun`, of the types of `example_args`, and then the
    captured values.
    """
    check_callable("closure_convert", fun)
    leaves, in_tree = tree.flatten(example_args)
    trees: list[Any] = []

    def flat(*xs: Any) -> list[Any]:
        outs, out_tree = tree.flatten(fun(*tree.unflatten(in_tree, xs)))
        trees.append(out_tree)
        return outs

    names = leaf_names(fun, example_args)
    closed = stage(flat, list(map(abstract, leaves)), name_of(fun), names)
    hoisted = [is_hoisted(c) for c in closed.consts]
    fixed = [c for c, h in zip(closed.consts, hoisted, strict=True) if not h]

    def converted(*args_and_consts: Any) -> Any:
        n = len(args_and_consts) - sum(hoisted)
        given, rest = iter(args_and_consts[n:]), iter(fixed)
        consts = [next(given) if h else next(rest) for h in hoisted]
        outs = eval_jaxpr(closed.jaxpr, consts, *tree.leaves(args_and_consts[:n]))
        return tree.unflatten(trees[0], outs)

    return converted, [c for c, h in zip(closed.consts, hoisted, strict=True) if h]


def is_hoisted(x: Any) -> bool:
    """Tell whether a captured value may carry derivatives."""
    return isinstance(x, Tracer) and dtypes.issubdtype(x.dtype, np.inexact)
