"""`shard_map`: a program that runs once a device of a mesh, on that device's part of the arrays."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Sequence
from math import prod
from typing import Any

from gradax import tree
from gradax.api.arguments import check_callable, flat_result, leaf_names, name_of, named_after
from gradax.core.tracer import Tracer, under
from gradax.core.value import as_value
from gradax.errors import ArgumentError, ShapeError, TreeError, at_user_line
from gradax.lax.reshaping import Reshape
from gradax.lax.shapes import Transpose, broadcast_batch
from gradax.lax.slicing import index_in_dim
from gradax.native import get_trace
from gradax.records import record
from gradax.runtime.mesh import AbstractMesh, Mesh, mesh_of_specs, use_abstract_mesh
from gradax.runtime.placement import place
from gradax.runtime.sharding import NamedSharding, PartitionSpec, axes_of
from gradax.transforms.vmap import BatchTrace, to_axis

Parts = tuple[tuple[Hashable, ...], ...]


class Infer:
    """Stands for specs that are those of the arguments' shardings."""

    def __repr__(self) -> str:
        return "Infer"


INFER = Infer()


@record
class Sharded:
    """What a call of `shard_map` says besides the function."""

    what: str
    mesh: Any
    in_specs: Any
    out_specs: Any
    axis_names: frozenset[Hashable]
    check: bool

    @property
    def levels(self) -> tuple[tuple[Hashable, int], ...]:
        """The mesh axes that the program is mapped over, outermost first."""
        return tuple((n, k) for n, k in self.mesh.shape.items() if n in self.axis_names)


def shard_map(
    f: Callable[..., Any] | None = None,
    /,
    *,
    out_specs: Any,
    in_specs: Any = INFER,
    mesh: Mesh | AbstractMesh | None = None,
    axis_names: Collection[Hashable] = frozenset(),
    check_vma: bool = True,
) -> Callable[..., Any]:
    """Return `f` run once for each device of a mesh, on its part of the arguments.

    in_specs, out_specs: a PartitionSpec, or a tree of them that is a prefix of the arguments' (the
    results') tree: which axes are cut along which axes of the mesh. axis_names: the axes of the
    mesh that the program is mapped over, by default all. Collectives over those names work inside.
    With `check_vma`, a result that varies along an axis which its spec does not name is an error,
    and gradients taken inside are those of the whole: of what is the same on all devices, the sum
    of what each contributes. Without it, such a result is that of the first device, and gradients
    are those of one device's part, where `psum` transposes to `psum`.
    Errors: ValueError for specs that do not fit the arrays, TypeError for what are no specs.
    """
    if f is None:
        return lambda g: shard_map(
            g, out_specs=out_specs, in_specs=in_specs, mesh=mesh, axis_names=axis_names,
            check_vma=check_vma,
        )  # fmt: skip
    return sharded("shard_map", f, mesh, in_specs, out_specs, axis_names, check_vma)


def smap(
    f: Callable[..., Any] | None = None, /, *, in_axes: Any = 0, out_axes: Any, axis_name: Hashable
) -> Callable[..., Any]:
    """Return `f` run once for each index of an axis of the current mesh, on its part of arrays.

    in_axes, out_axes: the axis of each argument (result) that is cut, None where it is not.
    """
    if f is None:
        return lambda g: smap(g, in_axes=in_axes, out_axes=out_axes, axis_name=axis_name)

    def spec(axis: int | None) -> PartitionSpec:
        return PartitionSpec() if axis is None else PartitionSpec(*(None,) * axis, axis_name)

    in_axes = 0 if isinstance(in_axes, Infer) else in_axes
    in_specs, out_specs = (
        tree.map(spec, axes, is_leaf=lambda a: a is None) for axes in (in_axes, out_axes)
    )
    return sharded("smap", f, None, in_specs, out_specs, {axis_name}, True)


def sharded(
    what: str, f: Any, mesh: Any, in_specs: Any, out_specs: Any, axis_names: Any, check: bool
) -> Callable[..., Any]:
    """Return the mapped function."""
    check_callable(what, f)

    @named_after(f, "", f"{name_of(f)} run once a device: in_specs={in_specs!r}.")
    def mapped(*args: Any) -> Any:
        over = mesh_of_specs(what) if mesh is None else mesh
        names = frozenset[Hashable](axis_names) or frozenset[Hashable](over.axis_names)
        unknown = names - set(over.axis_names)
        if unknown:
            raise ArgumentError(
                f"{what}: axis_names {sorted(map(str, unknown))} are no axes of the mesh, which"
                f" has {over.axis_names}.{at_user_line()}"
            )
        return call(f, Sharded(what, over, in_specs, out_specs, names, check), args)

    return mapped


