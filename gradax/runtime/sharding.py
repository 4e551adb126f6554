"""Shardings: which piece of an array lies on which device."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any, cast, final

import numpy as np

from gradax.errors import ShapeError, at_user_line
from gradax.runtime.device import Device, all_devices, default_device

Index = tuple[slice, ...]


@final
class Mesh:
    """Devices in a grid with named axes.

    Shapes: devices: an array with an axis for each name.
    Errors: ValueError when names and axes differ in number or a name comes twice.
    """

    def __init__(
        self, devices: Any, axis_names: str | Sequence[str], axis_types: Any = None
    ) -> None:
        self.devices = np.asarray(devices, dtype=object)
        names = (axis_names,) if isinstance(axis_names, str) else tuple(axis_names)
        self.axis_names = names
        self.axis_types = axis_types
        if len(names) != self.devices.ndim or len(set(names)) != len(names):
            raise ValueError(
                f"Mesh: expected a distinct name for each of {self.devices.ndim} axes; got {names}."
                f"{at_user_line()}"
            )

    @property
    def shape(self) -> Mapping[str, int]:
        """The size of each axis, by name."""
        return dict(zip(self.axis_names, self.devices.shape, strict=True))

    @property
    def size(self) -> int:
        """The number of devices."""
        return self.devices.size

    @property
    def empty(self) -> bool:
        """Whether the mesh has no devices."""
        return self.devices.size == 0

    @property
    def device_ids(self) -> np.ndarray[Any, Any]:
        """The numbers of the devices."""
        return np.array([d.id for d in self.devices.flat], int).reshape(self.devices.shape)

    def __enter__(self) -> Mesh:
        return self

    def __exit__(self, *error: object) -> None:
        return None

    def key(self) -> tuple[Any, ...]:
        """Return what equality compares."""
        return self.axis_names, self.devices.shape, tuple(d.id for d in self.devices.flat)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Mesh) and self.key() == other.key()

    def __hash__(self) -> int:
        return hash(self.key())

    def __repr__(self) -> str:
        sizes = ", ".join(f"'{k}': {v}" for k, v in self.shape.items())
        return f"Mesh({sizes})"


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

    def __init__(self, mesh: Mesh, spec: PartitionSpec, *, memory_kind: str | None = None) -> None:
        self.mesh, self.spec, self.memory_kind = mesh, spec, memory_kind
        used = [axis for part in spec for axis in axes_of(part)]
        unknown = [a for a in used if a not in mesh.axis_names]
        if unknown or len(set(used)) != len(used):
            raise ValueError(
                f"NamedSharding: each axis of {mesh.axis_names} may be named once; got {spec}."
                f"{at_user_line()}"
            )

    @property
    def ordered_devices(self) -> tuple[Device, ...]:
        return tuple(self.mesh.devices.flat)

    @property
    def is_fully_replicated(self) -> bool:
        return all(self.mesh.shape[a] == 1 for part in self.spec for a in axes_of(part))

    def devices_indices_map(self, global_shape: Sequence[int]) -> dict[Device, Index]:
        parts = [axes_of(p) for p in self.spec]
        if len(parts) > len(global_shape):
            raise ShapeError(
                f"The spec {self.spec} has more axes than the shape {tuple(global_shape)}."
                f"{at_user_line()}"
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
        found: dict[Device, Index] = {}
        for place, device in np.ndenumerate(self.mesh.devices):
            position = dict(zip(self.mesh.axis_names, place, strict=True))
            found[device] = tuple(
                piece(names, n, position, sizes)
                for names, n in zip(parts, global_shape, strict=True)
            )
        return found

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, NamedSharding):
            return False
        return self.mesh == other.mesh and trimmed(self.spec) == trimmed(other.spec)

    def __hash__(self) -> int:
        return hash((self.mesh, trimmed(self.spec)))

    def __repr__(self) -> str:
        return f"NamedSharding(mesh={self.mesh!r}, spec={self.spec!r})"


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
