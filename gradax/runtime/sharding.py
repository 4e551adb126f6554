"""Shardings: which piece of an array lies on which device."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any, cast, final

import numpy as np

from gradax.errors import ArgumentError, ShapeError, at_user_line
from gradax.runtime.device import Device, all_devices, default_device
from gradax.runtime.mesh import AbstractMesh, Mesh

Index = tuple[slice, ...]


class PartitionSpec(tuple[Any, ...]):
    """For each axis of an array the mesh axis (or axes) that it is cut along, or None."""

    __slots__ = ()

    UNCONSTRAINED = "unconstrained"

    def __new__(cls, *partitions: Any) -> PartitionSpec:
        """Make a spec of the axes' partitions."""
        return super().__new__(cls, partitions)

    def __repr__(self) -> str:
        return f"PartitionSpec({', '.join(map(repr, self))}{',' if len(self) == 1 else ''})"

    def __reduce__(self) -> tuple[Any, ...]:
        return PartitionSpec, tuple(self)


class Sharding:
    """Base of shardings."""

    memory_kind: str | None = None

    @property
    def device_set(self) -> set[Device]:
        """The devices that hold a piece."""
        return set(self.ordered_devices)

    @property
    def ordered_devices(self) -> tuple[Device, ...]:
        """The devices, in the order of their pieces."""
        raise NotImplementedError

    @property
    def addressable_devices(self) -> set[Device]:
        """The devices of this process that hold a piece."""
        return self.device_set

    @property
    def num_devices(self) -> int:
        """The number of devices."""
        return len(self.ordered_devices)

    @property
    def is_fully_addressable(self) -> bool:
        """Whether this process reaches every piece."""
        return True

    @property
    def is_fully_replicated(self) -> bool:
        """Whether every device holds the whole array."""
        raise NotImplementedError

    def devices_indices_map(self, global_shape: Sequence[int]) -> dict[Device, Index]:
        """Return the part of an array of `global_shape` that each device holds."""
        raise NotImplementedError

    def addressable_devices_indices_map(self, global_shape: Sequence[int]) -> dict[Device, Index]:
        """Return the same for the devices of this process."""
        return self.devices_indices_map(global_shape)

    def shard_shape(self, global_shape: Sequence[int]) -> tuple[int, ...]:
        """Return the shape of each piece of an array of `global_shape`."""
        index = next(iter(self.devices_indices_map(global_shape).values()))
        return tuple(
            len(range(*part.indices(n))) for part, n in zip(index, global_shape, strict=True)
        )

    def is_equivalent_to(self, other: Sharding, ndim: int) -> bool:
        """Tell whether two shardings place arrays of `ndim` axes alike."""
        if self == other:
            return True
        if self.ordered_devices != other.ordered_devices:
            return False
        shape = (prod(range(1, 5)) * 8,) * ndim
        return self.devices_indices_map(shape) == other.devices_indices_map(shape)


@final
class SingleDeviceSharding(Sharding):
    """The whole array on one device."""

    def __init__(self, device: Device, *, memory_kind: str | None = None) -> None:
        self.device = device
        self.memory_kind = memory_kind

    @property
    def ordered_devices(self) -> tuple[Device, ...]:
        return (self.device,)

    @property
    def is_fully_replicated(self) -> bool:
        return True

    def devices_indices_map(self, global_shape: Sequence[int]) -> dict[Device, Index]:
        return {self.device: (slice(None),) * len(global_shape)}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SingleDeviceSharding) and self.device is other.device

    def __hash__(self) -> int:
        return hash(("single", self.device.id))

    def __repr__(self) -> str:
        return f"SingleDeviceSharding(device={self.device!r})"


