"""`BCOO`: sparse arrays as values and their indices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gradax import numpy as jnp
from gradax.core.tracer import Tracer
from gradax.core.value import as_value
from gradax.errors import ArgumentError, ShapeError, at_user_line
from gradax.experimental.sparse import operations
from gradax.experimental.sparse.base import JAXSparse
from gradax.native import register_node


class BCOO(JAXSparse):
    """An array of which stored values and their indices are known; all other elements are zero.

    Shapes: data: T[batch, nse, dense], indices: int[batch, nse, n_sparse]. Elements stored twice
    count as their sum; those with an index outside the array, which fill up, do not count.
    """

    def __init__(
        self,
        args: tuple[Any, Any],
        *,
        shape: Sequence[int],
        indices_sorted: bool = False,
        unique_indices: bool = False,
    ) -> None:
        data, indices = args
        self.data, self.indices = as_stored(data), as_stored(indices)
        self.shape = tuple(int(n) for n in shape)
        self.indices_sorted, self.unique_indices = bool(indices_sorted), bool(unique_indices)

    @property
    def n_sparse(self) -> int:
        """The number of sparse axes."""
        return self.indices.shape[-1]

    @property
    def n_batch(self) -> int:
        return self.indices.ndim - 2

    @property
    def n_dense(self) -> int:
        return self.data.ndim - 1 - self.n_batch

    @property
    def nse(self) -> int:
        return self.indices.shape[-2]

    @classmethod
    def fromdense(
        cls,
        mat: Any,
        *,
        nse: int | None = None,
        index_dtype: Any = np.int32,
        n_dense: int = 0,
        n_batch: int = 0,
    ) -> BCOO:
        """Return the elements of `mat` that are not zero, `nse` of them (by default: as many).

        Errors: TypeError for a traced array without `nse`.
        """
        return operations.fromdense(mat, nse, n_batch, n_dense, index_dtype)

    @classmethod
    def from_scipy_sparse(
        cls, mat: Any, *, index_dtype: Any = None, n_dense: int = 0, n_batch: int = 0
    ) -> BCOO:
        """Return a matrix of SciPy's as one of ours."""
        if n_dense or n_batch:
            raise ArgumentError(
                f"BCOO.from_scipy_sparse: n_dense and n_batch must be 0.{at_user_line()}"
            )
        coo = mat.tocoo()
        indices = np.stack([coo.row, coo.col], axis=1)
        indices = indices.astype(np.int32 if index_dtype is None else index_dtype)
        return cls((jnp.asarray(coo.data), jnp.asarray(indices)), shape=mat.shape)

    @classmethod
    def _empty(
        cls,
        shape: Sequence[int],
        *,
        dtype: Any = None,
        index_dtype: Any = "int32",
        n_dense: int = 0,
        n_batch: int = 0,
        nse: int = 0,
    ) -> BCOO:
        """Return an array of zeros."""
        shape = tuple(shape)
        n_sparse = len(shape) - n_dense - n_batch
        batch, dense = shape[:n_batch], shape[n_batch + n_sparse :]
        data = jnp.zeros((*batch, nse, *dense), dtype)
        inside = np.asarray(shape[n_batch : n_batch + n_sparse])
        indices = jnp.broadcast_to(jnp.asarray(inside, index_dtype), (*batch, nse, n_sparse))
        return cls((data, indices), shape=shape, indices_sorted=True, unique_indices=True)

    def todense(self) -> Any:
        return operations.todense(self)

    def transpose(self, axes: Sequence[int] | None = None) -> BCOO:
        return operations.transpose(self, axes)

    def astype(self, dtype: Any) -> BCOO:
        """Return the array with values of another dtype."""
        return self.with_data(self.data.astype(dtype))

    def with_data(self, data: Any) -> BCOO:
        """Return an array with other values at the same places."""
        return BCOO(
            (data, self.indices), shape=self.shape,
            indices_sorted=self.indices_sorted, unique_indices=self.unique_indices,
        )  # fmt: skip

    def sum(self, axis: int | Sequence[int] | None = None) -> Any:
        """Return the sum over axes, a sparse array; over all, a scalar."""
        if axis is None:
            return self.todense().sum() if self.n_batch else kept(self).sum()
        axes = (axis,) if isinstance(axis, int) else tuple(axis)
        return operations.reduce_sum(self, axes)

    def reshape(self, *args: Any, **kwargs: Any) -> BCOO:
        """Return the array with another shape."""
        shape = args[0] if len(args) == 1 and not isinstance(args[0], int) else args
        return operations.reshape(self, shape, kwargs.get("dimensions"))

    def sum_duplicates(self, nse: int | None = None, remove_zeros: bool = True) -> BCOO:
        """Return the array with each place stored once, sorted; `nse` places (default: as many)."""
        del remove_zeros  # no place is left out for its value
        return operations.sum_duplicates(self, nse)

    def sort_indices(self) -> BCOO:
        """Return the array with its indices in order."""
        return operations.sort_indices(self)

    def update_layout(
        self,
        *,
        n_batch: int | None = None,
        n_dense: int | None = None,
        on_inefficient: str | None = "error",
    ) -> BCOO:
        """Return the array with other numbers of batch and dense axes."""
        del on_inefficient
        batch = self.n_batch if n_batch is None else n_batch
        dense = self.n_dense if n_dense is None else n_dense
        return operations.update_layout(self, batch, dense)

    def __neg__(self) -> BCOO:
        return self.with_data(-self.data)

    def __pos__(self) -> BCOO:
        return self

    def __abs__(self) -> BCOO:
        single = self if self.unique_indices else self.sum_duplicates(self.nse)
        return single.with_data(abs(single.data))

    def __matmul__(self, other: Any) -> Any:
        return operations.matmul(self, other)

    def __rmatmul__(self, other: Any) -> Any:
        return operations.matmul(other, self)

    def __mul__(self, other: Any) -> Any:
        return operations.multiply(self, other)

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Any:
        return operations.multiply(self, 1 / jnp.asarray(other))

    def __add__(self, other: Any) -> Any:
        return operations.add(self, other)

    __radd__ = __add__

    def __sub__(self, other: Any) -> Any:
        return operations.add(self, -other)

    def __rsub__(self, other: Any) -> Any:
        return operations.add(-self, other)

    def __getitem__(self, item: Any) -> Any:
        return operations.get_item(self, item)


