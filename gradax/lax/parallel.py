"""The public functions of communication along named mapped axes."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np

from gradax import tree
from gradax.core.axes import as_names, bound_axes
from gradax.core.axes import axis_size as size_of
from gradax.core.value import as_value
from gradax.errors import ArgumentError, AxisError, UnsupportedArgumentError, at_user_line, require
from gradax.lax.arithmetic import Add, Div, Mul
from gradax.lax.collectives import (
    AllGather,
    AllToAll,
    AxisIndex,
    Pmax,
    Pmin,
    Ppermute,
    Psum,
    PsumScatter,
    checked_groups,
)
from gradax.lax.convert import ConvertElementType
from gradax.lax.reductions import ReduceMax, ReduceMin
from gradax.lax.reshaping import Reshape
from gradax.lax.shapes import ReduceSum
from gradax.lax.slicing import slice_in_dim

AxisName = Hashable | tuple[Hashable, ...]


def axis_size(axis_name: AxisName) -> int:
    """Return the size of a named axis, or the product of several."""
    return int(np.prod([size_of(n) for n in as_names(axis_name)]))


def axis_index(axis_name: AxisName) -> Any:
    """Return the index along a named axis, an int32 scalar; of several, the row-major one."""
    index: Any = None
    for name in as_names(axis_name):
        size = size_of(name, "axis_index")
        own = AxisIndex(name, size)()
        index = own if index is None else Add()(Mul()(index, np.int32(size)), own)
    return np.int32(0) if index is None else index


def reduction(what: str, op: Any, positional: Any, x: Any, axis_name: Any, groups: Any) -> Any:
    """Reduce a tree over named axes, and over positions where integers are among them."""
    bound = {n for n, _ in bound_axes()}
    names = tuple(n for n in as_names(axis_name) if n in bound or not isinstance(n, int))
    positions = [n for n in as_names(axis_name) if n not in names and isinstance(n, int)]
    sizes = [size_of(n, what) for n in names]
    if groups is not None and len(names) != 1:
        raise ArgumentError(
            f"{what}: axis_index_groups needs one named axis; got {axis_name!r}.{at_user_line()}"
        )
    chosen = checked_groups(what, groups, sizes[0]) if groups is not None else None

    def one(leaf: Any) -> Any:
        if what == "psum" and isinstance(leaf, (int, float, complex)) and not positions:
            times = len(chosen[0]) if chosen else int(np.prod(sizes))
            return leaf * times
        leaf = as_value(leaf)
        if leaf.dtype == np.bool_:
            leaf = ConvertElementType(np.dtype(np.int32))(leaf)
        if any(not -leaf.ndim <= p < leaf.ndim for p in positions):
            raise AxisError(
                f"{what}: {leaf.aval} has no axes {positions}, and no mapped axis has these names."
                f"{at_user_line()}"
            )
        if positions:
            leaf = positional(tuple(sorted(p % leaf.ndim for p in positions)))(leaf)
        return op(names, chosen)(leaf) if names else leaf

    return tree.map(one, x)


def psum(x: Any, axis_name: AxisName, *, axis_index_groups: Any = None) -> Any:
    """Return the sum of `x` (a pytree) over a named axis or several.

    A Python number gives a Python number, so that `psum(1, name)` is the size of the axis.
    Errors: NameError for a name that no transformation binds.
    """
    return reduction("psum", Psum, ReduceSum, x, axis_name, axis_index_groups)


def pmean(x: Any, axis_name: AxisName, *, axis_index_groups: Any = None) -> Any:
    """Return the mean of `x` (a pytree) over a named axis or several."""
    sums = psum(x, axis_name, axis_index_groups=axis_index_groups)
    n = psum(1, axis_name, axis_index_groups=axis_index_groups)

    def divided(s: Any) -> Any:
        if isinstance(s, (int, float, complex)):
            return s / n
        if not np.issubdtype(np.dtype(s.dtype), np.inexact):
            s = ConvertElementType(np.dtype(np.float32))(s)
        return Div()(s, np.asarray(n).astype(s.dtype))

    return tree.map(divided, sums)


def pmax(x: Any, axis_name: AxisName, *, axis_index_groups: Any = None) -> Any:
    """Return the largest value of each leaf of `x` over a named axis or several."""
    return reduction("pmax", Pmax, ReduceMax, x, axis_name, axis_index_groups)


def pmin(x: Any, axis_name: AxisName, *, axis_index_groups: Any = None) -> Any:
    """Return the smallest value of each leaf of `x` over a named axis or several."""
    return reduction("pmin", Pmin, ReduceMin, x, axis_name, axis_index_groups)


def refuse_groups(what: str, groups: Any) -> None:
    """Refuse groups of indices where only reductions know them."""
    if groups is not None:
        raise UnsupportedArgumentError(
            f"{what}: axis_index_groups is for psum, pmean, pmax and pmin.{at_user_line()}"
        )


def ppermute(x: Any, axis_name: AxisName, perm: Sequence[tuple[int, int]]) -> Any:
    """Send `x` (a pytree) from index to index: `perm` has pairs (source, destination).

    Indices that are no destination get zeros.
    Errors: ValueError when a source or a destination appears twice.
    """
    (name,) = one_name("ppermute", axis_name)
    size = size_of(name, "ppermute")
    pairs = tuple((int(a), int(b)) for a, b in perm)
    for ends in zip(*pairs, strict=True):
        if len(set(ends)) != len(ends) or not all(0 <= i < size for i in ends):
            raise ArgumentError(
                f"ppermute: expected each source and each destination once, from 0 to {size - 1};"
                f" got {perm!r}.{at_user_line()}"
            )
    return tree.map(lambda leaf: Ppermute(name, size, pairs)(as_value(leaf)), x)


def pshuffle(x: Any, axis_name: AxisName, perm: Sequence[int]) -> Any:
    """Take `x` (a pytree) from index perm[i] to index i."""
    (name,) = one_name("pshuffle", axis_name)
    size = size_of(name, "pshuffle")
    if sorted(int(i) for i in perm) != list(range(size)):
        raise ArgumentError(
            f"pshuffle: expected a permutation of {size} indices; got {perm!r}.{at_user_line()}"
        )
    return ppermute(x, name, [(int(a), b) for b, a in enumerate(perm)])


def one_name(what: str, axis_name: AxisName) -> tuple[Hashable]:
    """Return the one name that a movement needs."""
    names = as_names(axis_name)
    if len(names) != 1:
        raise UnsupportedArgumentError(
            f"{what}: expected one axis name; got {axis_name!r}.{at_user_line()}"
        )
    return (names[0],)


def all_gather(
    x: Any,
    axis_name: AxisName,
    *,
    axis_index_groups: Any = None,
    axis: int = 0,
    tiled: bool = False,
    to: str = "varying",
) -> Any:
    """Return `x` (a pytree) of all indices, stacked along a new axis, or joined where `tiled`."""
    refuse_groups("all_gather", axis_index_groups)
    names = as_names(axis_name)
    sizes = [size_of(n, "all_gather") for n in names]

    def one(leaf: Any) -> Any:
        leaf = as_value(leaf)
        n = leaf.ndim + (not tiled)
        require(-n <= axis < n, "all_gather", f"an axis of {n}", axis)
        position = axis % n
        for name, size in zip(reversed(names), reversed(sizes), strict=True):
            joined = tiled or name != names[-1]
            leaf = AllGather(name, size, position, joined)(leaf)
        return leaf

    return tree.map(one, x)


def psum_scatter(
    x: Any,
    axis_name: AxisName,
    *,
    scatter_dimension: int = 0,
    axis_index_groups: Any = None,
    tiled: bool = False,
) -> Any:
    """Return the sum of `x` (a pytree) over a named axis, of which each index keeps its part."""
    refuse_groups("psum_scatter", axis_index_groups)
    (name,) = one_name("psum_scatter", axis_name)
    op = PsumScatter(name, size_of(name, "psum_scatter"), scatter_dimension, bool(tiled))
    return tree.map(lambda leaf: op(as_value(leaf)), x)


def all_to_all(
    x: Any,
    axis_name: AxisName,
    split_axis: int,
    concat_axis: int,
    *,
    axis_index_groups: Any = None,
    tiled: bool = False,
) -> Any:
    """Exchange parts of `x` (a pytree): part i along `split_axis` goes to index i.

    What arrives is stacked at `concat_axis`; with `tiled` parts are blocks, and joined there.
    """
    refuse_groups("all_to_all", axis_index_groups)
    (name,) = one_name("all_to_all", axis_name)
    size = size_of(name, "all_to_all")

    def one(leaf: Any) -> Any:
        leaf = as_value(leaf)
        split, concat = split_axis % leaf.ndim, concat_axis % leaf.ndim
        if not tiled:
            return AllToAll(name, size, split, concat)(leaf)
        parts = leaf.shape[split] // size
        blocks = (*leaf.shape[:split], size, parts, *leaf.shape[split + 1 :])
        # The new axis of blocks arrives in front of the one that they are joined along.
        leaf = AllToAll(name, size, split, concat)(Reshape(blocks)(leaf))
        shape = leaf.shape
        joined = (*shape[:concat], shape[concat] * shape[concat + 1], *shape[concat + 2 :])
        return Reshape(joined)(leaf)

    return tree.map(one, x)


def pswapaxes(x: Any, axis_name: AxisName, axis: int, *, axis_index_groups: Any = None) -> Any:
    """Exchange the named axis with a position of `x` (a pytree)."""
    return all_to_all(x, axis_name, axis, axis, axis_index_groups=axis_index_groups)


def pbroadcast(x: Any, axis_name: AxisName, source: int) -> Any:
    """Return the value of `x` (a pytree) at index `source`, at all indices."""
    (name,) = one_name("pbroadcast", axis_name)

    def one(leaf: Any) -> Any:
        rows = all_gather(as_value(leaf), name)
        return Reshape(rows.shape[1:])(slice_in_dim(rows, source, source + 1))

    return tree.map(one, x)


def pcast(x: Any, axis_name: AxisName, *, to: str = "varying") -> Any:
    """Return `x`: whether a value varies along a mapped axis is found from the program here."""
    for name in as_names(axis_name):
        size_of(name, "pcast")
    return x
