"""`vmap`: a function of arrays as one of arrays with one more axis."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from typing import Any

from gradax import tree
from gradax.api.arguments import (
    check_callable,
    check_leaf,
    flat_result,
    leaf_names,
    name_of,
    named_after,
)
from gradax.core.aval import without_axis
from gradax.core.staging import stage
from gradax.core.value import as_value, is_value
from gradax.errors import (
    ArgumentError,
    ArgumentTypeError,
    ConcretizationTypeError,
    TreeError,
    at_user_line,
)
from gradax.transforms.vmap import batch_flat, to_axis

Axis = int | None


def is_none(x: Any) -> bool:
    """Tell whether a node of an axes tree is None, which is a leaf there."""
    return x is None


def vmap(
    fun: Callable[..., Any],
    in_axes: Any = 0,
    out_axes: Any = 0,
    axis_name: Hashable | None = None,
    axis_size: int | None = None,
    spmd_axis_name: Any = None,
) -> Callable[..., Any]:
    """Return `fun` mapped over an axis of its arguments.

    `in_axes` is an integer, None (not mapped), or a tree that is a prefix of the positional
    arguments; keyword arguments are mapped over axis 0. `out_axes` says where the mapped axis of
    the results goes.
    Errors: ValueError naming the arguments whose mapped sizes differ, or an axis out of range.
    """
    check_callable("vmap", fun)
    check_axes("in_axes", in_axes)
    check_axes("out_axes", out_axes)
    if isinstance(in_axes, list):
        in_axes = tuple(in_axes)
    if not isinstance(in_axes, (int, tuple)) and in_axes is not None:
        raise ArgumentTypeError(
            "vmap: expected in_axes of an integer, None or a tuple with an entry for each argument;"
            f" got {in_axes!r}.{at_user_line()}"
        )

    @named_after(fun, "", f"{name_of(fun)} mapped over an axis: in_axes={in_axes!r}.")
    def mapped(*args: Any, **kwargs: Any) -> Any:
        leaves, in_tree = tree.flatten((args, kwargs))
        dims = argument_axes(fun, in_axes, args, kwargs)
        size, dims = mapped_size(fun, args, kwargs, leaves, dims, axis_size)
        found: list[Any] = []

        def flat(*xs: Any) -> list[Any]:
            new_args, new_kwargs = tree.unflatten(in_tree, xs)
            outs, out_tree = flat_result("vmap", fun, fun(*new_args, **new_kwargs))
            found.append(out_tree)
            return list(map(as_value, outs))

        # What is no array is the same for all, and stays what it is.
        values = [as_value(x) if is_value(x) else x for x in leaves]
        try:
            outs = batch_flat(flat, size, values, dims, axis_name, name=name_of(fun))
        except ConcretizationTypeError as error:
            names = leaf_names(fun, args, kwargs)
            raise named_error(flat, name_of(fun), names, values, dims) or error from None
        places = result_axes(fun, out_axes, found[0])
        return tree.unflatten(
            found[0], [placed(fun, x, d, size, p) for (x, d), p in zip(outs, places, strict=True)]
        )

    return mapped


def named_error(
    flat: Any, name: str, names: Sequence[str], values: Sequence[Any], dims: Sequence[Axis]
) -> ConcretizationTypeError | None:
    """Trace one slice of a mapped call; return its error, which names the argument at fault."""
    if not all(map(is_value, values)):
        return None
    avals = [
        x.aval if d is None else without_axis(x.aval, d) for x, d in zip(values, dims, strict=True)
    ]
    try:
        stage(flat, avals, name, names)
    except ConcretizationTypeError as error:
        return error
    except Exception:  # something else is wrong as well: the first error is the one to show
        return None
    return None


def check_axes(name: str, axes: Any) -> None:
    """Raise unless every leaf is an integer or None."""
    for leaf in tree.leaves(axes, is_none):
        if leaf is not None and (isinstance(leaf, bool) or not hasattr(leaf, "__index__")):
            raise ArgumentTypeError(
                f"vmap: expected {name} of integers and None; got {axes!r}.{at_user_line()}"
            )


def argument_axes(fun: Any, in_axes: Any, args: tuple[Any, ...], kwargs: Any) -> list[Axis]:
    """Return the mapped axis of each leaf of the arguments."""
    if isinstance(in_axes, tuple) and len(in_axes) != len(args):
        raise ArgumentError(
            f"vmap: in_axes has {len(in_axes)} entries, but {name_of(fun)} was called with"
            f" {len(args)} positional arguments.{at_user_line()}\nGive one entry for each argument;"
            " None for those that are not mapped."
        )
    try:
        dims = tree.broadcast_prefix(in_axes, args, is_none, "vmap in_axes")
    except TreeError as error:
        raise ArgumentError(
            f"vmap: in_axes must be a prefix of the arguments' tree; {error}"
        ) from None
    return dims + [0] * len(tree.leaves(kwargs))


def mapped_size(
    fun: Any, args: Any, kwargs: Any, leaves: Sequence[Any], dims: Sequence[Axis], given: Any
) -> tuple[int, list[Axis]]:
    """Return the size of the mapped axis and the axes as positions from the front."""
    sizes: list[int] = []
    places: list[Axis] = []
    names: list[str] = []
    for k, (x, dim) in enumerate(zip(leaves, dims, strict=True)):
        if not hasattr(x, "shape") and (dim is not None or hasattr(x, "__array__")):
            names = names or leaf_names(fun, args, kwargs)
            check_leaf("vmap", names[k], x)
        if dim is None:
            places.append(None)
            continue
        shape = getattr(x, "shape", None) or as_value(x).shape
        if not -len(shape) <= dim < len(shape):
            names = names or leaf_names(fun, args, kwargs)
            raise ArgumentError(
                f"vmap: the argument {names[k]} has shape {tuple(shape)}, so it cannot be mapped"
                f" over axis {dim}.{at_user_line()}\nPass in_axes=None for an argument that is the"
                " same for all."
            )
        places.append(dim % len(shape))
        sizes.append(shape[dim])
    if given is not None:
        sizes.append(int(given))
    if not sizes:
        raise ArgumentError(
            "vmap: no argument is mapped, so the size of the mapped axis is not known."
            f"{at_user_line()}\nMap at least one argument, or pass axis_size."
        )
    if any(n != sizes[0] for n in sizes):
        raise unequal_sizes(leaf_names(fun, args, kwargs), leaves, places, given)
    return sizes[0], places


def unequal_sizes(names: Any, leaves: Any, places: Any, given: Any) -> ArgumentError:
    """Make the error for mapped axes of different sizes."""
    rows = [
        (x.shape[d], n, d, x)
        for n, x, d in zip(names, leaves, places, strict=True)
        if d is not None
    ]
    common = Counter(r[0] for r in rows).most_common(1)[0][0]
    lines = [
        f"  {name}: size {n} along axis {d}, shape {tuple(x.shape)}"
        for n, name, d, x in sorted(rows, key=lambda r: r[0] != common)
    ]
    if given is not None:
        lines.insert(0, f"  axis_size={given}")
    shown = "\n".join(lines[:8] + (["  …"] if len(lines) > 8 else []))
    return ArgumentError(f"vmap: mapped axes must have the same size; got\n{shown}{at_user_line()}")


def result_axes(fun: Any, out_axes: Any, out_tree: Any) -> list[Axis]:
    """Return where the mapped axis of each result goes."""
    if not isinstance(out_axes, (tuple, list, dict)) and tree.structure(out_axes).num_nodes == 1:
        return [out_axes] * out_tree.num_leaves
    dummy = tree.unflatten(out_tree, [0] * out_tree.num_leaves)
    try:
        return tree.broadcast_prefix(out_axes, dummy, is_none, "vmap out_axes")
    except TreeError as error:
        raise ArgumentError(
            f"vmap: out_axes must be a prefix of the tree that {name_of(fun)} returns; {error}"
        ) from None


def placed(fun: Any, x: Any, dim: Axis, size: int, place: Axis) -> Any:
    """Return a result with its mapped axis where `out_axes` wants it."""
    if place is None:
        if dim is not None:
            raise ArgumentError(
                f"vmap: a result of {name_of(fun)} is mapped, so its out_axes cannot be None."
                f"{at_user_line()}\nReduce it over the mapped axis, or give it an axis."
            )
        return x
    n = x.ndim + (dim is None)
    if not -n <= place < n:
        raise ArgumentError(
            f"vmap: out_axes {place} is outside a result of {n} axes, the mapped one included."
            f"{at_user_line()}\nout_axes says where the mapped axis goes in the result: {-n} to"
            f" {n - 1} here."
        )
    return to_axis(x, dim, size, place % n)
