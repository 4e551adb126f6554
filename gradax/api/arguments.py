"""Arguments of the functions that users give: their names, their leaves, what they may be."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import wraps
from typing import Any

import numpy as np

from gradax import dtypes, tree
from gradax.core.aval import Aval
from gradax.core.value import aval_of, is_value
from gradax.errors import ArgumentError, ArgumentTypeError, DtypeError, at_user_line


def name_of(fun: Any) -> str:
    """Return a function's name; that of the inner one for a functools.partial."""
    while not hasattr(fun, "__name__") and hasattr(fun, "func"):
        fun = fun.func
    return getattr(fun, "__name__", None) or type(fun).__name__


def check_callable(what: str, fun: Any) -> None:
    """Raise unless `fun` can be called."""
    if not callable(fun):
        raise ArgumentTypeError(
            f"{what}: expected a function; got {type(fun).__name__}: {repr(fun)[:60]}."
            f"{at_user_line()}"
        )
    if inspect.isgeneratorfunction(fun):
        raise ArgumentTypeError(
            f"{what}: expected a function that returns arrays; {name_of(fun)} is a generator."
            f"{at_user_line()}"
        )


def named_after(
    fun: Any, what: str, doc: str
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a wrapper the name, signature and docstring of `fun`, with a line on what it does."""

    def decorate(wrapper: Callable[..., Any]) -> Callable[..., Any]:
        with suppress(AttributeError, TypeError):
            wrapper = wraps(fun, updated=())(wrapper)
        wrapper.__name__ = f"{what}({name_of(fun)})" if what else name_of(fun)
        text = getattr(fun, "__doc__", None)
        wrapper.__doc__ = f"{doc}\n\n{text}" if isinstance(text, str) else doc
        return wrapper

    return decorate


def signature_of(fun: Any) -> inspect.Signature | None:
    """Return a function's signature, None for callables that have none."""
    try:
        return inspect.signature(fun)
    except (ValueError, TypeError):
        return None


def positional_names(fun: Any, n_args: int) -> list[str]:
    """Return the names of the first positional parameters."""
    signature = signature_of(fun)
    names: list[str] = []
    for p in signature.parameters.values() if signature else ():
        if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD):
            names.append(p.name)
        elif p.kind is p.VAR_POSITIONAL:
            names += [f"{p.name}[{i}]" for i in range(n_args - len(names))]
    names += [f"args[{i}]" for i in range(len(names), n_args)]
    return names[:n_args]


def leaf_names(fun: Any, args: Sequence[Any], kwargs: Mapping[str, Any] | None = None) -> list[str]:
    """Return the user's name of each leaf of the arguments: `x`, `params['w']`."""
    named = list(zip(positional_names(fun, len(args)), args, strict=True))
    named += sorted((kwargs or {}).items())
    return [name + tree.keystr(path) for name, x in named for path, _ in tree.leaves_with_path(x)]


def argument_indices(what: str, argnums: Any, n_args: int) -> tuple[int, ...]:
    """Return argnums as indices of positional arguments.

    Errors: TypeError for what are no integers, ValueError for those outside the arguments.
    """
    items = argnums if isinstance(argnums, Iterable) else (argnums,)
    indices = []
    for i in items:
        if isinstance(i, bool) or not hasattr(i, "__index__"):
            raise ArgumentTypeError(
                f"{what}: expected argnums of integers; got {argnums!r}.{at_user_line()}"
            )
        i = i.__index__()
        if not -n_args <= i < n_args:
            raise ArgumentError(
                f"{what}: argnums {argnums} asks for argument {i}, but the call has {n_args}"
                f" positional argument{'s' if n_args != 1 else ''}.{at_user_line()}\n"
                "Pass the arguments to differentiate by position."
            )
        indices.append(i % n_args)
    return tuple(indices)


def replace_arguments(
    args: Sequence[Any], indices: Sequence[int], values: Sequence[Any]
) -> list[Any]:
    """Return the arguments with some of them replaced."""
    new = list(args)
    for i, value in zip(indices, values, strict=True):
        new[i] = value
    return new


def abstract(x: Any) -> Aval:
    """Return the aval of a value or of what describes one by its shape and dtype."""
    if is_value(x):
        return aval_of(x)
    if hasattr(x, "shape") and hasattr(x, "dtype"):
        dtype = x.dtype if dtypes.is_extended(x.dtype) else dtypes.canonicalize_dtype(x.dtype)
        return Aval(x.shape, dtype, bool(getattr(x, "weak_type", False)))
    return aval_of(x)


def check_leaf(what: str, name: str, x: Any) -> None:
    """Raise unless an argument's leaf is an array or a number."""
    if not is_value(x) and not (hasattr(x, "__array__") and not isinstance(x, type)):
        raise ArgumentTypeError(
            f"{what}: the argument {name} is {repr(x)[:80]} of type {type(x).__name__}, which is no"
            f" array.{at_user_line()}\nPass arrays and numbers; mark what else the function needs"
            " as static (static_argnums), or close over it."
        )


def flat_result(what: str, fun: Any, out: Any) -> tuple[list[Any], Any]:
    """Return the leaves of a function's result and its structure.

    Errors: TypeError naming the leaf that is no array.
    """
    leaves, out_tree = tree.flatten(out)
    for k, x in enumerate(leaves):
        if not is_value(x) and not hasattr(x, "__array__"):
            path = tree.keystr(tree.leaves_with_path(out)[k][0])
            raise ArgumentTypeError(
                f"{what}: {name_of(fun)} must return arrays and numbers; its result{path} is"
                f" {repr(x)[:80]} of type {type(x).__name__}.{at_user_line()}"
            )
    return leaves, out_tree


def differentiable(what: str, name: str, x: Any, allow_int: bool, holomorphic: bool) -> Any:
    """Return an argument that is differentiated; a Python integer becomes a float.

    Errors: TypeError for integer arrays, and for real ones when `holomorphic` is asked for.
    """
    if isinstance(x, int) and not allow_int and not holomorphic:
        return float(x)
    check_leaf(what, name, x)
    aval = aval_of(x)
    if holomorphic and not dtypes.issubdtype(aval.dtype, np.complexfloating):
        raise DtypeError(
            f"{what}: with holomorphic=True the argument {name} must be complex; got {aval}."
            f"{at_user_line()}"
        )
    if not allow_int and not dtypes.issubdtype(aval.dtype, np.inexact):
        raise DtypeError(
            f"{what}: the argument {name} must be a float or complex array; got {aval}."
            f"{at_user_line()}\nConvert it with astype(float), or leave it out of argnums;"
            " allow_int=True gives it a gradient of dtype float0."
        )
    return x