def call(f: Any, how: Sharded, args: tuple[Any, ...]) -> Any:
    """Run the function once a device; join the results."""
    leaves, in_tree = tree.flatten(args)
    values = [as_value(x) for x in leaves]
    specs = argument_specs(f, how, args, values)
    names = leaf_names(f, args)
    cut = [cut_argument(how, name, x, s) for name, x, s in zip(names, values, specs, strict=True)]
    found: list[Any] = []

    def flat(*xs: Any) -> list[Any]:
        outs, out_tree = flat_result(how.what, f, f(*tree.unflatten(in_tree, xs)))
        found.append(out_tree)
        return list(map(as_value, outs))

    mentioned = [{axis for part in parts_of(s) for axis in part} for s in specs]
    with how.mesh if isinstance(how.mesh, Mesh) else use_abstract_mesh(how.mesh):
        outs = run_level(how, 0, flat, cut, mentioned)
    out_tree = found[0]
    out_specs = spread_specs(how, "out_specs", how.out_specs, out_tree)
    paths = [tree.keystr(p) for p, _ in tree.leaves_with_path(placeholder(out_tree))]
    results = [
        join_result(how, f"{name_of(f)}(…){path}", x, varying, spec)
        for path, (x, varying), spec in zip(paths, outs, out_specs, strict=True)
    ]
    return tree.unflatten(out_tree, results)


def run_level(
    how: Sharded, k: int, flat: Any, args: Sequence[Any], mentioned: Sequence[Collection[Hashable]]
) -> list[tuple[Any, tuple[Hashable, ...]]]:
    """Map over the mesh axes from the k-th; return results and the axes along which they vary.

    An argument has in front an axis for each of those that its spec mentions, a result one for each
    along which it varies.
    """
    if k == len(how.levels):
        return [(x, ()) for x in flat(*args)]
    name, size = how.levels[k]
    trace = BatchTrace(get_trace(), size, name)
    trace.is_sharded = how.check
    trace.name = how.what
    given = [
        trace.wrap(x, 0 if name in own else None) for x, own in zip(args, mentioned, strict=True)
    ]
    try:
        with under(trace):
            outs = run_level(how, k + 1, flat, given, mentioned)
        pairs = [(trace.unwrap(x), varying) for x, varying in outs]
    finally:
        trace.alive = False
    return [
        (x, varying) if dim is None else (to_axis(x, dim, size), (name, *varying))
        for (x, dim), varying in pairs
    ]


def parts_of(spec: PartitionSpec) -> Parts:
    """Return the mesh axes of each entry of a spec."""
    return tuple(map(axes_of, spec))


def is_spec(x: Any) -> bool:
    """Tell whether a node of a tree of specs is one (None: one that was forgotten)."""
    return x is None or isinstance(x, PartitionSpec)


def placeholder(structure: Any) -> Any:
    """Return a tree of a structure."""
    return tree.unflatten(structure, [0] * structure.num_leaves)


def argument_specs(f: Any, how: Sharded, args: Any, values: Sequence[Any]) -> list[PartitionSpec]:
    """Return the spec of each leaf of the arguments."""
    if isinstance(how.in_specs, Infer):
        return [inferred_spec(how, x) for x in values]
    specs = tuple(how.in_specs) if isinstance(how.in_specs, list) else how.in_specs
    if isinstance(specs, tuple) and not is_spec(specs) and len(specs) != len(args):
        raise ArgumentError(
            f"{how.what}: in_specs has {len(specs)} entries, but {name_of(f)} was called with"
            f" {len(args)} arguments.{at_user_line()}\nGive one PartitionSpec for each argument;"
            " PartitionSpec() for those that are not cut."
        )
    return spread_specs(how, "in_specs", specs, tree.structure(args))


def inferred_spec(how: Sharded, x: Any) -> PartitionSpec:
    """Return the spec by which an array lies on the mesh."""
    if isinstance(x, Tracer):
        raise ArgumentError(
            f"{how.what}: in_specs are to be those of the arguments, but where {x.aval} lies is"
            f" not known while a function is traced.{at_user_line()}\nPass in_specs."
        )
    where = x.sharding
    return where.spec if isinstance(where, NamedSharding) else PartitionSpec()


