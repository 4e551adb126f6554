"""Operations on `BCOO` arrays. Where a layout has no rule of its own, dense axes are made of it."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from gradax import lax
from gradax import numpy as jnp
from gradax.api.vmap import vmap
from gradax.core.tracer import Tracer
from gradax.core.value import as_value
from gradax.errors import ShapeError, UnsupportedArgumentError, at_user_line
from gradax.experimental.sparse import bcoo
from gradax.experimental.sparse.base import JAXSparse

Dimensions = tuple[tuple[Sequence[int], Sequence[int]], tuple[Sequence[int], Sequence[int]]]


def made(data: Any, indices: Any, shape: Sequence[int], ordered: bool, unique: bool) -> Any:
    """Return an array of its parts."""
    return bcoo.BCOO((data, indices), shape=shape, indices_sorted=ordered, unique_indices=unique)


def fromdense(
    mat: Any, nse: int | None, n_batch: int = 0, n_dense: int = 0, index_dtype: Any = np.int32
) -> Any:
    """Return the elements that are not zero."""
    mat = jnp.asarray(mat)
    n_sparse = mat.ndim - n_batch - n_dense
    if n_sparse < 0 or n_batch < 0 or n_dense < 0:
        raise ShapeError(
            f"BCOO.fromdense: n_batch={n_batch} and n_dense={n_dense} are more axes than"
            f" {mat.aval} has.{at_user_line()}"
        )
    mask = (mat != 0).any(tuple(range(n_batch + n_sparse, mat.ndim)))
    if nse is None:
        bcoo.check_known("BCOO.fromdense", mat)
        known = (np.asarray(mat) != 0).any(tuple(range(n_batch + n_sparse, mat.ndim)))
        counts = known.sum(tuple(range(n_batch, known.ndim)))
        nse = int(np.max(counts, initial=0))

    def one(x: Any, m: Any) -> tuple[Any, Any]:
        if n_sparse == 0:
            indices = jnp.zeros((nse, 0), index_dtype)
            present = jnp.arange(nse) < m.astype(int)
            return jnp.where(present.reshape(-1, *(1,) * n_dense), x[None], 0), indices
        found = jnp.nonzero(m, size=nse, fill_value=m.shape)
        values = x.at[found].get(mode="fill", fill_value=0)
        return values, jnp.stack(found, -1).astype(index_dtype)

    for _ in range(n_batch):
        one = vmap(one)
    data, indices = one(mat, mask)
    return made(data, indices, mat.shape, True, True)


def todense(mat: Any) -> Any:
    """Return all elements."""
    n_batch = mat.n_batch
    shape = mat.shape[n_batch:]

    def one(data: Any, indices: Any) -> Any:
        if indices.shape[-1] == 0:
            return data.sum(0)
        where = tuple(indices[:, k] for k in range(indices.shape[-1]))
        return jnp.zeros(shape, data.dtype).at[where].add(data, mode="drop")

    data, indices = mat.data, mat.indices
    for k in range(n_batch):
        n = mat.shape[n_batch - 1 - k]
        axis = n_batch - 1 - k
        one = over_batch(one, n, data.shape[axis], indices.shape[axis])
    return one(data, indices)


def over_batch(one: Any, n: int, n_data: int, n_indices: int) -> Any:
    """Map over a batch axis, of which data or indices may have one entry for all."""

    def mapped(data: Any, indices: Any) -> Any:
        data = jnp.broadcast_to(data, (n, *data.shape[1:])) if n_data != n else data
        if n_indices != n:
            indices = jnp.broadcast_to(indices, (n, *indices.shape[1:]))
        return vmap(one)(data, indices)

    return mapped


def plain(mat: Any) -> Any:
    """Return an array without batch axes, all axes sparse."""
    return mat if mat.n_batch == 0 and mat.n_dense == 0 else update_layout(mat, 0, 0)


def update_layout(mat: Any, n_batch: int, n_dense: int) -> Any:
    """Return the array with other numbers of batch and dense axes."""
    if (n_batch, n_dense) == (mat.n_batch, mat.n_dense):
        return mat
    if (n_batch, n_dense) != (0, 0):
        nse = None if not isinstance(mat.data, Tracer) else prod(
            mat.shape[n_batch : mat.ndim - n_dense]
        )  # fmt: skip
        return fromdense(todense(mat), nse, n_batch, n_dense, mat.indices.dtype)
    batch, dense = mat.shape[: mat.n_batch], mat.shape[mat.ndim - mat.n_dense :]
    data = jnp.broadcast_to(mat.data, (*batch, mat.nse, *dense))
    indices = jnp.broadcast_to(mat.indices, (*batch, mat.nse, mat.n_sparse))
    whole = (*batch, mat.nse, *dense)
    parts = [
        jnp.broadcast_to(lax.broadcasted_iota(indices.dtype, whole, k), whole).reshape(-1)
        for k in range(len(whole))
    ]
    at = indices.reshape(*batch, mat.nse, *(1,) * len(dense), mat.n_sparse)
    at = jnp.broadcast_to(at, (*whole, mat.n_sparse)).reshape(-1, mat.n_sparse)
    columns = [*parts[: len(batch)], *at.T, *parts[len(batch) + 1 :]]
    ordered = mat.indices_sorted
    return made(data.reshape(-1), jnp.stack(columns, -1), mat.shape, ordered, mat.unique_indices)


def transpose(mat: Any, axes: Sequence[int] | None) -> Any:
    """Return the array with its axes permuted; batch and dense axes stay what they are."""
    n = mat.ndim
    order = tuple(range(n))[::-1] if axes is None else tuple(int(a) % n for a in axes)
    if sorted(order) != list(range(n)):
        raise ShapeError(
            f"BCOO.transpose: expected a permutation of {n} axes; got {axes}.{at_user_line()}"
        )
    a, b = mat.n_batch, mat.n_batch + mat.n_sparse
    stays = sorted(order[:a]) == list(range(a)) and sorted(order[a:b]) == list(range(a, b))
    if not stays:
        mat = plain(mat)
        a, b = 0, mat.ndim
    batch, sparse, dense = order[:a], order[a:b], order[b:]
    data = mat.data.transpose((*batch, a, *(d - b + a + 1 for d in dense)))
    indices = mat.indices.transpose((*batch, a, a + 1))[..., tuple(s - a for s in sparse)]
    shape = tuple(mat.shape[k] for k in order)
    return made(data, indices, shape, sparse == tuple(range(a, b)) and mat.indices_sorted,
                mat.unique_indices)  # fmt: skip


def reduce_sum(mat: Any, axes: Sequence[int]) -> Any:
    """Return the sum over axes, as a sparse array."""
    gone = {int(a) % mat.ndim for a in axes}
    n, s = mat.n_batch, mat.n_sparse
    if any(a < n for a in gone):
        mat, n = plain(mat), 0
        s = mat.n_sparse
    kept = [k for k in range(s) if n + k not in gone]
    data = mat.data.sum(tuple(a - s + 1 for a in gone if a >= n + s))
    shape = tuple(m for k, m in enumerate(mat.shape) if k not in gone)
    indices = mat.indices
    if len(kept) < s:
        limit = np.asarray(mat.shape[n : n + s])
        outside = (indices >= limit).any(-1, keepdims=True)
        left = indices[..., tuple(kept)] if kept else indices[..., :0]
        fill = jnp.asarray(limit[kept], indices.dtype)
        if kept:
            indices = jnp.where(outside, fill, left)
        else:
            indices = left
            mask = outside.reshape(*outside.shape[:-1], *(1,) * (data.ndim - n - 1))
            data = jnp.where(mask, 0, data)
    return made(data, indices, shape, False, len(kept) == s and mat.unique_indices)


def sort_indices(mat: Any) -> Any:
    """Return the array with its indices in order."""
    if mat.indices_sorted:
        return mat

    def one(data: Any, indices: Any) -> tuple[Any, Any]:
        order = jnp.lexsort(tuple(indices.T)[::-1]) if indices.shape[1] else jnp.arange(len(data))
        return data[order], indices[order]

    batch = mat.shape[: mat.n_batch]
    data = jnp.broadcast_to(mat.data, (*batch, *mat.data.shape[len(batch) :]))
    indices = jnp.broadcast_to(mat.indices, (*batch, *mat.indices.shape[len(batch) :]))
    for _ in batch:
        one = vmap(one)
    data, indices = one(data, indices)
    return made(data, indices, mat.shape, True, mat.unique_indices)


def sum_duplicates(mat: Any, nse: int | None = None) -> Any:
    """Return the array with each place stored once."""
    mat = sort_indices(mat)
    n_batch, limit = mat.n_batch, np.asarray(mat.shape[mat.n_batch :][: mat.n_sparse])

    def groups(indices: Any) -> tuple[Any, Any]:
        inside = (indices < limit).all(-1)
        changes = (indices[1:] != indices[:-1]).any(-1)
        first = jnp.concatenate([jnp.ones((min(1, len(indices)),), bool), changes]) & inside
        return jnp.where(inside, jnp.cumsum(first) - 1, len(indices)), first

    find = groups
    for _ in range(n_batch):
        find = vmap(find)
    group, first = find(mat.indices)
    if nse is None:
        known = not isinstance(first, Tracer)
        counts = np.asarray(first).sum(-1) if known else None
        nse = mat.nse if counts is None else int(np.max(counts, initial=0))
    dense = mat.data.shape[n_batch + 1 :]

    def one(data: Any, indices: Any, group: Any) -> tuple[Any, Any]:
        sums = jnp.zeros((nse, *dense), data.dtype).at[group].add(data, mode="drop")
        fill = jnp.broadcast_to(jnp.asarray(limit, indices.dtype), (nse, len(limit)))
        return sums, fill.at[group].set(indices, mode="drop")

    for _ in range(n_batch):
        one = vmap(one)
    data, indices = one(mat.data, mat.indices, group)
    return made(data, indices, mat.shape, True, True)


def dot_general(lhs: Any, rhs: Any, dimension_numbers: Any) -> Any:
    """Return the contraction of two arrays; sparse where both are, and there is no batch axis."""
    (contract, batch) = dimension_numbers
    (left, right), (left_batch, _) = map(tuple, contract), map(tuple, batch)
    if left_batch:
        dense = [x.todense() if isinstance(x, JAXSparse) else x for x in (lhs, rhs)]
        return lax.dot_general(dense[0], dense[1], dimension_numbers)
    if isinstance(lhs, bcoo.BCOO) and isinstance(rhs, bcoo.BCOO):
        return sparse_by_sparse(plain(lhs), plain(rhs), left, right)
    if isinstance(lhs, bcoo.BCOO):
        return sparse_by_dense(plain(lhs), jnp.asarray(rhs), left, right)
    out = sparse_by_dense(plain(rhs), jnp.asarray(lhs), right, left)
    n = rhs.ndim - len(right)
    return jnp.transpose(out, (*range(n, out.ndim), *range(n)))


def sparse_by_dense(lhs: Any, rhs: Any, left: Sequence[int], right: Sequence[int]) -> Any:
    """Add up the rows of `rhs` that the stored elements meet."""
    check_contraction(lhs, rhs, left, right)
    free = [k for k in range(lhs.ndim) if k not in left]
    others = [k for k in range(rhs.ndim) if k not in right]
    dtype = jnp.result_type(lhs.dtype, rhs.dtype)
    rows = jnp.transpose(rhs, (*right, *others)).astype(dtype)
    at = lhs.indices
    inside = (at < np.asarray(lhs.shape)).all(-1)
    values = jnp.where(inside, lhs.data, 0).astype(dtype)
    where = tuple(at[:, k] for k in left)
    met = rows.at[where].get(mode="fill", fill_value=0) if where else jnp.broadcast_to(
        rows, (lhs.nse, *rows.shape)
    )  # fmt: skip
    terms = values.reshape(-1, *(1,) * len(others)) * met
    if not free:
        return terms.sum(0)
    shape = (*(lhs.shape[k] for k in free), *rows.shape[len(right) :])
    out = jnp.zeros(shape, dtype)
    return out.at[tuple(at[:, k] for k in free)].add(terms, mode="drop")


def sparse_by_sparse(lhs: Any, rhs: Any, left: Sequence[int], right: Sequence[int]) -> Any:
    """Meet every stored element of one with every one of the other."""
    check_contraction(lhs, rhs, left, right)
    free = [k for k in range(lhs.ndim) if k not in left]
    others = [k for k in range(rhs.ndim) if k not in right]
    same = jnp.ones((lhs.nse, rhs.nse), bool)
    for a, b in zip(left, right, strict=True):
        i, j = lhs.indices[:, a], rhs.indices[:, b]
        same &= (i[:, None] == j[None, :]) & (i[:, None] < lhs.shape[a])
    data = jnp.where(same, lhs.data[:, None] * rhs.data[None, :], 0).reshape(-1)
    shape = (*(lhs.shape[k] for k in free), *(rhs.shape[k] for k in others))
    pairs = (lhs.nse, rhs.nse)
    columns = [jnp.broadcast_to(lhs.indices[:, k, None], pairs).reshape(-1) for k in free]
    columns += [jnp.broadcast_to(rhs.indices[None, :, k], pairs).reshape(-1) for k in others]
    if not columns:
        return data.sum()
    indices = jnp.stack(columns, -1)
    indices = jnp.where(same.reshape(-1, 1), indices, np.asarray(shape, indices.dtype))
    most = min(prod(shape), prod(pairs))
    return sum_duplicates(made(data, indices, shape, False, False), most)


def check_contraction(lhs: Any, rhs: Any, left: Sequence[int], right: Sequence[int]) -> None:
    """Raise unless contracted axes have equal sizes."""
    sizes = [lhs.shape[k] for k in left], [rhs.shape[k] for k in right]
    if sizes[0] != sizes[1]:
        raise ShapeError(
            f"dot_general: contracted axes must have equal sizes; got {tuple(lhs.shape)} along"
            f" {tuple(left)} and {tuple(rhs.shape)} along {tuple(right)}.{at_user_line()}"
        )


def matmul(lhs: Any, rhs: Any) -> Any:
    """Return the matrix product of arrays of one or two axes."""
    if not 1 <= lhs.ndim <= 2 or not 1 <= rhs.ndim <= 2:
        dense = [x.todense() if isinstance(x, JAXSparse) else x for x in (lhs, rhs)]
        return jnp.matmul(dense[0], dense[1])
    numbers = (((lhs.ndim - 1,), (0,)), ((), ()))
    return dot_general(lhs, rhs, numbers)


def multiply(mat: Any, other: Any) -> Any:
    """Return the product element by element: sparse."""
    if isinstance(other, bcoo.BCOO):
        return multiply_sparse(mat, other)
    other = jnp.asarray(other)
    if other.ndim == 0:
        return mat.with_data(mat.data * other)
    shape = np.broadcast_shapes(mat.shape, other.shape)
    if shape != mat.shape:
        raise UnsupportedArgumentError(
            f"sparse multiply: a dense operand of shape {tuple(other.shape)} does not broadcast to"
            f" {mat.shape}.{at_user_line()}\nUse bcoo_broadcast_in_dim first."
        )
    return mat.with_data(bcoo_values(mat, jnp.broadcast_to(other, mat.shape)))


def bcoo_values(mat: Any, dense: Any) -> Any:
    """Return the stored values times the elements of a dense array at their places."""
    return mat.data * extract(mat, dense)


def extract(mat: Any, dense: Any) -> Any:
    """Return the elements of a dense array at the places of a sparse one."""

    def one(indices: Any, x: Any) -> Any:
        if indices.shape[-1] == 0:
            return jnp.broadcast_to(x, (indices.shape[0], *x.shape))
        where = tuple(indices[:, k] for k in range(indices.shape[-1]))
        return x.at[where].get(mode="fill", fill_value=0)

    batch = mat.shape[: mat.n_batch]
    for _ in batch:
        one = vmap(one)
    return one(jnp.broadcast_to(mat.indices, (*batch, *mat.indices.shape[len(batch) :])), dense)


def multiply_sparse(lhs: Any, rhs: Any) -> Any:
    """Return the product of two sparse arrays, stored where both are."""
    if lhs.shape != rhs.shape:
        raise ShapeError(
            f"sparse multiply: expected equal shapes; got {lhs.shape} and {rhs.shape}."
            f"{at_user_line()}"
        )
    lhs, rhs = sum_duplicates(plain(lhs), lhs.nse), sum_duplicates(plain(rhs), rhs.nse)
    same = (lhs.indices[:, None] == rhs.indices[None]).all(-1)
    inside = (lhs.indices < np.asarray(lhs.shape)).all(-1)
    other = jnp.where(same & inside[:, None], rhs.data[None], 0).sum(1)
    return lhs.with_data(lhs.data * other)


def add(mat: Any, other: Any) -> Any:
    """Return the sum: sparse of two sparse arrays, dense with a dense one."""
    if not isinstance(other, bcoo.BCOO):
        if isinstance(other, (int, float)) and other == 0:
            return mat
        return todense(mat) + other
    if mat.shape != other.shape:
        raise ShapeError(
            f"sparse add: expected equal shapes; got {mat.shape} and {other.shape}.{at_user_line()}"
        )
    if (mat.n_batch, mat.n_dense) != (other.n_batch, other.n_dense):
        mat, other = plain(mat), plain(other)
    return concatenated_values(mat, other)


def concatenated_values(mat: Any, other: Any) -> Any:
    """Return an array that stores the elements of both."""
    n = mat.n_batch
    batch = mat.shape[:n]
    dtype = jnp.result_type(mat.dtype, other.dtype)
    data = [jnp.broadcast_to(x.data, (*batch, *x.data.shape[n:])).astype(dtype)
            for x in (mat, other)]  # fmt: skip
    indices = [jnp.broadcast_to(x.indices, (*batch, *x.indices.shape[n:])) for x in (mat, other)]
    return made(jnp.concatenate(data, n), jnp.concatenate(indices, n), mat.shape, False, False)


def reshape(mat: Any, shape: Sequence[int], dimensions: Any = None) -> Any:
    """Return the array with another shape; all axes are sparse where batch or dense ones change."""
    if dimensions is not None and tuple(dimensions) != tuple(range(mat.ndim)):
        mat = transpose(mat, dimensions)
    sizes = tuple(int(n) for n in shape)
    if -1 in sizes:
        known = prod(n for n in sizes if n != -1)
        sizes = tuple(mat.size // known if n == -1 else n for n in sizes)
    if prod(sizes) != mat.size:
        raise ShapeError(
            f"sparse reshape: {mat.shape} has {mat.size} elements, {sizes} has {prod(sizes)}."
            f"{at_user_line()}"
        )
    flat = plain(mat)
    outside = (flat.indices >= np.asarray(flat.shape)).any(-1)
    columns = tuple(jnp.where(outside, 0, flat.indices[:, k]) for k in range(flat.ndim))
    linear = jnp.ravel_multi_index(columns, flat.shape, mode="clip") if columns else None
    if linear is None or not sizes:
        return made(flat.data, jnp.zeros((flat.nse, len(sizes)), np.int32), sizes, False, False)
    split = jnp.stack(jnp.unravel_index(linear, sizes), -1).astype(flat.indices.dtype)
    indices = jnp.where(outside[:, None], np.asarray(sizes, flat.indices.dtype), split)
    return made(flat.data, indices, sizes, flat.indices_sorted, flat.unique_indices)


def broadcast_in_dim(mat: Any, shape: Sequence[int], dimensions: Sequence[int]) -> Any:
    """Return the array repeated along new axes, and along those of size 1."""
    flat = plain(mat)
    shape, dims = tuple(shape), tuple(dimensions)
    repeated = [k for k, n in enumerate(shape) if k not in dims or flat.shape[dims.index(k)] != n]
    sizes = tuple(shape[k] for k in repeated)
    n = prod(sizes)
    places = np.indices(sizes).reshape(len(sizes), n) if sizes else np.zeros((0, 1), int)
    columns: list[Any] = []
    whole = (flat.nse, n)
    for k in range(len(shape)):
        if k in repeated:
            column = jnp.asarray(places[repeated.index(k)], flat.indices.dtype)[None, :]
        else:
            column = flat.indices[:, dims.index(k), None]
        columns.append(jnp.broadcast_to(column, whole).reshape(-1))
    outside = (flat.indices >= np.asarray(flat.shape)).any(-1)
    data = jnp.where(outside, 0, flat.data)
    data = jnp.broadcast_to(data[:, None], whole).reshape(-1)
    return made(data, jnp.stack(columns, -1), shape, False, flat.unique_indices)


def concatenate(operands: Sequence[Any], dimension: int) -> Any:
    """Return arrays joined along an axis."""
    parts = list(map(plain, operands))
    axis = dimension % parts[0].ndim
    start = 0
    columns: list[Any] = []
    total = sum(p.shape[axis] for p in parts)
    shape = (*parts[0].shape[:axis], total, *parts[0].shape[axis + 1 :])
    for part in parts:
        outside = (part.indices >= np.asarray(part.shape)).any(-1, keepdims=True)
        step = np.zeros(part.ndim, np.int32)
        step[axis] = start
        moved = part.indices + jnp.asarray(step, part.indices.dtype)
        columns.append(jnp.where(outside, np.asarray(shape, moved.dtype), moved))
        start += part.shape[axis]
    dtype = jnp.result_type(*(p.dtype for p in parts))
    data = jnp.concatenate([p.data.astype(dtype) for p in parts])
    unique = all(p.unique_indices for p in parts)
    return made(data, jnp.concatenate(columns), shape, False, unique)


def slices(mat: Any, starts: Sequence[int], limits: Sequence[int], strides: Any = None) -> Any:
    """Return a part; elements outside it stay stored, as places outside the array."""
    flat = plain(mat)
    steps = np.asarray([1] * flat.ndim if strides is None else strides, np.int32)
    first, last = np.asarray(starts, np.int32), np.asarray(limits, np.int32)
    shape = tuple(int(n) for n in -(-(last - first) // steps))
    at = flat.indices
    inside = ((at >= first) & (at < last) & ((at - first) % steps == 0)).all(-1)
    moved = (at - first) // steps
    indices = jnp.where(inside[:, None], moved, np.asarray(shape)).astype(at.dtype)
    data = jnp.where(inside, flat.data, 0)
    return made(data, indices, shape, False, flat.unique_indices)


def get_item(mat: Any, item: Any) -> Any:
    """Return a part by integers and slices; by arrays, of the dense array."""
    items = list(item) if isinstance(item, tuple) else [item]
    if not all(isinstance(i, (int, np.integer, slice)) or i is Ellipsis for i in items):
        return fromdense_like(mat, todense(mat)[item])
    if Ellipsis in items:
        k = items.index(Ellipsis)
        items[k : k + 1] = [slice(None)] * (mat.ndim - len(items) + 1)
    items += [slice(None)] * (mat.ndim - len(items))
    parts: list[tuple[int, int, int]] = []
    gone: list[int] = []
    for axis, (i, n) in enumerate(zip(items, mat.shape, strict=True)):
        if isinstance(i, slice):
            a, b, c = i.indices(n)
            if c < 0:
                return fromdense_like(mat, todense(mat)[item])
            parts.append((a, max(a, b), c))
            continue
        i = int(i) + (n if i < 0 else 0)
        if not 0 <= i < n:
            raise IndexError(f"index {i} is outside axis {axis} of size {n}.{at_user_line()}")
        parts.append((i, i + 1, 1))
        gone.append(axis)
    starts, limits, steps = zip(*parts, strict=True)
    return squeeze(slices(mat, starts, limits, steps), gone)


def fromdense_like(mat: Any, dense: Any) -> Any:
    """Return a dense array as a sparse one."""
    nse = dense.size if isinstance(as_value(dense), Tracer) else None
    return fromdense(dense, nse, 0, 0, mat.indices.dtype)


def squeeze(mat: Any, dimensions: Sequence[int]) -> Any:
    """Return the array without axes of size 1."""
    gone = {int(d) % mat.ndim for d in dimensions}
    if any(mat.shape[d] != 1 for d in gone):
        raise ShapeError(
            f"sparse squeeze: axes {sorted(gone)} of {mat.shape} must have size 1.{at_user_line()}"
        )
    return reduce_sum(mat, sorted(gone)) if gone else mat
