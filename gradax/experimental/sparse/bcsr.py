"""`BCSR`: sparse matrices as values, the columns of each row, and where rows begin."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gradax import numpy as jnp
from gradax.api.vmap import vmap
from gradax.errors import ShapeError, at_user_line
from gradax.experimental.sparse import operations
from gradax.experimental.sparse.base import JAXSparse
from gradax.experimental.sparse.bcoo import BCOO, as_stored
from gradax.native import register_node


class BCSR(JAXSparse):
    """A matrix of which the stored elements are known row by row.

    Shapes: data: T[batch, nse, dense], indices: int[batch, nse] (columns), indptr: int[batch,
    rows + 1]; row r has the elements from indptr[r] to indptr[r + 1].
    """

    def __init__(
        self,
        args: tuple[Any, Any, Any],
        *,
        shape: Sequence[int],
        indices_sorted: bool = False,
        unique_indices: bool = False,
    ) -> None:
        data, indices, indptr = args
        self.data, self.indices = as_stored(data), as_stored(indices)
        self.indptr = as_stored(indptr)
        self.shape = tuple(int(n) for n in shape)
        self.indices_sorted, self.unique_indices = bool(indices_sorted), bool(unique_indices)

    @property
    def n_sparse(self) -> int:
        """The number of sparse axes: two."""
        return 2

    @property
    def n_batch(self) -> int:
        return self.indices.ndim - 1

    @property
    def n_dense(self) -> int:
        return self.data.ndim - self.indices.ndim

    @property
    def nse(self) -> int:
        return self.indices.shape[-1]

    @classmethod
    def fromdense(
        cls,
        mat: Any,
        *,
        nse: int | None = None,
        index_dtype: Any = np.int32,
        n_dense: int = 0,
        n_batch: int = 0,
    ) -> BCSR:
        """Return the elements of `mat` that are not zero, `nse` of them (by default: as many)."""
        return cls.from_bcoo(operations.fromdense(mat, nse, n_batch, n_dense, index_dtype))

    @classmethod
    def from_bcoo(cls, arr: BCOO) -> BCSR:
        """Return a BCOO array as rows.

        Errors: TypeError unless it has two sparse axes.
        """
        if arr.n_sparse != 2:
            raise ShapeError(
                f"BCSR.from_bcoo: expected two sparse axes; got {arr.n_sparse}.{at_user_line()}"
            )
        ordered = operations.sort_indices(arr)
        n_rows = arr.shape[arr.n_batch]

        def starts(rows: Any) -> Any:
            return jnp.searchsorted(rows, jnp.arange(n_rows + 1)).astype(rows.dtype)

        for _ in range(arr.n_batch):
            starts = vmap(starts)
        indptr = starts(ordered.indices[..., 0])
        return cls(
            (ordered.data, ordered.indices[..., 1], indptr), shape=arr.shape,
            indices_sorted=True, unique_indices=arr.unique_indices,
        )  # fmt: skip

    @classmethod
    def from_scipy_sparse(
        cls, mat: Any, *, index_dtype: Any = None, n_batch: int = 0, n_dense: int = 0
    ) -> BCSR:
        """Return a matrix of SciPy's as one of ours."""
        return cls.from_bcoo(
            BCOO.from_scipy_sparse(mat, index_dtype=index_dtype, n_batch=n_batch, n_dense=n_dense)
        )

    def to_bcoo(self) -> BCOO:
        """Return the matrix with an index pair for each element."""

        def rows(indptr: Any) -> Any:
            places = jnp.arange(self.nse)
            return (jnp.searchsorted(indptr, places, side="right") - 1).astype(indptr.dtype)

        find = rows
        for _ in range(self.n_batch):
            find = vmap(find)
        row = find(self.indptr)
        # What is stored behind the last row fills up.
        n_rows = self.shape[self.n_batch]
        column = jnp.where(row < n_rows, self.indices, self.shape[self.n_batch + 1])
        return BCOO(
            (self.data, jnp.stack([row, column], -1)), shape=self.shape,
            indices_sorted=self.indices_sorted, unique_indices=self.unique_indices,
        )  # fmt: skip

    def todense(self) -> Any:
        return operations.todense(self.to_bcoo())

    def transpose(self, axes: Sequence[int] | None = None) -> BCSR:
        return BCSR.from_bcoo(operations.transpose(self.to_bcoo(), axes))

    def sum_duplicates(self, nse: int | None = None, remove_zeros: bool = True) -> BCSR:
        """Return the matrix with each place stored once."""
        del remove_zeros
        return BCSR.from_bcoo(operations.sum_duplicates(self.to_bcoo(), nse))

    def sum(self, axis: Any = None) -> Any:
        """Return the sum over axes."""
        return self.to_bcoo().sum(axis)

    def __neg__(self) -> BCSR:
        return BCSR((-self.data, self.indices, self.indptr), shape=self.shape,
                    indices_sorted=self.indices_sorted,
                    unique_indices=self.unique_indices)  # fmt: skip

    def __matmul__(self, other: Any) -> Any:
        found = operations.matmul(self.to_bcoo(), other.to_bcoo() if isinstance(other, BCSR) else
                                  other)  # fmt: skip
        return BCSR.from_bcoo(found) if isinstance(other, BCSR) and found.ndim == 2 else found

    def __rmatmul__(self, other: Any) -> Any:
        return operations.matmul(other, self.to_bcoo())

    def __mul__(self, other: Any) -> Any:
        found = operations.multiply(self.to_bcoo(), other)
        return BCSR.from_bcoo(found)

    __rmul__ = __mul__


def flatten(mat: BCSR) -> Any:
    """Return the arrays of a matrix, and what is static."""
    static = (mat.shape, mat.indices_sorted, mat.unique_indices)
    return (mat.data, mat.indices, mat.indptr), static


def unflatten(static: Any, parts: Any) -> BCSR:
    """Return a matrix of its parts, whatever they are."""
    mat = object.__new__(BCSR)
    mat.data, mat.indices, mat.indptr = parts
    mat.shape, mat.indices_sorted, mat.unique_indices = static
    return mat


register_node(BCSR, flatten, unflatten)
