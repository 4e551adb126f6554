"""`shard_map` under the name and with the arguments that it had before it left `experimental`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable
from typing import Any

from gradax.api.shard_map import shard_map as mapped_over_shards


def shard_map(
    f: Callable[..., Any],
    mesh: Any,
    in_specs: Any,
    out_specs: Any,
    check_rep: bool = True,
    auto: Collection[Hashable] = frozenset(),
) -> Callable[..., Any]:
    """Return `gradax.shard_map(f, …)` mapped over the axes of `mesh` that are not in `auto`."""
    names = frozenset(mesh.axis_names) - frozenset(auto)
    return mapped_over_shards(
        f,
        mesh=mesh,
        in_specs=in_specs,
        out_specs=out_specs,
        axis_names=names,
        check_vma=check_rep,
    )
