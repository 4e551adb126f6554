"""Placing arrays on devices and taking them back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from gradax.core.aval import Aval
from gradax.core.tracer import Tracer
from gradax.core.value import as_value
from gradax.errors import at_user_line
from gradax.native import Array, array_view, set_hook
from gradax.runtime.device import Device, all_devices
from gradax.runtime.sharding import (
    Index,
    NamedSharding,
    PartitionSpec,
    Sharding,
    SingleDeviceSharding,
)


class Shard(NamedTuple):
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
    if sharding.num_devices == 1 and sharding.ordered_devices[0] is all_devices()[0]:
        if isinstance(sharding, SingleDeviceSharding) and len(array._pieces) == 1:
            return array
    view = array_view(array)
    pieces = []
    for device, index in sharding.devices_indices_map(array.shape).items():
        part = np.array(view[index], order="C", copy=True)
        del device
        pieces.append(Array.from_numpy(part, Aval(part.shape, array.dtype), False))
    return Array.from_pieces(array.aval, sharding, pieces)


def as_sharding(where: Any) -> Sharding:
    """Return what an array is to be placed by as a sharding."""
    if isinstance(where, Sharding):
        return where
    if isinstance(where, Device):
        return SingleDeviceSharding(where)
    raise TypeError(
        "device_put: expected a device or a sharding; got"
        f" {type(where).__name__}.{at_user_line()}"
    )


def shards_of(array: Any) -> list[Shard]:
    """Return the pieces of an array with their devices."""
    sharding = array.sharding
    places = sharding.devices_indices_map(array.shape)
    seen: dict[str, int] = {}
    out = []
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


def from_single_device_arrays(shape: Sequence[int], sharding: Sharding, arrays: Any) -> Any:
    """Return an array made of one array for each device of a sharding."""
    arrays = list(arrays)
    return Array.from_pieces(Aval(tuple(shape), arrays[0].dtype), sharding, arrays)


def replicated(mesh: Any) -> NamedSharding:
    """Return the sharding that repeats an array on all devices of a mesh."""
    return NamedSharding(mesh, PartitionSpec())


def install() -> None:
    """Give arrays their attributes that speak of devices, and the runtime its two functions."""
    single = {d.id: SingleDeviceSharding(d) for d in all_devices()[:1]}
    set_hook("sharding", lambda array: single[0])
    set_hook("assemble", assemble)
    attributes = {
        "addressable_shards": property(shards_of, doc="The pieces on this process' devices."),
        "global_shards": property(shards_of, doc="All pieces."),
        "devices": lambda self: self.sharding.device_set,
        "device": property(device_attribute, doc="The device, or the sharding over several."),
        "is_fully_addressable": property(lambda self: True),
        "is_fully_replicated": property(lambda self: self.sharding.is_fully_replicated),
        "committed": property(lambda self: len(self._pieces) > 1),
        "addressable_data": lambda self, index: shards_of(self)[index].data,
    }
    for name, value in attributes.items():
        setattr(Array, name, value)


def device_attribute(array: Any) -> Any:
    """Return the device of an array, or its sharding when it has several."""
    sharding = array.sharding
    return sharding.ordered_devices[0] if sharding.num_devices == 1 else sharding
