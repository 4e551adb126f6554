"""Concatenations: a map, or another concatenation, that is only a part of one is computed where it
belongs, never on its own.

Pre:  the items are in order.
Post: what `deferred_parts` returns is read by its join alone, at the point that is written.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from gradax.compiler.graph.ir import Item, sources
from gradax.compiler.graph.rewrite import identity, keep, rewrite
from gradax.compiler.graph.views import indices_through_view
from gradax.compiler.schedule.ir import Buffer
from gradax.kernel import Join, Map, Result, Scalar, Shape, Tensor, View, index
from gradax.kernel.build import apply

MOST_STACKED = 8


def deferred_parts(
    order: Sequence[Item], outputs: Iterable[Tensor]
) -> dict[Join, list[Map | Join]]:
    """Return, for each join, what is a part of it (or whose view is) and nothing else."""
    joins = [item for item in order if isinstance(item, Join)]
    if not joins:
        return {}
    uses = Counter(outputs)
    for item in order:
        uses.update(item.parts if isinstance(item, Join) else sources(item))
    found: dict[Join, list[Map | Join]] = {}
    for join in joins:
        parts = [deferred_part(part, uses) for part in join.parts]
        found[join] = [part for part in parts if part is not None]
    return found


def join_of(part: Tensor) -> Join | None:
    """Return the join whose result a tensor is."""
    return part.node if isinstance(part, Result) and isinstance(part.node, Join) else None


def deferred_part(part: Tensor, uses: Counter[Tensor]) -> Map | Join | None:
    """Return the map behind a part or the join it is, None where it is read elsewhere too."""
    inner = join_of(part)
    if inner is not None:
        return inner if uses[part] == 1 else None
    while uses[part] == 1:
        if isinstance(part, Map):
            return part
        if not isinstance(part, View):
            return None
        if indices_through_view(part, identity(part.shape)) is None:
            return None
        part = part.operand
    return None


def sources_of(join: Join, deferred: Mapping[Join, Sequence[Map | Join]]) -> Iterator[Tensor]:
    """Yield what the deferred parts of a join read."""
    for part in deferred.get(join, ()):
        yield from sources(part)
        if isinstance(part, Join):
            yield from sources_of(part, deferred)


def is_stack(join: Join, deferred: Collection[Map | Join]) -> bool:
    """Tell whether a join puts a few elements side by side, none of which is a join itself."""
    parts = join.parts
    return (
        len(parts) <= MOST_STACKED
        and bool(parts[0].size)
        and join.axis == len(parts[0].shape) - 1
        and all(part.shape[-1] == 1 and join_of(part) not in deferred for part in parts)
    )


def stacked(
    join: Join, out: Buffer, shape: Shape, begin: Shape, deferred: Collection[Map | Join]
) -> tuple[Shape, list[tuple[Buffer, Scalar, Scalar]]]:
    """Return the space and the stores of a stack's parts: one nest fills memory in order."""
    stores: list[tuple[Buffer, Scalar, Scalar]] = []
    for k, part in enumerate(join.parts):
        places = [apply("add", index(axis), b) for axis, b in enumerate(begin)]
        places[-1] = apply("add", places[-1], k)
        stores.append((out, flat(places, shape), element_of(part, deferred)))
    return join.parts[0].shape, stores


def flat(indices: Sequence[Scalar], shape: tuple[int, ...]) -> Scalar:
    """Return the flat position of indices."""
    total = indices[0]
    for i, n in zip(indices[1:], shape[1:], strict=True):
        total = apply("add", apply("mul", total, n), i)
    return total


def element_of(part: Tensor, deferred: Collection[Map | Join]) -> Scalar:
    """Return a part's element at the point at hand: loaded, or computed where it is deferred."""
    tensor, here = part, identity(part.shape)
    while isinstance(tensor, View):
        inner = indices_through_view(tensor, here)
        if inner is None:
            break
        tensor, here = tensor.operand, inner
    if isinstance(tensor, Map) and tensor in deferred:
        return rewrite(tensor.body, keep, axes=here)
    return part[identity(part.shape)]
