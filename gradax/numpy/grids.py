"""Grids and joined arrays by index notation: mgrid, ogrid, r_ and c_."""

from __future__ import annotations

from typing import Any, Final

from gradax.errors import ArgumentError, at_user_line
from gradax.lax.joining import Concatenate
from gradax.lax.shapes import BroadcastInDim
from gradax.numpy.creation import asarray
from gradax.numpy.joining import concatenate
from gradax.numpy.promotion import convert, result_pair
from gradax.numpy.ranges import arange, linspace, meshgrid
from gradax.numpy.shaping import expand_dims, reshaped


class Grid:
    """`mgrid[a:b:c, …]` and `ogrid`: coordinate arrays by slices; a complex step is a number."""

    def __init__(self, name: str, sparse: bool) -> None:
        self.name, self.sparse = name, sparse

    def __getitem__(self, key: Any) -> Any:
        several = isinstance(key, tuple)
        lines = [self.line(s) for s in (key if several else (key,))]
        if not several:
            return lines[0]
        dtype = result_pair(*lines)[0]
        lines = [convert(x, dtype) for x in lines]
        grids = meshgrid(*lines, indexing="ij", sparse=self.sparse)
        if self.sparse:
            return grids
        spread = [BroadcastInDim((1, *g.shape), tuple(range(1, g.ndim + 1)))(g) for g in grids]
        return spread[0] if len(spread) == 1 else Concatenate(0)(*spread)

    def line(self, s: slice) -> Any:
        """Return the coordinates of one axis."""
        start, step = (0 if s.start is None else s.start), (1 if s.step is None else s.step)
        if isinstance(step, complex):
            return linspace(start, s.stop, int(abs(step)))
        return arange(start, s.stop, step)

    def __repr__(self) -> str:
        return f"<gradax.numpy.{self.name}>"


mgrid: Final = Grid("mgrid", sparse=False)
ogrid: Final = Grid("ogrid", sparse=True)


class Joiner:
    """`r_[0:3, 5, x]` and `c_`: slices, numbers and arrays joined along an axis.

    A text in front gives (axis, least number of axes, place of the array's own axes): '0,2,1'.
    """

    def __init__(self, name: str, axis: int, ndmin: int, trans1d: int) -> None:
        self.name, self.defaults = name, (axis, ndmin, trans1d)

    def __getitem__(self, key: Any) -> Any:
        items = list(key) if isinstance(key, tuple) else [key]
        axis, ndmin, trans1d = self.defaults
        if isinstance(items[0], str):
            directive = items.pop(0)
            if directive in ("r", "c"):
                raise NotImplementedError(f"{self.name}: matrices are not supported")
            given = [int(part) for part in directive.split(",")]
            if len(given) > 3:
                raise ArgumentError(f"{self.name}: {directive!r} is no directive{at_user_line()}")
            axis, ndmin, trans1d = (*given, *(axis, ndmin, trans1d)[len(given) :])
        parts = [self.part(item, ndmin, trans1d) for item in items]
        return concatenate(parts, axis)

    def part(self, item: Any, ndmin: int, trans1d: int) -> Any:
        """Return one of the arrays to join, with at least `ndmin` axes."""
        x = mgrid.line(item) if isinstance(item, slice) else asarray(item)
        if x.ndim == 0:
            return reshaped(x, (1,) * max(ndmin, 1))
        n_new = ndmin - x.ndim
        if n_new <= 0:
            return x
        # The array's own axes begin at trans1d; -1: they are the last.
        start = n_new if trans1d == -1 else min(trans1d, n_new)
        new = [i for i in range(ndmin) if not start <= i < start + x.ndim]
        return expand_dims(x, tuple(new))

    def __repr__(self) -> str:
        return f"<gradax.numpy.{self.name}>"


r_: Final = Joiner("r_", 0, 1, -1)
c_: Final = Joiner("c_", -1, 2, 0)
