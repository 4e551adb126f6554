"""Arrays to and from devices, and waiting for them."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradax import native, tree
from gradax.core.tracer import Tracer
from gradax.core.value import as_value
from gradax.errors import ArgumentTypeError, at_user_line
from gradax.native import Array
from gradax.runtime import placement
from gradax.runtime.device import check_backend
from gradax.runtime.sharding import PartitionSpec


def device_put(
    x: Any, device: Any = None, *, src: Any = None, donate: bool = False, may_alias: Any = None
) -> Any:
    """Return the tree `x` with its leaves as arrays on a device or laid out by a sharding.

    `device` is a Device, a Sharding, or a tree of such that is a prefix of `x`; None is the default
    device. A traced value stays where it is.
    """
    if isinstance(device, PartitionSpec) or not isinstance(device, (tuple, list, dict)):
        return tree.map(lambda leaf: put_leaf(leaf, device), x)
    leaves, treedef = tree.flatten(x)
    places = tree.broadcast_prefix(device, x, is_place, "device_put")
    return treedef.unflatten([put_leaf(a, d) for a, d in zip(leaves, places, strict=True)])


def is_place(x: Any) -> bool:
    """Tell whether a node of a tree of places is one of them."""
    return x is None or isinstance(x, PartitionSpec)


def put_leaf(x: Any, device: Any) -> Any:
    """Place one array."""
    value = as_value(x)
    return value if device is None or isinstance(value, Tracer) else placement.place(value, device)


def device_get(x: Any) -> Any:
    """Return the tree `x` with its arrays as NumPy arrays, waiting for them."""
    return tree.map(get_leaf, x)


def get_leaf(x: Any) -> Any:
    """Return an array as NumPy's, other leaves as they are."""
    if isinstance(x, Array):
        return np.asarray(x)
    return x.__array__() if hasattr(x, "__array__") and not isinstance(x, np.ndarray) else x


def copy_to_host_async(x: Any) -> Any:
    """Begin to copy the arrays of the tree `x` to the host; return `x`.

    On a CPU an array's memory is the host's: there is nothing to copy.
    Errors: TypeError for a traced value.
    """
    for leaf in tree.leaves(x):
        if isinstance(leaf, Tracer):
            raise ArgumentTypeError(
                f"copy_to_host_async: expected arrays; got the traced value {leaf.aval}."
                f"{at_user_line()}"
            )
    return x


def effects_barrier() -> None:
    """Wait until every queued call has run, with the effects that it has."""
    native.synchronize()


def live_arrays(platform: str | None = None) -> list[Any]:
    """Return the arrays that are alive, those of several devices whole."""
    check_backend(platform)
    found = native.live_arrays()
    pieces = {id(p) for x in found if len(x._pieces) > 1 for p in x._pieces}
    return [x for x in found if id(x) not in pieces]


def block_until_ready(x: Any) -> Any:
    """Wait until all arrays of the tree `x` are computed; return `x`.

    Errors: those of the computations.
    """
    for leaf in tree.leaves(x):
        if hasattr(leaf, "block_until_ready"):
            leaf.block_until_ready()
    return x
