"""The functions of sparse arrays under the names that JAX has for them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gradax import numpy as jnp
from gradax import random, tree
from gradax.api.grad import value_and_grad as dense_value_and_grad
from gradax.errors import ArgumentError, at_user_line
from gradax.experimental.sparse import operations
from gradax.experimental.sparse.base import JAXSparse
from gradax.experimental.sparse.bcoo import BCOO
from gradax.experimental.sparse.bcsr import BCSR

bcoo_multiply_sparse = operations.multiply_sparse
bcoo_sort_indices = operations.sort_indices
bcoo_sum_duplicates = operations.sum_duplicates
bcoo_todense = operations.todense


def todense(arr: Any) -> Any:
    """Return an array with all its elements."""
    return arr.todense() if isinstance(arr, JAXSparse) else arr


def bcoo_fromdense(
    mat: Any,
    *,
    nse: int | None = None,
    n_batch: int = 0,
    n_dense: int = 0,
    index_dtype: Any = np.int32,
) -> BCOO:
    """Return the elements of a dense array that are not zero."""
    return operations.fromdense(mat, nse, n_batch, n_dense, index_dtype)


def bcsr_fromdense(
    mat: Any,
    *,
    nse: int | None = None,
    n_batch: int = 0,
    n_dense: int = 0,
    index_dtype: Any = np.int32,
) -> BCSR:
    """Return the elements of a dense array that are not zero, row by row."""
    return BCSR.fromdense(mat, nse=nse, n_batch=n_batch, n_dense=n_dense, index_dtype=index_dtype)


def bcsr_todense(mat: BCSR) -> Any:
    """Return the matrix with all its elements."""
    return mat.todense()


def bcoo_dot_general(
    lhs: Any,
    rhs: Any,
    *,
    dimension_numbers: Any,
    precision: Any = None,
    preferred_element_type: Any = None,
    out_sharding: Any = None,
) -> Any:
    """Return the contraction of two arrays, of which one at least is sparse."""
    del precision, out_sharding
    out = operations.dot_general(lhs, rhs, dimension_numbers)
    return out if preferred_element_type is None else out.astype(preferred_element_type)


def bcsr_dot_general(lhs: Any, rhs: Any, **options: Any) -> Any:
    """Return the contraction of two arrays, of which the first is sparse."""
    return bcoo_dot_general(lhs.to_bcoo(), rhs, **options)


def bcoo_reduce_sum(mat: BCOO, *, axes: Sequence[int]) -> BCOO:
    """Return the sum over axes, as a sparse array."""
    return operations.reduce_sum(mat, axes)


def bcoo_multiply_dense(sp_mat: BCOO, v: Any) -> Any:
    """Return the values of the product of a sparse and a dense array."""
    return operations.multiply(sp_mat, v).data


def bcoo_extract(sparr: BCOO, arr: Any, *, assume_unique: bool | None = None) -> BCOO:
    """Return the elements of a dense array at the places of a sparse one.

    Of a place that is stored several times the first has the element, unless `assume_unique`.
    """
    if assume_unique is False or (assume_unique is None and not sparr.unique_indices):
        sparr = operations.sum_duplicates(sparr, sparr.nse)
    return sparr.with_data(operations.extract(sparr, jnp.asarray(arr)))


def bcoo_transpose(mat: BCOO, *, permutation: Sequence[int]) -> BCOO:
    """Return the array with its axes permuted."""
    return operations.transpose(mat, permutation)


def bcoo_reshape(
    mat: BCOO, *, new_sizes: Sequence[int], dimensions: Any = None, sharding: Any = None
) -> BCOO:
    """Return the array with another shape."""
    del sharding
    return operations.reshape(mat, new_sizes, dimensions)


def bcoo_broadcast_in_dim(
    mat: BCOO, *, shape: Sequence[int], broadcast_dimensions: Sequence[int], sharding: Any = None
) -> BCOO:
    """Return the array repeated along new axes."""
    del sharding
    return operations.broadcast_in_dim(mat, shape, broadcast_dimensions)


def bcoo_concatenate(operands: Sequence[BCOO], *, dimension: int) -> BCOO:
    """Return arrays joined along an axis."""
    return operations.concatenate(operands, dimension)


def bcoo_squeeze(arr: BCOO, *, dimensions: Sequence[int]) -> BCOO:
    """Return the array without axes of size 1."""
    return operations.squeeze(arr, dimensions)


def bcoo_slice(
    mat: BCOO,
    *,
    start_indices: Sequence[int],
    limit_indices: Sequence[int],
    strides: Sequence[int] | None = None,
) -> BCOO:
    """Return a part."""
    return operations.slices(mat, start_indices, limit_indices, strides)


def bcoo_update_layout(
    mat: BCOO,
    *,
    n_batch: int | None = None,
    n_dense: int | None = None,
    on_inefficient: str | None = "error",
) -> BCOO:
    """Return the array with other numbers of batch and dense axes."""
    return mat.update_layout(n_batch=n_batch, n_dense=n_dense, on_inefficient=on_inefficient)


def empty(
    shape: Sequence[int],
    dtype: Any = None,
    index_dtype: Any = "int32",
    sparse_format: str = "bcoo",
    **kwds: Any,
) -> Any:
    """Return a sparse array of zeros."""
    return in_format(
        "empty", BCOO._empty(shape, dtype=dtype, index_dtype=index_dtype, **kwds), sparse_format
    )


def in_format(what: str, mat: BCOO, sparse_format: str) -> Any:
    """Return an array in a format.

    Errors: ValueError for a format that is not there.
    """
    if sparse_format == "bcoo":
        return mat
    if sparse_format == "bcsr":
        return BCSR.from_bcoo(mat)
    raise ArgumentError(
        f"{what}: expected a sparse_format 'bcoo' or 'bcsr'; got {sparse_format!r}.{at_user_line()}"
    )


def eye(
    N: int,
    M: int | None = None,
    k: int = 0,
    dtype: Any = None,
    index_dtype: Any = "int32",
    sparse_format: str = "bcoo",
    **kwds: Any,
) -> Any:
    """Return the sparse matrix of ones on the k-th diagonal."""
    del kwds
    n_columns = N if M is None else M
    rows = np.arange(max(0, -k), max(0, min(N, n_columns - k)))
    indices = np.stack([rows, rows + k], axis=1).astype(index_dtype)
    data = jnp.ones(len(rows), dtype)
    mat = BCOO(
        (data, jnp.asarray(indices)), shape=(N, n_columns), indices_sorted=True,
        unique_indices=True,
    )  # fmt: skip
    return in_format("eye", mat, sparse_format)


def random_bcoo(
    key: Any,
    shape: Sequence[int],
    *,
    dtype: Any = np.float32,
    indices_dtype: Any = None,
    nse: float = 0.2,
    unique_indices: bool = True,
    sorted_indices: bool = False,
    generator: Callable[..., Any] = random.uniform,
    **kwds: Any,
) -> BCOO:
    """Return a sparse array with `nse` random elements (below 1: that part of all).

    Errors: ValueError for batch or dense axes.
    """
    if kwds.pop("n_batch", 0) or kwds.pop("n_dense", 0):
        raise ArgumentError(f"random_bcoo: n_batch and n_dense must be 0.{at_user_line()}")
    size = int(np.prod(shape))
    n = int(np.ceil(nse * size)) if 0 < nse < 1 else int(nse)
    places, values = random.split(key)
    chosen = random.choice(places, size, (n,), replace=not unique_indices)
    chosen = jnp.sort(chosen) if sorted_indices else chosen
    columns = jnp.unravel_index(chosen, tuple(shape))
    indices = jnp.stack(columns, -1).astype(np.int32 if indices_dtype is None else indices_dtype)
    data = generator(values, shape=(n,), dtype=dtype, **kwds)
    return BCOO(
        (data, indices), shape=shape, indices_sorted=sorted_indices,
        unique_indices=unique_indices,
    )  # fmt: skip


def value_and_grad(
    fun: Callable[..., Any], argnums: int | Sequence[int] = 0, has_aux: bool = False, **kwargs: Any
) -> Callable[..., Any]:
    """Return the function of value and gradient; that of a sparse argument is sparse as it is."""

    def both(*args: Any, **own: Any) -> Any:
        numbers = (argnums,) if isinstance(argnums, int) else tuple(argnums)
        chosen = [args[i] for i in numbers]
        leaves, structure = tree.flatten(chosen, is_sparse)
        values = [x.data if is_sparse(x) else x for x in leaves]

        def of_values(values: Any) -> Any:
            mats = [
                with_values(x, v) if is_sparse(x) else v
                for x, v in zip(leaves, values, strict=True)
            ]
            new = list(args)
            for i, x in zip(numbers, tree.unflatten(structure, mats), strict=True):
                new[i] = x
            return fun(*new, **own)

        value, slopes = dense_value_and_grad(of_values, has_aux=has_aux, **kwargs)(values)
        mats = [
            with_values(x, v) if is_sparse(x) else v for x, v in zip(leaves, slopes, strict=True)
        ]
        found = tree.unflatten(structure, mats)
        return value, found[0] if isinstance(argnums, int) else tuple(found)

    return both


def grad(
    fun: Callable[..., Any], argnums: int | Sequence[int] = 0, has_aux: bool = False, **kwargs: Any
) -> Callable[..., Any]:
    """Return the gradient; that of a sparse argument is sparse as it is."""
    both = value_and_grad(fun, argnums, has_aux, **kwargs)

    def gradient(*args: Any, **own: Any) -> Any:
        value, slopes = both(*args, **own)
        return (slopes, value[1]) if has_aux else slopes

    return gradient


def is_sparse(x: Any) -> bool:
    """Tell whether a leaf is a sparse array."""
    return isinstance(x, JAXSparse)


def with_values(mat: Any, data: Any) -> Any:
    """Return a sparse array with other values at the same places."""
    leaves, structure = tree.flatten(mat)
    return tree.unflatten(structure, [data, *leaves[1:]])
