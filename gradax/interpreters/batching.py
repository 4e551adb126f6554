"""Mapping of primitives of one's own over axes.

A rule `primitive_batchers[p](args, dims, **params)` returns result(s) and the position(s) of their
mapped axis; in dims None (`not_mapped`) marks operands without one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, MutableMapping, Sequence
from typing import Any, NamedTuple, final

from gradax.control.programs import mapped_axis
from gradax.core.value import as_value
from gradax.extend.user_primitives import Registry, flat_rule
from gradax.lax.shapes import broadcast_batch, move_batch_axis

Rule = Callable[..., Any]
not_mapped = None

__all__ = [
    "axis_primitive_batchers", "bdim_at_front", "broadcast", "defbroadcasting", "defvectorized",
    "fancy_primitive_batchers", "moveaxis", "not_mapped",
    "primitive_batchers",
]  # fmt: skip


primitive_batchers = Registry("batching", lambda kind: flat_rule(kind, "batch"))


@final
class WithAxis(MutableMapping[Any, Rule]):
    """Rules that are also told the axis; each is `called(rule, name, size, args, dims, params)`."""

    def __init__(self, called: Callable[..., Any]) -> None:
        self.called = called
        self.given: dict[Any, Rule] = {}

    def __setitem__(self, primitive: Any, rule: Rule) -> None:
        def plain(args: Sequence[Any], dims: Sequence[int | None], **params: Any) -> Any:
            name, size = mapped_axis()
            size = mapped_size(args, dims) if size is None else size
            return self.called(rule, name, size, args, dims, params)

        primitive_batchers[primitive] = plain
        self.given[primitive] = rule

    def __getitem__(self, primitive: Any) -> Rule:
        return self.given[primitive]

    def __delitem__(self, primitive: Any) -> None:
        del self.given[primitive]
        del primitive_batchers[primitive]

    def __iter__(self) -> Iterator[Any]:
        return iter(self.given)

    def __len__(self) -> int:
        return len(self.given)


class AxisData(NamedTuple):
    """The axis over which an operation is mapped."""

    name: Any
    size: int
    spmd_name: Any = None
    explicit_mesh_axis: Any = None


# Rules `rule(size, name, trace type, args, dims, **params)`; `rule(axis, args, dims, **params)`.
axis_primitive_batchers = WithAxis(
    lambda rule, name, size, args, dims, params: rule(size, name, None, args, dims, **params)
)
fancy_primitive_batchers = WithAxis(
    lambda rule, name, size, args, dims, params: rule(AxisData(name, size), args, dims, **params)
)


def moveaxis(x: Any, src: int | None, dst: int) -> Any:
    """Return an array with an axis elsewhere; None: as it is."""
    return x if src is None or src == dst else move_batch_axis(x, src % x.ndim, dst)


def broadcast(x: Any, size: int, axis: int) -> Any:
    """Return an array repeated along a new axis."""
    return broadcast_batch(as_value(x), size, axis)


def bdim_at_front(x: Any, dim: int | None, size: int) -> Any:
    """Return an array with its mapped axis in front, repeated where it has none."""
    return broadcast(x, size, 0) if dim is None else moveaxis(x, dim, 0)


def mapped_size(args: Sequence[Any], dims: Sequence[int | None]) -> int:
    """Return the size of the mapped axis."""
    return next(x.shape[d] for x, d in zip(args, dims, strict=True) if d is not None)


def defvectorized(primitive: Any) -> None:
    """Let a primitive of one operand map by itself: its results have the axis where it has it."""

    def rule(args: Sequence[Any], dims: Sequence[int | None], **params: Any) -> Any:
        out, (dim,) = primitive.bind(*args, **params), dims
        return out, [dim] * len(out) if primitive.multiple_results else dim

    primitive_batchers[primitive] = rule


def defbroadcasting(primitive: Any) -> None:
    """Let an elementwise primitive of several operands of one shape map by itself."""

    def rule(args: Sequence[Any], dims: Sequence[int | None], **params: Any) -> Any:
        size = mapped_size(args, dims)
        pairs = zip(args, dims, strict=True)
        out = primitive.bind(*(bdim_at_front(x, d, size) for x, d in pairs), **params)
        return out, [0] * len(out) if primitive.multiple_results else 0

    primitive_batchers[primitive] = rule
