"""Grids of devices for meshes: `jax.experimental.mesh_utils`' names."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from gradax.errors import ArgumentError, at_user_line
from gradax.runtime.device import Device, all_devices


def create_device_mesh(
    mesh_shape: Sequence[int],
    devices: Sequence[Device] | None = None,
    *,
    contiguous_submeshes: bool = False,
    allow_split_physical_axes: bool = False,
) -> np.ndarray[Any, Any]:
    """Return the devices in a grid of `mesh_shape`, in order: none is nearer to another here.

    Errors: ValueError unless there are as many devices as places.
    """
    del contiguous_submeshes, allow_split_physical_axes
    chosen = list(all_devices() if devices is None else devices)
    if prod(mesh_shape) != len(chosen):
        raise ArgumentError(
            f"create_device_mesh: the shape {tuple(mesh_shape)} has {prod(mesh_shape)} places;"
            f" there are {len(chosen)} devices.{at_user_line()}"
        )
    grid = np.empty(len(chosen), dtype=object)
    grid[:] = chosen
    return grid.reshape(tuple(mesh_shape))


def create_hybrid_device_mesh(
    mesh_shape: Sequence[int],
    dcn_mesh_shape: Sequence[int],
    devices: Sequence[Device] | None = None,
    *,
    process_is_granule: bool = False,
    should_sort_granules_by_key: bool = True,
    allow_split_physical_axes: bool = False,
) -> np.ndarray[Any, Any]:
    """Return the devices in a grid whose axes are products of the two shapes' axes.

    All devices are of one process, so that `dcn_mesh_shape`, the grid of processes, is of ones.
    Errors: ValueError for another one.
    """
    del process_is_granule, should_sort_granules_by_key
    if prod(dcn_mesh_shape) != 1:
        raise ArgumentError(
            f"create_hybrid_device_mesh: dcn_mesh_shape {tuple(dcn_mesh_shape)} asks for"
            f" {prod(dcn_mesh_shape)} groups of devices; there is 1.{at_user_line()}"
        )
    return create_device_mesh(
        mesh_shape, devices, allow_split_physical_axes=allow_split_physical_axes
    )