def spread_specs(how: Sharded, name: str, specs: Any, structure: Any) -> list[PartitionSpec]:
    """Return the spec of each leaf of a tree, given a prefix of it."""
    try:
        found = tree.broadcast_prefix(specs, placeholder(structure), is_spec, f"{how.what} {name}")
    except TreeError as error:
        raise ArgumentError(
            f"{how.what}: {name} must be a prefix of the tree {structure}; {error}"
        ) from None
    for spec in found:
        if not isinstance(spec, PartitionSpec):
            raise TypeError(
                f"{how.what}: expected {name} of PartitionSpecs; got {spec!r}.{at_user_line()}\n"
                "PartitionSpec() is for what is not cut."
            )
        for axis in (a for part in parts_of(spec) for a in part):
            if axis not in how.axis_names:
                raise ArgumentError(
                    f"{how.what}: {name} names the axis {axis!r}; the program is mapped over"
                    f" {sorted(map(str, how.axis_names))}.{at_user_line()}"
                )
    return found


def cut_argument(how: Sharded, name: str, x: Any, spec: PartitionSpec) -> Any:
    """Return an argument with an axis in front for each mesh axis of its spec, in mesh order.

    Errors: ValueError for a spec that is too long, or sizes that cannot be cut so.
    """
    parts = parts_of(spec)
    if len(parts) > x.ndim:
        raise ShapeError(
            f"{how.what}: the spec {spec} of the argument {name} has {len(parts)} entries, but its"
            f" shape is {tuple(x.shape)}.{at_user_line()}\nGive at most one entry for each axis."
        )
    shape: list[int] = []
    where: dict[Hashable, int] = {}
    kept: list[int] = []
    for axis, n in enumerate(x.shape):
        names = parts[axis] if axis < len(parts) else ()
        sizes = [how.mesh.shape[a] for a in names]
        if n % prod(sizes):
            raise ShapeError(
                f"{how.what}: the argument {name} has shape {tuple(x.shape)}; its axis {axis} of"
                f" size {n} cannot be cut in {prod(sizes)} equal parts along the mesh axes"
                f" {names}.{at_user_line()}"
            )
        for a in names:
            where[a] = len(shape)
            shape.append(how.mesh.shape[a])
        kept.append(len(shape))
        shape.append(n // prod(sizes))
    if not where:
        return x
    front = [where[name] for name, _ in how.levels if name in where]
    return Transpose((*front, *kept))(Reshape(tuple(shape))(x))


def join_result(
    how: Sharded, name: str, x: Any, varying: tuple[Hashable, ...], spec: PartitionSpec
) -> Any:
    """Return a result of all devices as one array, laid out by its spec.

    Errors: ValueError for a result that varies along an axis which the spec does not name.
    """
    parts = parts_of(spec)
    ndim = x.ndim - len(varying)
    if len(parts) > ndim:
        raise ShapeError(
            f"{how.what}: the spec {spec} of the result {name} has {len(parts)} entries, but the"
            f" result has {ndim} axes on each device.{at_user_line()}"
        )
    wanted = {a for part in parts for a in part}
    left = [a for a in varying if a not in wanted]
    if left and how.check:
        raise ArgumentError(
            f"{how.what}: the result {name} varies along the mesh axes {left}, which its spec"
            f" {spec} does not name.{at_user_line()}\nName them in out_specs, reduce the result"
            " over them (lax.psum, lax.pmean), or pass check_vma=False to take that of the first"
            " device."
        )
    names = list(varying)
    for a in left:
        x = index_in_dim(x, 0, names.index(a), keepdims=False)
        names.remove(a)
    for a in sorted(wanted - set(names), key=str):
        x = broadcast_batch(x, how.mesh.shape[a])
        names.insert(0, a)
    n = len(names)
    order: list[int] = []
    shape: list[int] = []
    for axis in range(ndim):
        own = parts[axis] if axis < len(parts) else ()
        order += [*map(names.index, own), n + axis]
        shape.append(prod(how.mesh.shape[a] for a in own) * x.shape[n + axis])
    if n:
        x = Reshape(tuple(shape))(Transpose(tuple(order))(x))
    if isinstance(x, Tracer) or not isinstance(how.mesh, Mesh):
        return x
    return place(x, NamedSharding(how.mesh, spec))
