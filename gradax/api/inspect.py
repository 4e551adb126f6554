"""`make_jaxpr` and `eval_shape`: a function's program, or only its result's types."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from gradax import tree
from gradax.api.arguments import (
    abstract,
    check_callable,
    check_leaf,
    flat_result,
    leaf_names,
    name_of,
    named_after,
)
from gradax.api.shapes import ShapeDtypeStruct, describe
from gradax.api.static import split_static
from gradax.core.axes import BoundAxes
from gradax.core.jaxpr import ClosedJaxpr
from gradax.core.staging import stage
from gradax.core.tracer import under
from gradax.core.value import aval_of, is_value
from gradax.lax.comparison import zeros
from gradax.native import get_trace


def trace_function(
    what: str, fun: Any, args: Sequence[Any], kwargs: Any, leaf: Any = None
) -> tuple[ClosedJaxpr, Any]:
    """Trace a function of trees at the types of its arguments; return program and result's tree.

    `leaf`, if there is one, is applied to each leaf of the result.
    """
    leaves, in_tree = tree.flatten((tuple(args), dict(kwargs)))
    names = leaf_names(fun, args, kwargs)
    for name, x in zip(names, leaves, strict=True):
        if not (hasattr(x, "shape") and hasattr(x, "dtype")):
            check_leaf(what, name, x)
    found: list[Any] = []

    def flat(*xs: Any) -> list[Any]:
        new_args, new_kwargs = tree.unflatten(in_tree, xs)
        out = fun(*new_args, **new_kwargs)
        outs, out_tree = flat_result(what, fun, out if leaf is None else tree.map(leaf, out))
        found.append(out_tree)
        return outs

    return stage(flat, list(map(abstract, leaves)), name_of(fun), names), found[0]


def make_jaxpr(
    fun: Callable[..., Any],
    static_argnums: int | Sequence[int] = (),
    axis_env: Sequence[tuple[Any, int]] | None = None,
    return_shape: bool = False,
    abstracted_axes: Any = None,
) -> Callable[..., Any]:
    """Return the function that traces `fun` and returns its jaxpr, computing nothing.

    `axis_env` binds names of mapped axes to sizes. With `return_shape` it returns the jaxpr and the
    tree of the result's ShapeDtypeStructs.
    """
    check_callable("make_jaxpr", fun)

    @named_after(fun, "make_jaxpr", f"The jaxpr of {name_of(fun)}.")
    def jaxpr_of(*args: Any, **kwargs: Any) -> Any:
        run, dynamic, _ = split_static("make_jaxpr", fun, args, kwargs, static_argnums, ())
        axes = BoundAxes(tuple((n, int(k)) for n, k in axis_env)) if axis_env else get_trace()
        with under(axes):
            closed, out_tree = trace_function("make_jaxpr", run, dynamic, kwargs)
        if return_shape:
            return closed, tree.unflatten(out_tree, map(describe, closed.out_avals))
        return closed

    return jaxpr_of


def eval_shape(fun: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Return the shapes and dtypes of `fun(*args, **kwargs)` as ShapeDtypeStructs.

    Arguments and results may be ShapeDtypeStructs too. Cost: a trace; nothing is computed.
    """
    check_callable("eval_shape", fun)
    closed, out_tree = trace_function("eval_shape", fun, args, kwargs, example)
    return tree.unflatten(out_tree, map(describe, closed.out_avals))


def example(x: Any) -> Any:
    """Return zeros for a ShapeDtypeStruct, all else as it is."""
    return zeros(abstract(x)) if isinstance(x, ShapeDtypeStruct) else x


def typeof(x: Any) -> Any:
    """Return the abstract type of a value."""
    return aval_of(x) if is_value(x) else abstract(x)
