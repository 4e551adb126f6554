"""Placing arrays on devices and taking them back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np

from gradax.core.aval import Aval
from gradax.core.tracer import Tracer
from gradax.core.value import as_value
from gradax.errors import ArgumentError, UnsupportedArgumentError, at_user_line
from gradax.native import Array, array_view, set_hook
from gradax.records import record
from gradax.runtime.device import Device, all_devices
from gradax.runtime.layout import Format, Layout
from gradax.runtime.mesh import mesh_of_specs
from gradax.runtime.sharding import (
    Index,
    NamedSharding,
    PartitionSpec,
    Sharding,
    SingleDeviceSharding,
)


@record
class Shard:
    """One device's piece of an array."""

    device: Device
    index: Index
    replica_id: int
    data: Any


def place(x: Any, where: Any) -> Any:
    """Return an array on a device or with a sharding.

    Errors: TypeError for what is neither; ValueError when the shape cannot be cut so.
    """
    if isinstance(x, Tracer):
        return x
    array = as_value(x)
    if where is None:
        return array
    sharding = as_sharding(where)
    is_default = isinstance(sharding, SingleDeviceSharding) and sharding.device.id == 0
    if is_default and len(array._pieces) == 1:
        return array
    view = array_view(array)
    pieces: list[Array] = []
    for index in sharding.devices_indices_map(array.shape).values():
        part = np.array(view[index], order="C", copy=True)
        pieces.append(Array.from_numpy(part, Aval(part.shape, array.dtype), False))
    return Array.from_pieces(array.aval, sharding, pieces)


def as_sharding(where: Any) -> Sharding:
    """Return what an array is to be placed by as a sharding."""
    if isinstance(where, Sharding):
        return where
    if isinstance(where, Device):
        return SingleDeviceSharding(where)
    if isinstance(where, Format):
        return from_format(where)
    if isinstance(where, PartitionSpec):
        return NamedSharding(mesh_of_specs("device_put"), where)
    raise TypeError(
        f"device_put: expected a device or a sharding; got {type(where).__name__}.{at_user_line()}"
    )


def from_format(where: Format) -> Sharding:
    """Return the sharding of a format.

    Errors: NotImplementedError for a layout that is not row-major.
    """
    if where.layout is not None and not where.layout.is_row_major:
        raise UnsupportedArgumentError(
            f"device_put: arrays lie in memory row by row; got {where.layout}.{at_user_line()}"
        )
    return on_first_device() if where.sharding is None else as_sharding(where.sharding)


def shards_of(array: Any) -> list[Shard]:
    """Return the pieces of an array with their devices."""
    sharding = array.sharding
    places = sharding.devices_indices_map(array.shape)
    seen: dict[str, int] = {}
    out: list[Shard] = []
    for (device, index), data in zip(places.items(), array._pieces, strict=True):
        replica = seen[str(index)] = seen.get(str(index), -1) + 1
        out.append(Shard(device, index, replica, data))
    return out


def assemble(array: Any) -> np.ndarray[Any, Any]:
    """Return an array of several pieces as one."""
    dtype = getattr(array.dtype, "physical", array.dtype)
    whole = np.empty(array.shape, dtype)
    for shard in shards_of(array):
        if shard.replica_id == 0:
            whole[shard.index] = array_view(shard.data)
    return whole


def from_callback(
    shape: Sequence[int],
    sharding: Sharding,
    data_callback: Callable[[Index], Any],
    dtype: Any = None,
) -> Any:
    """Return an array whose pieces a function of their index gives."""
    pieces = [
        as_value(data_callback(index))
        for index in sharding.devices_indices_map(tuple(shape)).values()
    ]
    kind = pieces[0].dtype if dtype is None else dtype
    return Array.from_pieces(Aval(tuple(shape), kind), sharding, pieces)


def from_process_local_data(
    sharding: Sharding, local_data: Any, global_shape: Sequence[int] | None = None
) -> Any:
    """Return the array of which this process has `local_data`: all of it, as the only process.

    Errors: ValueError for a `global_shape` that is not that of the data.
    """
    if global_shape is not None and tuple(global_shape) != tuple(np.shape(local_data)):
        raise ArgumentError(
            "make_array_from_process_local_data: the only process has all the data; expected the"
            f" global shape {tuple(np.shape(local_data))}, got {tuple(global_shape)}."
            f"{at_user_line()}"
        )
    return place(local_data, sharding)


def from_single_device_arrays(shape: Sequence[int], sharding: Sharding, arrays: Any) -> Any:
    """Return an array made of one array for each device of a sharding."""
    arrays = list(arrays)
    return Array.from_pieces(Aval(tuple(shape), arrays[0].dtype), sharding, arrays)


def replicated(mesh: Any) -> NamedSharding:
    """Return the sharding that repeats an array on all devices of a mesh."""
    return NamedSharding(mesh, PartitionSpec())


def install() -> None:
    """Give arrays their attributes that speak of devices, and the runtime its two functions."""
    set_hook("sharding", sharding_of)
    set_hook("assemble", assemble)
    for name, value in vars(PlacedArray).items():
        if not name.startswith("__"):
            setattr(Array, name, value)


def sharding_of(array: Any) -> Sharding:
    """Return the sharding of an array that nobody has placed."""
    del array
    return on_first_device()


@cache
def on_first_device() -> Sharding:
    """Return the sharding of arrays on the first device, which the first use of it fixes."""
    return SingleDeviceSharding(all_devices()[0])


class PlacedArray:
    """The attributes of arrays that speak of devices; `install` gives them to `Array`."""

    shape: tuple[int, ...]
    sharding: Sharding
    _pieces: tuple[Any, ...]

    @property
    def addressable_shards(self) -> list[Shard]:
        """The pieces on this process' devices."""
        return shards_of(self)

    @property
    def global_shards(self) -> list[Shard]:
        """All pieces."""
        return shards_of(self)

    @property
    def device(self) -> Device | Sharding:
        """The device, or the sharding over several."""
        on = self.sharding
        return on.ordered_devices[0] if on.num_devices == 1 else on

    @property
    def is_fully_addressable(self) -> bool:
        """Whether this process reaches every piece."""
        return True

    @property
    def is_fully_replicated(self) -> bool:
        """Whether every device holds the whole array."""
        return self.sharding.is_fully_replicated

    @property
    def committed(self) -> bool:
        """Whether the array lies on several devices."""
        return len(self._pieces) > 1

    @property
    def format(self) -> Format:
        """How the array lies in memory, and where."""
        return Format(Layout(tuple(range(len(self.shape)))), self.sharding)

    def devices(self) -> set[Device]:
        """Return the devices that hold a piece."""
        return self.sharding.device_set

    def addressable_data(self, index: int) -> Any:
        """Return the piece on one of this process' devices."""
        return shards_of(self)[index].data
