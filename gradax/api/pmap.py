"""`pmap`: a function mapped over an axis, each index of which is a device's."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from functools import partial
from typing import Any

import numpy as np

from gradax import tree
from gradax.api.arguments import check_callable, name_of, named_after
from gradax.api.jit import jit
from gradax.api.static import as_indices
from gradax.api.vmap import check_axes, is_none, result_axes, vmap
from gradax.core.tracer import Tracer
from gradax.errors import ArgumentError, at_user_line
from gradax.runtime.device import Device, all_devices, check_backend
from gradax.runtime.mesh import Mesh
from gradax.runtime.placement import place
from gradax.runtime.sharding import NamedSharding, PartitionSpec


def pmap(
    fun: Callable[..., Any],
    axis_name: Hashable | None = None,
    *,
    in_axes: Any = 0,
    out_axes: Any = 0,
    static_broadcasted_argnums: int | Sequence[int] = (),
    devices: Sequence[Device] | None = None,
    backend: str | None = None,
    axis_size: int | None = None,
    donate_argnums: int | Sequence[int] = (),
    global_arg_shapes: Any = None,
) -> Callable[..., Any]:
    """Return `fun`, compiled and mapped over an axis of its arguments, a device for each index.

    in_axes, out_axes: as `vmap`'s. static_broadcasted_argnums: arguments that are no arrays. The
    results lie on `devices` (by default the first ones) along the mapped axis.
    Errors: ValueError when there are fewer devices than indices.
    """
    check_callable("pmap", fun)
    check_backend(backend)
    check_axes("in_axes", in_axes)
    check_axes("out_axes", out_axes)
    if isinstance(in_axes, list):
        in_axes = tuple(in_axes)
    static = as_indices("pmap: static_broadcasted_argnums", static_broadcasted_argnums)
    name = object() if axis_name is None else axis_name

    def body(*args: Any, **kwargs: Any) -> Any:
        """Map over the arguments that are arrays."""
        fixed = {i % len(args): args[i] for i in static}
        dynamic = [x for i, x in enumerate(args) if i not in fixed]
        axes = in_axes
        if isinstance(axes, tuple):
            axes = tuple(a for i, a in enumerate(axes) if i not in fixed)
        run = partial(with_fixed, fun, fixed, len(args))
        named: Any = named_after(fun, "", "")(run) if not fixed else run
        mapped = vmap(named, axes, out_axes, name, axis_size)
        return mapped(*dynamic, **kwargs)

    body.__name__ = name_of(fun)
    compiled = jit(body, static_argnums=static, donate_argnums=donate_argnums)

    @named_after(fun, "", f"{name_of(fun)} mapped over devices: in_axes={in_axes!r}.")
    def mapped(*args: Any, **kwargs: Any) -> Any:
        size = size_of(args, kwargs, in_axes, static, axis_size)
        chosen = devices_for(size, devices)
        out = compiled(*args, **kwargs)
        shown = axis_name if isinstance(axis_name, str) else "pmap"
        mesh = Mesh(np.array(chosen, dtype=object), (shown,))
        leaves, out_tree = tree.flatten(out)
        places = result_axes(fun, out_axes, out_tree)
        pairs = zip(leaves, places, strict=True)
        return tree.unflatten(out_tree, [laid_out(x, mesh, axis) for x, axis in pairs])

    result: Any = mapped
    result.lower = compiled.lower
    return mapped


def with_fixed(fun: Any, fixed: dict[int, Any], n: int, *dynamic: Any, **kwargs: Any) -> Any:
    """Call a function with its static arguments among the others."""
    rest = iter(dynamic)
    return fun(*(fixed[i] if i in fixed else next(rest) for i in range(n)), **kwargs)


def laid_out(x: Any, mesh: Mesh, axis: int | None) -> Any:
    """Return a result on the devices, cut along the mapped axis."""
    if isinstance(x, Tracer):
        return x
    entries = () if axis is None else (*(None,) * (axis % x.ndim), mesh.axis_names[0])
    return place(x, NamedSharding(mesh, PartitionSpec(*entries)))


def size_of(args: Any, kwargs: Any, in_axes: Any, static: Sequence[int], given: Any) -> int | None:
    """Return the size of the mapped axis as the first mapped argument has it."""
    if given is not None:
        return int(given)
    fixed = {i % len(args) for i in static}
    for i, arg in enumerate(args):
        if i in fixed or (isinstance(in_axes, tuple) and i >= len(in_axes)):
            continue
        axes = in_axes[i] if isinstance(in_axes, tuple) else in_axes
        dims = tree.broadcast_prefix(axes, arg, is_none, "pmap in_axes")
        for x, dim in zip(tree.leaves(arg), dims, strict=True):
            if dim is not None and -np.ndim(x) <= dim < np.ndim(x):
                return int(np.shape(x)[dim])
    for x in tree.leaves(kwargs):
        if np.ndim(x):
            return int(np.shape(x)[0])
    return None


def devices_for(size: int | None, devices: Sequence[Device] | None) -> list[Device]:
    """Return a device for each index.

    Errors: ValueError when there are too few, or another number of `devices` was given.
    """
    chosen = list(all_devices() if devices is None else devices)
    n = len(chosen) if size is None else size
    if n > len(chosen) or (devices is not None and n != len(chosen)):
        have = "this process has" if devices is None else "`devices` has"
        raise ArgumentError(
            f"pmap: the mapped axis has size {n}; {have} {len(chosen)}"
            f" device{'s' if len(chosen) != 1 else ''}.{at_user_line()}\nMore CPU devices come from"
            " gradax.config.update('num_cpu_devices', n), or GRADAX_NUM_CPU_DEVICES, set before"
            " the first use of a device. A mapped axis that needs no devices is vmap's."
        )
    return chosen[:n]
