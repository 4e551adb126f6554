"""Interpolation on a grid: `jax.scipy.interpolate`'s names."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from gradax import numpy as gnp
from gradax import tree_util
from gradax.errors import ArgumentError, ShapeError, at_user_line
from gradax.scipy.arguments import a_float

METHODS = ("linear", "nearest")


@tree_util.register_pytree_node_class
class RegularGridInterpolator:
    """Interpolate values on a grid of increasing coordinates.

    `method` is linear or nearest. Outside is `fill_value`, or the extrapolation of the outermost
    cells where that is None.
    Shapes: points: float[n_d] for each dimension; values T[n_0, …, n_d, trailing]; called with
    float[…, d] -> T[…, trailing].
    Errors: ValueError for another method, decreasing coordinates, sizes that do not match, and
    bounds_error=True, which compiled programs cannot raise.
    """

    def __init__(
        self,
        points: Sequence[Any],
        values: Any,
        method: str = "linear",
        bounds_error: bool = False,
        fill_value: Any = np.nan,
    ) -> None:
        if method not in METHODS:
            raise ArgumentError(
                f"RegularGridInterpolator: the method is 'linear' or 'nearest'; got {method!r}."
                f"{at_user_line()}"
            )
        if bounds_error:
            raise ArgumentError(
                "RegularGridInterpolator: bounds_error=True is not supported; outside is"
                f" fill_value.{at_user_line()}"
            )
        self.grid = tuple(gnp.asarray(p) for p in points)
        self.values = a_float("RegularGridInterpolator", values)
        self.method, self.bounds_error, self.fill_value = method, bounds_error, fill_value
        sizes = tuple(p.shape for p in self.grid)
        if any(len(s) != 1 for s in sizes) or self.values.shape[: len(sizes)] != tuple(
            s[0] for s in sizes if s
        ):
            raise ShapeError(
                "RegularGridInterpolator: there is one vector of points for each leading axis of"
                f" the values; got {sizes} for values {self.values.shape}.{at_user_line()}"
            )
        for p in points:
            if isinstance(p, np.ndarray) and not np.all(np.diff(p) > 0):
                raise ArgumentError(
                    f"RegularGridInterpolator: the points of each dimension increase."
                    f"{at_user_line()}"
                )

    def __call__(self, xi: Any, method: str | None = None) -> Any:
        """Return the values at points. Errors: ValueError for another number of coordinates."""
        method = self.method if method is None else method
        if method not in METHODS:
            raise ArgumentError(
                f"RegularGridInterpolator: the method is 'linear' or 'nearest'; got {method!r}."
                f"{at_user_line()}"
            )
        n = len(self.grid)
        if isinstance(xi, tuple | list):
            xi = gnp.stack(gnp.broadcast_arrays(*(gnp.asarray(x) for x in xi)), -1)
        xi = a_float("RegularGridInterpolator", xi)
        if xi.ndim == 1 and n == 1:
            xi = xi[:, None]
        if xi.shape[-1:] != (n,):
            raise ShapeError(
                f"RegularGridInterpolator: points have {n} coordinates; got shape {xi.shape}."
                f"{at_user_line()}"
            )
        trailing = self.values.shape[n:]
        flat = xi.reshape(-1, n)
        out = self.nearest(flat) if method == "nearest" else self.linear(flat)
        if self.fill_value is not None:
            outside = gnp.zeros(flat.shape[0], bool)
            for x, p in zip(flat.T, self.grid, strict=True):
                outside = outside | (x < p[0]) | (x > p[-1])
            outside = outside.reshape(-1, *[1] * len(trailing))
            out = gnp.where(outside, gnp.asarray(self.fill_value, out.dtype), out)
        out = gnp.where(
            gnp.any(gnp.isnan(flat), -1).reshape(-1, *[1] * len(trailing)), gnp.nan, out
        )
        return out.reshape(*xi.shape[:-1], *trailing)

    def cells(self, flat: Any) -> list[tuple[Any, Any]]:
        """Return, for each dimension, the cell of each point and how far within it the point is."""
        found = []
        for x, p in zip(flat.T, self.grid, strict=True):
            place = gnp.clip(gnp.searchsorted(p, x, side="right") - 1, 0, max(p.size - 2, 0))
            step = p[gnp.minimum(place + 1, p.size - 1)] - p[place]
            found.append((place, (x - p[place]) / gnp.where(step == 0, 1, step)))
        return found

    def nearest(self, flat: Any) -> Any:
        """Return the values of the nearest grid points, the lower one where two are as near."""
        places = [gnp.where(share <= 0.5, i, i + 1) for i, share in self.cells(flat)]
        return self.values[tuple(places)]

    def linear(self, flat: Any) -> Any:
        """Return the multilinear interpolation within the cells."""
        n_trailing = self.values.ndim - len(self.grid)
        total: Any = 0
        sides = [((i, 1 - share), (i + 1, share)) for i, share in self.cells(flat)]
        for corner in itertools.product(*sides):
            weight: Any = 1
            for _, share in corner:
                weight = weight * share
            value = self.values[tuple(i for i, _ in corner)]
            total = total + weight.reshape(-1, *[1] * n_trailing) * value
        return total

    def tree_flatten(self) -> tuple[Any, Any]:
        """Return the arrays, and what is no array."""
        return (self.grid, self.values, self.fill_value), self.method

    @classmethod
    def tree_unflatten(cls, aux: str, children: Any) -> RegularGridInterpolator:
        """Return the interpolator of such arrays, unchecked."""
        new = object.__new__(cls)
        new.grid, new.values, new.fill_value = children
        new.method, new.bounds_error = aux, False
        return new
