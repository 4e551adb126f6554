"""Laying out arrays anew: `with_sharding_constraint`, `reshard`, and the modes of mesh axes."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from gradax import tree
from gradax.core.tracer import Tracer
from gradax.core.value import as_value
from gradax.errors import ArgumentError, ShapeError, at_user_line
from gradax.lax.sharding_constraint import ShardingConstraint
from gradax.runtime import placement
from gradax.runtime.device import Device
from gradax.runtime.mesh import AbstractMesh, mesh_of_specs
from gradax.runtime.sharding import (
    NamedSharding,
    PartitionSpec,
    Sharding,
    SingleDeviceSharding,
)


def with_sharding_constraint(x: Any, shardings: Any) -> Any:
    """Return the tree `x` with its arrays laid out by `shardings`, a tree prefix of it.

    A leaf of `shardings` is a Sharding, or a PartitionSpec over the current mesh. Arrays are placed
    at once; of traced values the program keeps the wish.
    Errors: ValueError for None, or for a shape that cannot be cut so; RuntimeError for a
    PartitionSpec without a mesh.
    """
    return lay_out("with_sharding_constraint", x, shardings)


def reshard(xs: Any, out_shardings: Any) -> Any:
    """Return the tree `xs` with its arrays laid out by `out_shardings`, a tree prefix of it.

    Errors: as `with_sharding_constraint`.
    """
    return lay_out("reshard", xs, out_shardings)


def make_single_device_sharding(device: Device, *, memory_kind: str | None = None) -> Sharding:
    """Return the sharding that places whole arrays on a device."""
    return SingleDeviceSharding(device, memory_kind=memory_kind)


def lay_out(what: str, x: Any, shardings: Any) -> Any:
    """Return a tree with its arrays laid out by a tree prefix of shardings."""
    leaves, treedef = tree.flatten(x)
    if is_one(shardings):
        found = [shardings] * len(leaves)
    else:
        found = tree.broadcast_prefix(shardings, x, is_one, what)
    outs = [laid_out(what, a, s) for a, s in zip(leaves, found, strict=True)]
    return treedef.unflatten(outs)


def is_one(x: Any) -> bool:
    """Tell whether an object stands for one sharding (None: for one that was forgotten)."""
    return x is None or isinstance(x, (PartitionSpec, Sharding, Device))


def laid_out(what: str, x: Any, where: Any) -> Any:
    """Return one array laid out by a sharding."""
    if where is None:
        raise ArgumentError(
            f"{what}: None is no sharding.{at_user_line()}\nPass a Sharding for each array, or"
            " PartitionSpec() for one that is not cut."
        )
    if isinstance(where, PartitionSpec):
        where = NamedSharding(mesh_of_specs(what), where)
    sharding = placement.as_sharding(where)
    value = as_value(x)
    if isinstance(sharding, NamedSharding):
        check_rank(what, sharding, value)
    if isinstance(value, Tracer) or is_abstract(sharding):
        return ShardingConstraint(sharding)(value)
    return placement.place(value, sharding)


def is_abstract(sharding: Sharding) -> bool:
    """Tell whether a sharding names no devices."""
    return isinstance(sharding, NamedSharding) and isinstance(sharding.mesh, AbstractMesh)


def check_rank(what: str, sharding: NamedSharding, x: Any) -> None:
    """Raise where a spec has more axes than an array."""
    if len(sharding.spec) > x.ndim:
        raise ShapeError(
            f"{what}: the spec {sharding.spec} has more axes than the array {x.aval}."
            f"{at_user_line()}"
        )


def auto_axes(
    f: Callable[..., Any] | None = None, /, *, axes: Any = None, out_sharding: Any = None
) -> Any:
    """Return `f` with its result laid out by `out_sharding`, an argument of the result as well.

    Inside, the mesh's `axes` (None: all) are automatic, which all axes are here at any time.
    """
    if f is None:
        return lambda g: auto_axes(g, axes=axes, out_sharding=out_sharding)
    fun = f

    @wraps(fun)
    def call(*args: Any, out_sharding: Any = out_sharding, **kwargs: Any) -> Any:
        out = fun(*args, **kwargs)
        return out if out_sharding is None else lay_out("auto_axes", out, out_sharding)

    return call


def explicit_axes(
    f: Callable[..., Any] | None = None, /, *, axes: Any = None, in_sharding: Any = None
) -> Any:
    """Return `f` with its arguments laid out by `in_sharding`, an argument of the result as well.

    Axes are not part of types: inside, an array's layout is where it was placed.
    """
    if f is None:
        return lambda g: explicit_axes(g, axes=axes, in_sharding=in_sharding)
    fun = f

    @wraps(fun)
    def call(*args: Any, in_sharding: Any = in_sharding, **kwargs: Any) -> Any:
        if in_sharding is not None:
            args = lay_out("explicit_axes", args, in_sharding)
        return fun(*args, **kwargs)

    return call
