"""Arrays to and from devices, and waiting for them."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradax import tree
from gradax.core.tracer import Tracer
from gradax.core.value import as_value
from gradax.native import Array
from gradax.runtime import placement


def device_put(
    x: Any, device: Any = None, *, src: Any = None, donate: bool = False, may_alias: Any = None
) -> Any:
    """Return the tree `x` with its leaves as arrays on a device or laid out by a sharding.

    `device` is a Device, a Sharding, or a tree of such that is a prefix of `x`; None is the default
    device. A traced value stays where it is.
    """
    if device is None or not isinstance(device, (tuple, list, dict)):
        return tree.map(lambda leaf: put_leaf(leaf, device), x)
    leaves, treedef = tree.flatten(x)
    places = tree.broadcast_prefix(device, x, lambda d: d is None, "device_put")
    return treedef.unflatten([put_leaf(a, d) for a, d in zip(leaves, places, strict=True)])


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


def block_until_ready(x: Any) -> Any:
    """Wait until all arrays of the tree `x` are computed; return `x`.

    Errors: those of the computations.
    """
    for leaf in tree.leaves(x):
        if hasattr(leaf, "block_until_ready"):
            leaf.block_until_ready()
    return x
