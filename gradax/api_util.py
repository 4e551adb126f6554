"""What functions that wrap others need: flat arguments, argument numbers, types."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from gradax import tree
from gradax.api.arguments import abstract, name_of
from gradax.core.aval import Aval
from gradax.errors import ArgumentError, ArgumentTypeError, TreeError, at_user_line
from gradax.extend.linear_util import (
    DebugInfo,
    Store,
    WrappedFun,
    transformation2,
    transformation_with_aux2,
)


def safe_map(f: Callable[..., Any], *args: Any) -> list[Any]:
    """Return what `f` gives for the items of lists, as a list.

    Errors: ValueError for lists of different lengths.
    """
    lists = [list(a) for a in args]
    for k, items in enumerate(lists[1:], start=2):
        if len(items) != len(lists[0]):
            how = "shorter" if len(items) < len(lists[0]) else "longer"
            raise ValueError(f"safe_map: argument {k} is {how} than argument 1")
    return [f(*items) for items in zip(*lists, strict=True)]


def shaped_abstractify(x: Any) -> Aval:
    """Return the type of an array, a number, or anything with a shape and a dtype.

    Errors: TypeError for anything else.
    """
    return abstract(x)


def _flat_call(f: Callable[..., Any], store: Store, in_tree: Any, *args_flat: Any) -> Any:
    args, kwargs = tree.unflatten(in_tree, args_flat)
    outs, out_tree = tree.flatten(f(*args, **kwargs))
    store.store(out_tree)
    return outs


def _flat_call_nokwargs(f: Callable[..., Any], store: Store, in_tree: Any, *args: Any) -> Any:
    outs, out_tree = tree.flatten(f(*tree.unflatten(in_tree, args)))
    store.store(out_tree)
    return outs


def flatten_fun(fun: WrappedFun, in_tree: Any) -> tuple[WrappedFun, Callable[[], Any]]:
    """Return `fun` on flat arguments with flat results, and the reader of its result's tree.

    `in_tree` is the tree of (args, kwargs).
    """
    return transformation_with_aux2(_flat_call, fun, in_tree)


def flatten_fun_nokwargs(fun: WrappedFun, in_tree: Any) -> tuple[WrappedFun, Callable[[], Any]]:
    """Return `fun` on flat arguments with flat results, and the reader of its result's tree.

    `in_tree` is the tree of the arguments.
    """
    return transformation_with_aux2(_flat_call_nokwargs, fun, in_tree)


class _Fixed:
    """An argument that is bound; compared as its value where that can be."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return type(other) is _Fixed and self.value == other.value

    def __hash__(self) -> int:
        try:
            return hash(self.value)
        except TypeError:
            return id(self.value)


def _call_with_fixed(
    f: Callable[..., Any],
    positions: tuple[int, ...],
    fixed: tuple[_Fixed, ...],
    *given: Any,
    **kwargs: Any,
) -> Any:
    args: list[Any] = [None] * (len(given) + len(fixed))
    for i, x in zip(positions, given, strict=True):
        args[i] = x
    rest = iter(fixed)
    for i in range(len(args)):
        if i not in positions:
            args[i] = next(rest).value
    return f(*args, **kwargs)


def argnums_partial(
    f: WrappedFun,
    dyn_argnums: int | Sequence[int],
    args: Sequence[Any],
    require_static_args_hashable: bool = True,
) -> tuple[WrappedFun, tuple[Any, ...]]:
    """Return `f` as a function of the arguments `dyn_argnums`, and those; the others are bound.

    Errors: TypeError for a bound argument that cannot be hashed, where that is required.
    """
    numbers = (dyn_argnums,) if isinstance(dyn_argnums, int) else tuple(dyn_argnums)
    positions = tuple(sorted(n % len(args) for n in numbers))
    fixed = tuple(_Fixed(x) for i, x in enumerate(args) if i not in positions)
    if require_static_args_hashable:
        for x in fixed:
            check_hashable(x.value)
    run = transformation2(_call_with_fixed, f, positions, fixed)
    return run, tuple(args[i] for i in positions)