@final
class NamedSharding(Sharding):
    """An array cut along the axes of a mesh as a partition spec says, repeated along the others.

    Errors: ValueError for a spec that names an axis that the mesh has not, or one twice.
    """

    def __init__(
        self, mesh: Mesh | AbstractMesh, spec: PartitionSpec, *, memory_kind: str | None = None
    ) -> None:
        self.mesh, self.spec, self.memory_kind = mesh, spec, memory_kind
        used = [axis for part in spec for axis in axes_of(part)]
        unknown = [a for a in used if a not in mesh.axis_names]
        if unknown or len(set(used)) != len(used):
            raise ArgumentError(
                f"NamedSharding: each axis of {mesh.axis_names} may be named once; got {spec}."
                f"{at_user_line()}\nName axes of the mesh, each once; None for an axis that is"
                " not cut."
            )

    @property
    def ordered_devices(self) -> tuple[Device, ...]:
        return tuple(self.mesh.devices.flat)

    @property
    def is_fully_replicated(self) -> bool:
        return all(self.mesh.shape[a] == 1 for part in self.spec for a in axes_of(part))

    def pieces_of(self, global_shape: Sequence[int]) -> list[tuple[str, ...]]:
        """Return the mesh axes that each axis of a shape is cut along.

        Errors: TypeError when the shape cannot be cut so.
        """
        parts = [axes_of(p) for p in self.spec]
        if len(parts) > len(global_shape):
            raise ShapeError(
                f"The spec {self.spec} has more axes than the shape {tuple(global_shape)}."
                f"{at_user_line()}\nGive an entry for each axis of the array at most."
            )
        parts += [()] * (len(global_shape) - len(parts))
        sizes = self.mesh.shape
        for axis, (names, n) in enumerate(zip(parts, global_shape, strict=True)):
            pieces = prod(sizes[a] for a in names)
            if n % pieces:
                raise ShapeError(
                    f"Axis {axis} of size {n} cannot be cut in {pieces} equal pieces for"
                    f" {self.spec}.{at_user_line()}"
                )
        return parts

    def shard_shape(self, global_shape: Sequence[int]) -> tuple[int, ...]:
        sizes = self.mesh.shape
        pairs = zip(self.pieces_of(global_shape), global_shape, strict=True)
        return tuple(n // prod(sizes[a] for a in names) for names, n in pairs)

    def devices_indices_map(self, global_shape: Sequence[int]) -> dict[Device, Index]:
        parts, sizes = self.pieces_of(global_shape), self.mesh.shape
        found: dict[Device, Index] = {}
        for place, device in np.ndenumerate(self.mesh.devices):
            position = dict(zip(self.mesh.axis_names, place, strict=True))
            found[device] = tuple(
                piece(names, n, position, sizes)
                for names, n in zip(parts, global_shape, strict=True)
            )
        return found

    def update(self, **changes: Any) -> NamedSharding:
        """Return the sharding with another mesh, spec or memory_kind."""
        old: dict[str, Any] = {
            "mesh": self.mesh,
            "spec": self.spec,
            "memory_kind": self.memory_kind,
        }
        return NamedSharding(**{**old, **changes})

    def with_memory_kind(self, kind: str) -> NamedSharding:
        """Return the sharding in another kind of memory."""
        return self.update(memory_kind=kind)

    def with_new_axis(self, dim: int) -> NamedSharding:
        """Return the sharding of arrays with an axis more, which is not cut."""
        spec = list(self.spec)
        spec += [None] * (dim - len(spec))
        return self.update(spec=PartitionSpec(*spec[:dim], None, *spec[dim:]))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, NamedSharding):
            return False
        return self.mesh == other.mesh and trimmed(self.spec) == trimmed(other.spec)

    def __hash__(self) -> int:
        return hash((self.mesh, trimmed(self.spec)))

    def __repr__(self) -> str:
        return f"NamedSharding(mesh={self.mesh}, spec={self.spec!r})"


def axes_of(part: Any) -> tuple[str, ...]:
    """Return the mesh axes that one entry of a spec names."""
    if part is None or part is PartitionSpec.UNCONSTRAINED:
        return ()
    return tuple(cast("Sequence[str]", part)) if isinstance(part, (tuple, list)) else (part,)


def trimmed(spec: PartitionSpec) -> tuple[Any, ...]:
    """Return a spec's entries without None at the end."""
    entries = [axes_of(p) for p in spec]
    while entries and not entries[-1]:
        entries.pop()
    return tuple(entries)


def piece(
    names: Sequence[str], n: int, position: Mapping[str, int], sizes: Mapping[str, int]
) -> slice:
    """Return the part of an axis of size n at a position in the mesh."""
    if not names:
        return slice(None)
    index = count = 0
    for k, name in enumerate(names):
        index = index * sizes[name] + position[name] if k else position[name]
        count = count * sizes[name] if k else sizes[name]
    step = n // count
    return slice(index * step, (index + 1) * step)


def make_mesh(
    axis_shapes: Sequence[int],
    axis_names: Sequence[str],
    axis_types: Any = None,
    *,
    devices: Sequence[Device] | None = None,
) -> Mesh:
    """Return a mesh of the given sizes over the devices there are.

    Errors: ValueError when there are too few.
    """
    chosen = list(all_devices() if devices is None else devices)
    need = prod(axis_shapes)
    if need > len(chosen):
        raise ValueError(
            f"make_mesh: {need} devices are needed for {tuple(axis_shapes)}; there are"
            f" {len(chosen)}.{at_user_line()}"
        )
    grid = np.empty(need, dtype=object)
    grid[:] = chosen[:need]
    return Mesh(grid.reshape(tuple(axis_shapes)), tuple(axis_names), axis_types)


def default_sharding() -> SingleDeviceSharding:
    """Return the sharding of arrays that nobody has placed."""
    return SingleDeviceSharding(default_device())