def as_stored(x: Any) -> Any:
    """Return a part of a sparse array; what stands for arrays in trees stays as it is."""
    return jnp.asarray(x) if isinstance(x, (np.ndarray, list, tuple)) else x


def kept(mat: BCOO) -> Any:
    """Return the values, those outside the array as zeros (no batch axes)."""
    inside = (mat.indices < np.asarray(mat.shape[: mat.n_sparse])).all(-1)
    return jnp.where(inside.reshape(-1, *(1,) * mat.n_dense), mat.data, 0)


def flatten(mat: BCOO) -> Any:
    """Return the arrays of a sparse array, and what is static."""
    return (mat.data, mat.indices), (mat.shape, mat.indices_sorted, mat.unique_indices)


def unflatten(static: Any, parts: Any) -> BCOO:
    """Return a sparse array of its parts, whatever they are."""
    mat = object.__new__(BCOO)
    mat.data, mat.indices = parts
    mat.shape, mat.indices_sorted, mat.unique_indices = static
    return mat


register_node(BCOO, flatten, unflatten)


def check_known(what: str, mat: Any) -> None:
    """Raise where the number of stored elements depends on traced values."""
    if isinstance(as_value(mat), Tracer):
        raise ShapeError(
            f"{what}: how many elements are stored is not known while a function is traced."
            f"{at_user_line()}\nPass nse, the number to store."
        )
