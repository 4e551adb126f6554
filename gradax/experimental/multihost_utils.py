"""What processes that compute together do with each other; here there is one.

Nothing is waited for and nothing is sent: what all processes have is what this one has.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gradax import tree
from gradax.api.device import device_get
from gradax.core.value import as_value
from gradax.errors import ArgumentError, at_user_line
from gradax.runtime.placement import place
from gradax.runtime.sharding import NamedSharding, PartitionSpec


def sync_global_devices(name: str) -> None:
    """Wait until all processes are here: there is only this one."""
    del name


def broadcast_one_to_all(in_tree: Any, is_source: bool | None = None) -> Any:
    """Return the tree of the process that is the source, as NumPy arrays: this one's.

    Errors: ValueError when this process says that it is not the source.
    """
    if is_source is not None and not is_source:
        raise ArgumentError(
            f"broadcast_one_to_all: no process is the source; this is the only one.{at_user_line()}"
        )
    return tree.map(np.asarray, device_get(in_tree))


def process_allgather(in_tree: Any, tiled: bool = False) -> Any:
    """Return the arrays of all processes as NumPy's, stacked on a new axis, or joined if `tiled`.

    An array that lies on several devices is whole already.
    """

    def one(x: Any) -> Any:
        whole = np.asarray(device_get(x))
        is_placed = len(getattr(x, "_pieces", ())) > 1
        return whole if tiled or is_placed else whole[None]

    return tree.map(one, in_tree)


def assert_equal(in_tree: Any, fail_message: str = "") -> None:
    """Check that all processes have equal arrays, which one process has."""
    del in_tree, fail_message


def reached_preemption_sync_point(step_id: int) -> bool:
    """Tell whether all processes are to save their state now: nobody announces that here."""
    del step_id
    return False


def host_local_array_to_global_array(local_inputs: Any, global_mesh: Any, pspecs: Any) -> Any:
    """Return arrays laid out over a mesh; this process' parts are the whole."""
    specs = spread(pspecs, local_inputs)
    leaves, structure = tree.flatten(local_inputs)
    placed = [
        place(as_value(x), NamedSharding(global_mesh, s))
        for x, s in zip(leaves, specs, strict=True)
    ]
    return tree.unflatten(structure, placed)


def global_array_to_host_local_array(global_inputs: Any, global_mesh: Any, pspecs: Any) -> Any:
    """Return this process' parts of arrays: all of them, laid out over the mesh."""
    return host_local_array_to_global_array(global_inputs, global_mesh, pspecs)


def is_spec(x: Any) -> bool:
    """Tell whether a node of a tree of specs is one."""
    return x is None or isinstance(x, PartitionSpec)


def spread(pspecs: Any, full: Any) -> list[PartitionSpec]:
    """Return the spec of each leaf."""
    found = tree.broadcast_prefix(pspecs, full, is_spec, "pspecs")
    return [PartitionSpec() if s is None else s for s in found]
