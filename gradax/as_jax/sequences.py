"""`jax._src.util`'s small functions on sequences that libraries use."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache, partial, wraps
from math import prod
from typing import Any

from gradax.api_util import safe_map as safe_map

__all__ = ["cache", "partial", "prod", "wraps"]

cache = lru_cache


def safe_zip(*args: Iterable[Any]) -> list[tuple[Any, ...]]:
    """Return the tuples of items of sequences.

    Errors: ValueError for sequences of different lengths.
    """
    return list(zip(*args, strict=True))


def unzip2(pairs: Iterable[tuple[Any, Any]]) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """Return the first and the second items of pairs."""
    found = list(pairs)
    return tuple(x for x, _ in found), tuple(y for _, y in found)


def unzip3(triples: Iterable[tuple[Any, Any, Any]]) -> tuple[tuple[Any, ...], ...]:
    """Return the first, second and third items of triples."""
    found = list(triples)
    return tuple(tuple(t[k] for t in found) for k in range(3))


def split_list(args: Sequence[Any], ns: Sequence[int]) -> list[list[Any]]:
    """Return a sequence in pieces of given lengths, and the rest."""
    rest = list(args)
    pieces: list[list[Any]] = []
    for n in ns:
        pieces.append(rest[:n])
        rest = rest[n:]
    return [*pieces, rest]


def partition_list(mask: Sequence[bool], xs: Sequence[Any]) -> tuple[list[Any], list[Any]]:
    """Return the items where a mask is false, and those where it is true."""
    pairs = list(zip(mask, xs, strict=True))
    return [x for m, x in pairs if not m], [x for m, x in pairs if m]


def merge_lists(mask: Sequence[bool], no: Sequence[Any], yes: Sequence[Any]) -> list[Any]:
    """Undo `partition_list`."""
    first, second = iter(no), iter(yes)
    return [next(second) if m else next(first) for m in mask]


def concatenate(lists: Iterable[Sequence[Any]]) -> list[Any]:
    """Return the items of all sequences."""
    return [x for xs in lists for x in xs]


def canonicalize_axis(axis: int, num_dims: int) -> int:
    """Return an axis counted from the front.

    Errors: ValueError for one that is not there.
    """
    if not -num_dims <= axis < num_dims:
        raise ValueError(f"axis {axis} is out of bounds for array of dimension {num_dims}")
    return axis + num_dims if axis < 0 else axis


def wrap_name(name: str, transform_name: str) -> str:
    """Return a name with that of a transformation around it."""
    return f"{transform_name}({name})"
