"""Cotangents that are added to references, or not wanted: what `vjp`'s function does with them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from gradax import tree
from gradax.api.bound import BoundProgram
from gradax.core.refs import Ref, read, write
from gradax.errors import ArgumentTypeError, ShapeError, TreeTypeError, at_user_line
from gradax.native import register_node
from gradax.records import record


@record
class GradValue:
    """Asks for a cotangent as a value."""


@record
class DontWant:
    """Asks for no cotangent."""


@record
class GradRef:
    """Stands for a cotangent that was added to a reference."""


@record
class DidntWant:
    """Stands for a cotangent that was not asked for."""


register_node(GradRef, lambda _: ((), None), lambda *_: GradRef())
register_node(DidntWant, lambda _: ((), None), lambda *_: DidntWant())


class PulledBack(BoundProgram):
    """The function from a result's cotangent to those of the arguments."""

    def with_refs(self, *wanted: Any) -> Callable[[Any], tuple[Any, ...]]:
        """Return it with cotangents added to references.

        `wanted` has the tree of the arguments: a reference (`new_ref`) to which the cotangent is
        added, `ad.GradValue()` for one that is returned, `ad.DontWant()` for none.
        Errors: TypeError for another tree.
        """
        leaves, got = tree.flatten(wanted)

        def run(ct: Any) -> tuple[Any, ...]:
            cts, in_tree = tree.flatten(self(ct))
            if got != in_tree:
                raise TreeTypeError(
                    f"with_refs: expected the tree {in_tree} of the arguments; got {got}."
                    f"{at_user_line()}"
                )
            return tree.unflatten(in_tree, deliver(leaves, cts))

        return run


register_node(
    PulledBack,
    lambda bound: (bound.consts, bound.run),
    lambda run, consts: PulledBack(run, tuple(consts)),
)


def deliver(wanted: Sequence[Any], cts: Sequence[Any]) -> list[Any]:
    """Put each cotangent where it is wanted; return what stands for it."""
    return [delivered(w, ct) for w, ct in zip(wanted, cts, strict=True)]


def delivered(wanted: Any, ct: Any) -> Any:
    """Put a cotangent where it is wanted; return what stands for it."""
    if isinstance(wanted, GradValue):
        return ct
    if isinstance(wanted, DontWant):
        return DidntWant()
    if not isinstance(wanted, Ref):
        raise ArgumentTypeError(
            f"with_refs: expected a reference, GradValue() or DontWant(); got {wanted!r}."
            f"{at_user_line()}"
        )
    if (wanted.shape, wanted.dtype) != (ct.shape, ct.dtype):
        raise ShapeError(
            f"with_refs: the reference must have the type {ct.aval} of the cotangent; got"
            f" {wanted.aval}.{at_user_line()}"
        )
    write(wanted, read(wanted) + ct)
    return GradRef()
