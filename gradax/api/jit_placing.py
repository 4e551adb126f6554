"""Where the operands and results of a jitted function lie: `in_shardings`, `out_shardings`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gradax import tree
from gradax.api.resharding import is_one, laid_out
from gradax.errors import ArgumentError, at_user_line


class Placing:
    """The shardings that `jit` was given, each a tree prefix; None leaves arrays where they are."""

    def __init__(self, ins: Any, outs: Any) -> None:
        self.ins, self.outs = ins, outs

    def enter(self, args: Sequence[Any], static: Sequence[int]) -> tuple[Any, ...]:
        """Return positional arguments, those that are not static placed.

        Errors: ValueError for another number of shardings than of arguments.
        """
        if self.ins is None:
            return tuple(args)
        places = [k for k in range(len(args)) if k not in static]
        shardings = [self.ins] * len(places) if is_one(self.ins) else list(self.ins)
        if len(shardings) != len(places):
            raise ArgumentError(
                f"jit: in_shardings has {len(shardings)} entries for {len(places)} positional"
                f" arguments.{at_user_line()}\nGive one sharding for all, or one for each."
            )
        out = list(args)
        for k, sharding in zip(places, shardings, strict=True):
            out[k] = placed("jit's in_shardings", args[k], sharding)
        return tuple(out)

    def leave(self, result: Any) -> Any:
        """Return a result, placed."""
        return placed("jit's out_shardings", result, self.outs)


def placed(what: str, x: Any, shardings: Any) -> Any:
    """Return a tree with its arrays placed by a tree prefix of shardings."""
    if shardings is None:
        return x
    leaves, treedef = tree.flatten(x)
    if is_one(shardings):
        found = [shardings] * len(leaves)
    else:
        found = tree.broadcast_prefix(shardings, x, is_one, what)
    return treedef.unflatten(
        [a if s is None else laid_out(what, a, s) for a, s in zip(leaves, found, strict=True)]
    )
