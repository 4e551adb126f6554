"""Concatenations: a map that is only a part of one is computed where it belongs, never on its own.

Pre:  the items are in order.
Post: what `deferred_parts` returns is read by its join alone, at the point that is written.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from gradax.compiler.graph.ir import Item, sources
from gradax.compiler.graph.rewrite import identity, rewrite
from gradax.compiler.graph.views import indices_through_view
from gradax.kernel import Join, Load, Map, Scalar, Tensor, View


def deferred_parts(order: Sequence[Item], outputs: Iterable[Tensor]) -> dict[Join, list[Map]]:
    """Return, for each join, the maps that are its parts (or whose views are) and nothing else."""
    joins = [item for item in order if isinstance(item, Join)]
    if not joins:
        return {}
    uses = Counter(outputs)
    for item in order:
        uses.update(item.parts if isinstance(item, Join) else sources(item))
    found: dict[Join, list[Map]] = {}
    for join in joins:
        parts = [deferred_part(part, uses) for part in join.parts]
        found[join] = [part for part in parts if part is not None]
    return found


def deferred_part(part: Tensor, uses: Counter[Tensor]) -> Map | None:
    """Return the map behind a part, None where it is read elsewhere too."""
    while uses[part] == 1:
        if isinstance(part, Map):
            return part
        if not isinstance(part, View):
            return None
        if indices_through_view(part, identity(part.shape)) is None:
            return None
        part = part.operand
    return None


def element_of(part: Tensor, deferred: Iterable[Map]) -> Scalar:
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


def keep(node: Load, indices: tuple[Scalar, ...], guard: Scalar | None) -> Scalar | None:
    """Leave a load alone but for its indices."""
    return None