def check_hashable(x: Any) -> None:
    """Raise a TypeError for a value that cannot be hashed."""
    try:
        hash(x)
    except TypeError:
        raise ArgumentTypeError(
            f"A static argument must be hashable; got {type(x).__name__}: {x!r}.{at_user_line()}"
        ) from None


def rebase_donate_argnums(
    donate_argnums: Sequence[int], static_argnums: Sequence[int]
) -> tuple[int, ...]:
    """Return the numbers of donated arguments among those that are not static.

    Errors: ValueError for an argument that is both.
    """
    both = sorted(set(donate_argnums) & set(static_argnums))
    if both:
        raise ArgumentError(
            f"Arguments cannot be static and donated; {both} are both.{at_user_line()}"
        )
    return tuple(sorted(d - sum(s < d for s in static_argnums) for d in donate_argnums))


def donation_vector(
    donate_argnums: Sequence[int],
    donate_argnames: Sequence[str],
    in_tree: Any,
    kws: bool = True,
) -> tuple[bool, ...]:
    """Return for each leaf of (args, kwargs), or with kws=False of args, whether it is donated."""
    numbered = tree.unflatten(in_tree, range(in_tree.num_leaves))
    args, kwargs = numbered if kws else (numbered, {})
    given = {leaf for i in donate_argnums if i < len(args) for leaf in tree.leaves(args[i])}
    for name, value in kwargs.items():
        if name in donate_argnames:
            given.update(tree.leaves(value))
    return tuple(leaf in given for leaf in range(in_tree.num_leaves))


def flatten_axes(
    name: str, treedef: Any, axis_tree: Any, *, kws: bool = False, tupled_args: bool = False
) -> list[Any]:
    """Return for each leaf of a tree what a prefix of it, with None as a leaf, says.

    Errors: ValueError unless `axis_tree` is such a prefix.
    """
    whole = tree.unflatten(treedef, range(treedef.num_leaves))
    prefix = axis_tree
    if kws:
        whole, prefix = whole[0], axis_tree
    try:
        found = tree.broadcast_prefix(prefix, whole, lambda x: x is None, name)
    except TreeError as error:
        hint = " (a tuple with an entry for each argument)" if tupled_args else ""
        raise ValueError(
            f"{name}: the specification{hint} must be a tree prefix of the value it is for,"
            f" {treedef}; got {axis_tree!r}."
        ) from error
    if kws:
        found = [*found, *[0] * (treedef.num_leaves - len(found))]
    return found


def debug_info(
    traced_for: str,
    fun: Callable[..., Any],
    args: Sequence[Any],
    kwargs: dict[str, Any],
    *,
    static_argnums: Sequence[int] = (),
    static_argnames: Sequence[str] = (),
    result_paths_thunk: Any = None,
    sourceinfo: str | None = None,
    signature: inspect.Signature | None = None,
) -> DebugInfo:
    """Return where a function comes from and the names of its arguments' leaves."""
    source = source_of(fun) if sourceinfo is None else sourceinfo
    names = argument_names(fun, args, kwargs, static_argnums, static_argnames, signature)
    return DebugInfo(traced_for, source, names, result_paths_thunk)


def source_of(fun: Callable[..., Any]) -> str:
    """Return `name at file:line` of a function."""
    inner = fun
    while isinstance(inner, partial):
        inner = inner.func
    code = getattr(inspect.unwrap(inner), "__code__", None)
    if code is None:
        return name_of(fun)
    return f"{name_of(fun)} at {code.co_filename}:{code.co_firstlineno}"


def argument_names(
    fun: Callable[..., Any],
    args: Sequence[Any],
    kwargs: dict[str, Any],
    static_argnums: Sequence[int],
    static_argnames: Sequence[str],
    signature: inspect.Signature | None,
) -> tuple[str, ...] | None:
    """Return the names of the arguments' leaves; None where the signature is not known."""
    try:
        bound = (signature or inspect.signature(fun)).bind(*args, **kwargs)
    except (TypeError, ValueError):
        return None
    static = {names for i, names in enumerate(bound.signature.parameters) if i in static_argnums}
    static |= set(static_argnames)
    return tuple(
        name + tree.keystr(path)
        for name, value in bound.arguments.items()
        if name not in static
        for path, _ in tree.leaves_with_path(value)
    )
