"""A pytree of arrays as one vector, and back."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from itertools import accumulate
from typing import Any

from gradax import numpy as gnp
from gradax import tree
from gradax.errors import DtypeError, TreeError, at_user_line
from gradax.native import PyTreeDef
from gradax.records import record

__all__ = ["ravel_pytree"]


def ravel_pytree(pytree: Any) -> tuple[Any, Callable[[Any], Any]]:
    """Return the leaves of `pytree` as one vector, and the function that undoes it.

    Shapes: the leaves in order, each in row-major order; T[0], T float32, if there are none.
    The dtype is what those of the leaves promote to; undoing gives each leaf its own back.
    """
    leaves, treedef = tree.flatten(pytree)
    shapes = tuple(tuple(gnp.shape(leaf)) for leaf in leaves)
    dtypes = tuple(gnp.result_type(leaf) for leaf in leaves)
    if not leaves:
        return gnp.zeros((0,), gnp.float32), _Unravel(treedef, shapes, dtypes, None)
    dtype = gnp.result_type(*dtypes)
    vector = gnp.concatenate([gnp.ravel(leaf).astype(dtype) for leaf in leaves])
    # With one dtype nothing is lost by taking vectors of another: an update may be of higher
    # precision than the parameters.
    is_mixed = len(set(dtypes)) > 1
    return vector, _Unravel(treedef, shapes, dtypes, dtype if is_mixed else None)


@record
class _Unravel:
    """Turn a vector into a pytree; `dtype`, if not None, is what the vector must have."""

    treedef: PyTreeDef
    shapes: tuple[tuple[int, ...], ...]
    dtypes: tuple[Any, ...]
    dtype: Any

    def __call__(self, vector: Any) -> Any:
        ends = list(accumulate([math.prod(shape) for shape in self.shapes], initial=0))
        if tuple(gnp.shape(vector)) != (ends[-1],):
            raise TreeError(
                f"unravel: expected a vector of shape ({ends[-1]},); got the shape "
                f"{tuple(gnp.shape(vector))}. Pass what ravel_pytree gave, or a vector of its "
                f"length.{at_user_line()}"
            )
        dtype = gnp.result_type(vector)
        if self.dtype is not None and dtype != self.dtype:
            raise DtypeError(
                f"unravel: expected a vector of dtype {self.dtype}, because the leaves have "
                f"several dtypes; got {dtype}. Convert it with astype.{at_user_line()}"
            )
        spans = zip(ends[:-1], ends[1:], self.shapes, strict=True)
        leaves = [gnp.reshape(vector[start:end], shape) for start, end, shape in spans]
        if self.dtype is not None:
            leaves = self._convert(leaves)
        return self.treedef.unflatten(leaves)

    def _convert(self, leaves: list[Any]) -> list[Any]:
        with warnings.catch_warnings():
            # A leaf that was real has no imaginary part to lose.
            warnings.simplefilter("ignore")
            return [leaf.astype(t) for leaf, t in zip(leaves, self.dtypes, strict=True)]
