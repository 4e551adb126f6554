"""`grad` and `value_and_grad`: reverse-mode derivatives of functions with one scalar result."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gradax import dtypes, tree
from gradax.api.arguments import (
    argument_indices,
    check_callable,
    differentiable,
    leaf_names,
    name_of,
    named_after,
    replace_arguments,
)
from gradax.api.reverse import array_of, pull_back, take_aux, typed
from gradax.control.pullback import pull_back_program
from gradax.core.aval import Aval, tangent_aval
from gradax.core.axes import sharded_axes
from gradax.core.jaxpr import inline_consts
from gradax.core.staging import stage
from gradax.core.tracer import Tracer
from gradax.core.value import as_value, conversion
from gradax.errors import DtypeError, ShapeError, at_user_line
from gradax.transforms.linearize import linearize_flat


def grad(
    fun: Callable[..., Any],
    argnums: int | Sequence[int] = 0,
    has_aux: bool = False,
    holomorphic: bool = False,
    allow_int: bool = False,
    reduce_axes: Sequence[Any] = (),
) -> Callable[..., Any]:
    """Return the function that computes the gradient of `fun`.

    The gradient has the tree, shapes and dtypes of the argument, or is a tuple of such for a tuple
    of `argnums`. With `has_aux`, `fun` returns (scalar, aux) and the result is (gradient, aux).
    Errors: TypeError for a result that is no scalar and for integer arrays.
    """
    check_callable("grad", fun)
    both = value_and_grad_of("grad", fun, argnums, has_aux, holomorphic, allow_int)

    @named_after(fun, "grad", f"Gradient of {name_of(fun)} with respect to argument {argnums}.")
    def gradient(*args: Any, **kwargs: Any) -> Any:
        value, g = both(*args, **kwargs)
        return (g, value[1]) if has_aux else g

    return gradient


def value_and_grad(
    fun: Callable[..., Any],
    argnums: int | Sequence[int] = 0,
    has_aux: bool = False,
    holomorphic: bool = False,
    allow_int: bool = False,
    reduce_axes: Sequence[Any] = (),
) -> Callable[..., Any]:
    """Return the function that computes `fun` and its gradient together.

    The result is (value, gradient); with `has_aux` it is ((value, aux), gradient).
    Errors: as `grad`.
    """
    check_callable("value_and_grad", fun)
    both = value_and_grad_of("value_and_grad", fun, argnums, has_aux, holomorphic, allow_int)
    doc = f"Value and gradient of {name_of(fun)} with respect to argument {argnums}."
    return named_after(fun, "value_and_grad", doc)(both)


def value_and_grad_of(
    what: str, fun: Any, argnums: Any, has_aux: bool, holomorphic: bool, allow_int: bool
) -> Callable[..., Any]:
    """Return the function of value and gradient, whose errors name `what`."""
    several = not hasattr(argnums, "__index__")

    def both(*args: Any, **kwargs: Any) -> Any:
        indices = argument_indices(what, argnums, len(args))
        chosen = tuple(args[i] for i in indices)
        leaves, in_tree = tree.flatten(chosen)
        if not all(map(is_plain_float, leaves)):
            leaves = differentiable_leaves(what, fun, args, indices, leaves, allow_int, holomorphic)
        aux: list[Any] = []

        def flat(*xs: Any) -> list[Any]:
            out = fun(*replace_arguments(args, indices, tree.unflatten(in_tree, xs)), **kwargs)
            return [scalar_result(what, fun, take_aux(what, fun, out, aux) if has_aux else out)]

        if axes := sharded_axes():
            value, back = pull_back_sharded(what, fun, flat, leaves, aux, holomorphic, axes)
            found = tree.unflatten(in_tree, back)
            return ((value, aux[0]) if has_aux else value), found if several else found[0]
        (value,), program, nonzero = linearize_flat(flat, leaves, name_of(fun))
        check_result(what, fun, value.aval, holomorphic)
        one = conversion.to_array(np.ones((), value.dtype), value.aval)
        found = tree.unflatten(in_tree, pull_back(program, nonzero, [one], leaves))
        gradient = found if several else found[0]
        return ((value, aux[0]) if has_aux else value), gradient

    return both


def pull_back_sharded(
    what: str, fun: Any, flat: Any, leaves: Any, aux: list[Any], holomorphic: bool, axes: Any
) -> tuple[Any, list[Any]]:
    """Return value and gradients inside a shard_map; the arrays in `aux` are replaced."""
    places: list[Any] = []

    def whole(*xs: Any) -> list[Any]:
        outs = flat(*xs)
        places[:], structure = tree.flatten(aux)
        aux[:] = [structure]
        return [*outs, *(x for x in places if isinstance(x, Tracer))]

    closed = stage(whole, [as_value(x).aval for x in leaves], name_of(fun))
    aval = closed.out_avals[0]
    check_result(what, fun, aval, holomorphic)
    one = conversion.to_array(np.ones((), aval.dtype), aval)
    primals = [as_value(x) for x in leaves]
    outs, back = pull_back_program(inline_consts(closed), closed.consts, primals, [one], axes)
    rest = iter(outs[1:])
    arrays = [next(rest) if isinstance(x, Tracer) else x for x in places]
    aux[:] = tree.unflatten(aux[0], arrays)
    pairs = zip(map(array_of, back), primals, strict=True)
    return outs[0], [typed(ct, tangent_aval(x.aval)) for ct, x in pairs]


def is_plain_float(x: Any) -> bool:
    """Tell whether a leaf is a real array that needs no check."""
    dtype = getattr(x, "dtype", None)
    return (
        dtype is not None
        and getattr(dtype, "kind", "") == "f"
        and hasattr(x, "aval")
        and (hasattr(x, "weak_type"))
    )


def differentiable_leaves(
    what: str, fun: Any, args: Any, indices: Any, leaves: Any, allow_int: bool, holomorphic: bool
) -> list[Any]:
    """Check and convert the leaves that are differentiated."""
    owned = leaf_owner(fun, args)
    names = [name for i in indices for name in owned[i]]
    return [
        differentiable(what, name, x, allow_int, holomorphic)
        for name, x in zip(names, leaves, strict=True)
    ]


def leaf_owner(fun: Any, args: Sequence[Any]) -> list[list[str]]:
    """Return the names of the leaves of each argument."""
    names = iter(leaf_names(fun, args))
    return [[next(names) for _ in tree.leaves(x)] for x in args]


def scalar_result(what: str, fun: Any, out: Any) -> Any:
    """Return the only leaf of a result, which must be a scalar."""
    if hasattr(out, "aval"):
        x = out
    else:
        leaves, out_tree = tree.flatten(out)
        if len(leaves) != 1 or leaves[0] is not out:
            raise ShapeError(
                f"{what}: {name_of(fun)} must return one scalar to be differentiated; it returned"
                f" {out_tree}.{at_user_line()}\nReturn extra results beside it with has_aux=True."
            )
        x = as_value(out)
    if x.shape != ():
        raise ShapeError(
            f"{what}: {name_of(fun)} must return a scalar to be differentiated; it returned an"
            f" array of shape {x.shape}.{at_user_line()}\nReduce it, for example with sum or mean,"
            " or use jacrev or jacfwd for the derivatives of all elements."
        )
    return x


def check_result(what: str, fun: Any, aval: Aval, holomorphic: bool) -> None:
    """Raise unless the result's dtype can be differentiated."""
    is_complex = dtypes.issubdtype(aval.dtype, np.complexfloating)
    if holomorphic and not is_complex:
        wanted, mend = "complex, since holomorphic=True", "Leave holomorphic out."
    elif is_complex and not holomorphic:
        wanted = "real"
        mend = "Return a real number, or pass holomorphic=True if the function is holomorphic."
    elif not dtypes.issubdtype(aval.dtype, np.inexact):
        wanted, mend = "a float", "An integer or bool result has no derivative."
    else:
        return
    raise DtypeError(
        f"{what}: the result of {name_of(fun)} must be {wanted}; got {aval}.{at_user_line()}\n"
        f"{mend}"
    )
