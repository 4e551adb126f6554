"""Rows of the operations that name a mapped axis: inside a vmap that binds it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import gradax
from gradax import lax
from gradax import numpy as gnp
from gradax.core.op import Op
from gradax.lax.collectives import (
    AllGather,
    AllToAll,
    AxisIndex,
    Pmax,
    Pmin,
    Ppermute,
    Psum,
    PsumScatter,
)
from tests.ops.case import Case

RNG = np.random.default_rng(8)
SIZE = 3


def over(function: Callable[..., Any]) -> Callable[..., Any]:
    """Map a function over the axis that it names, on values that bend."""

    def mapped(x: Any) -> Any:
        return gradax.vmap(lambda x: function(gnp.sin(x) * x), axis_name="i")(x)

    return mapped


def row(op: type[Op], function: Callable[..., Any], *shape: int) -> Case:
    """Make the case of a function of one row of an array."""
    rows = [[RNG.permutation(SIZE * int(np.prod(shape))).reshape(SIZE, *shape) / 7.0]
            for _ in range(2)]  # fmt: skip
    return Case(f"{op.__name__} over an axis", [op], over(function), rows)


CASES = [
    row(Psum, lambda x: lax.psum(x, "i"), 2),
    row(Pmax, lambda x: lax.pmax(x, "i"), 2),
    row(Pmin, lambda x: lax.pmin(x, "i"), 2),
    row(Ppermute, lambda x: lax.ppermute(x, "i", [(0, 1), (1, 2)]), 2),
    row(AllGather, lambda x: lax.all_gather(x, "i", axis=1), 2),
    row(PsumScatter, lambda x: lax.psum_scatter(x, "i"), SIZE),
    row(AllToAll, lambda x: lax.all_to_all(x, "i", 0, 1), SIZE, 2),
    row(AxisIndex, lambda x: x * lax.axis_index("i"), 2),
]
