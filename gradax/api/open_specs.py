"""`dynamic_dims`: which axes of which arguments are open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gradax import tree
from gradax.api.arguments import name_of, positional_names
from gradax.api.programs import Call, FunctionPrograms, JitOptions
from gradax.core.aval import Aval
from gradax.errors import ArgumentError, ArgumentTypeError, at_user_line
from gradax.records import record

# In the automatic mode an axis is open when it is met with so many sizes.
MANY_SIZES = 3

Place = tuple[int, int]


@record
class Frozen:
    """A dict, as its items."""

    items: tuple[tuple[Any, Any], ...]


def frozen_spec(spec: Any) -> Any:
    """Return what `dynamic_dims` was given as, hashable.

    Errors: TypeError for what is no axis and no container of axes.
    """
    if isinstance(spec, (list, tuple)):
        return tuple(map(frozen_spec, spec))
    if isinstance(spec, dict):
        return Frozen(tuple(sorted((k, frozen_spec(v)) for k, v in spec.items())))
    if spec is None or spec == "auto" or (isinstance(spec, int) and not isinstance(spec, bool)):
        return spec
    raise ArgumentTypeError(
        f"jit: expected dynamic_dims of axes, None, containers of these, or 'auto'; got {spec!r}."
        f"{at_user_line()}"
    )


def places_of(
    options: JitOptions,
    fun: Any,
    call: Call,
    avals: Sequence[Aval],
    found: FunctionPrograms,
    key: Any,
) -> list[Place]:
    """Return which axes of which leaves are open."""
    spec = options.dynamic
    if spec == "auto":
        return often_new(avals, found, key)
    args, kwargs = call.dynamic
    static = options.static.positions(call.n_args)
    places = [i for i in range(call.n_args) if i not in static]
    if isinstance(spec, int) or (is_axes(spec) and len(avals) == 1 != len(spec)):
        axes = spec if isinstance(spec, tuple) else (spec,)
        chosen = [tuple(a for a in axes if -aval.ndim <= a < aval.ndim) for aval in avals]
        if avals and not any(chosen):
            raise ArgumentError(
                f"jit: no argument of {name_of(fun)} has the axis {spec} that dynamic_dims opens;"
                f" they are {', '.join(map(str, avals))}.{at_user_line()}"
            )
    else:
        entries = entries_of(spec, fun, call.n_args, kwargs)
        named = positional_names(fun, call.n_args)
        values = [(named[i], x) for i, x in zip(places, args, strict=True)]
        values += [(name, kwargs[name]) for name in sorted(kwargs)]
        chosen = [axes for name, x in values for axes in leaf_axes(entries.get(name), x, fun)]
    places_found: list[Place] = []
    for leaf, (axes, aval) in enumerate(zip(chosen, avals, strict=True)):
        for axis in axes:
            if not -aval.ndim <= axis < aval.ndim:
                raise ArgumentError(
                    f"jit: dynamic_dims opens the axis {axis} of an argument of {name_of(fun)},"
                    f" but that is {aval}.{at_user_line()}"
                )
            places_found.append((leaf, axis % aval.ndim))
    return sorted(set(places_found))


def entries_of(spec: Any, fun: Any, n_args: int, kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the entry of each parameter, given for parameters by position or by name.

    Errors: ValueError for fewer entries than positional arguments.
    """
    if isinstance(spec, Frozen):
        return dict(spec.items)
    if len(spec) < n_args:
        raise ArgumentError(
            f"jit: dynamic_dims has {len(spec)} entries, but {name_of(fun)} was called with"
            f" {n_args} positional arguments.{at_user_line()}\n"
            "Give an axis for all, or an entry for each parameter."
        )
    names = positional_names(fun, len(spec))
    if len(spec) > n_args and any(name.startswith("args[") for name in names[n_args:]):
        raise ArgumentError(
            f"jit: dynamic_dims has {len(spec)} entries, but {name_of(fun)} has not so many"
            f" parameters.{at_user_line()}"
        )
    return dict(zip(names, spec, strict=True))


def is_axes(spec: Any) -> bool:
    """Tell a tuple of axes."""
    return isinstance(spec, tuple) and all(isinstance(x, int) for x in spec)


def leaf_axes(spec: Any, value: Any, fun: Any) -> list[tuple[int, ...]]:
    """Return the open axes of each leaf of an argument."""
    leaves, structure = tree.flatten(value)
    is_leaf = len(leaves) == 1 and leaves[0] is value
    if spec is None:
        return [()] * len(leaves)
    if isinstance(spec, int):
        return [(spec,)] * len(leaves)
    if is_leaf:
        if is_axes(spec):
            return [spec]
    elif isinstance(value, Mapping) and isinstance(spec, Frozen):
        entries = dict(spec.items)
        return [axes for k in sorted(value) for axes in leaf_axes(entries.get(k), value[k], fun)]
    elif isinstance(value, (tuple, list)) and isinstance(spec, tuple) and len(spec) == len(value):
        return [axes for s, x in zip(spec, value, strict=True) for axes in leaf_axes(s, x, fun)]
    raise ArgumentError(
        f"jit: the entry {spec!r} of dynamic_dims does not fit an argument of {name_of(fun)} with"
        f" the structure {structure}.{at_user_line()}"
    )


def often_new(avals: Sequence[Aval], found: FunctionPrograms, key: Any) -> list[Place]:
    """Return the axes that have been met with many sizes."""
    every = [(leaf, axis) for leaf, aval in enumerate(avals) for axis in range(aval.ndim)]
    seen: dict[Place, set[int]] = found.seen.setdefault((pattern(avals, every), *key[1:]), {})
    for leaf, axis in every:
        seen.setdefault((leaf, axis), set()).add(avals[leaf].shape[axis])
    return [place for place, sizes in seen.items() if len(sizes) >= MANY_SIZES]


def pattern(avals: Sequence[Aval], places: Sequence[Place]) -> tuple[Any, ...]:
    """Return avals without the sizes of open axes."""
    shapes: list[list[Any]] = [list(aval.shape) for aval in avals]
    for leaf, axis in places:
        shapes[leaf][axis] = None
    return tuple(
        (tuple(shape), aval.dtype, aval.weak_type)
        for shape, aval in zip(shapes, avals, strict=True)
    )
