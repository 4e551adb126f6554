"""Products of groups of rows of any sizes."""

from __future__ import annotations

import numpy as np
import pytest

from .calls import call, code, random_array

SIZES = [
    ([[3, 0, 5]], 8),
    ([[3, 2], [0, 7]], 7),
    # Fewer rows than there are, more, and sizes that are none.
    ([[1, 1], [2, 3]], 9),
    ([[4, 9, 2]], 10),
    ([[-3, 4, -1, 2]], 6),
    ([[0, 0]], 4),
    ([[]], 3),
    ([[200, 17, 83]], 300),
]


def reference(lhs, rhs, sizes, by_terms):
    """Return the products, group by group."""
    batch, rows, k = lhs.shape
    groups, n = sizes.shape[1], rhs.shape[-1]
    shape = (groups, batch, k, n) if by_terms else (batch, rows, n)
    out = np.zeros(shape, np.result_type(lhs, np.int8))
    for b in range(batch):
        begin = 0
        for g, size in enumerate(sizes[b]):
            end = min(rows, begin + max(0, int(size)))
            part = slice(begin, end)
            if by_terms:
                out[g, b] = lhs[b, part].T @ rhs[b, part]
            else:
                out[b, part] = lhs[b, part] @ rhs[g, b]
            begin = end
    return out


@pytest.mark.parametrize("by_terms", [False, True])
@pytest.mark.parametrize("dtype", ["i4", "u1", "f4", "f8", "c8", "c16"])
@pytest.mark.parametrize(("k", "n"), [(1, 1), (5, 3), (0, 4), (64, 48)])
@pytest.mark.parametrize(("sizes", "rows"), SIZES)
def test_ragged_products(sizes, rows, k, n, dtype, by_terms):
    rng = np.random.default_rng(rows)
    sizes = np.array(sizes, np.int32).reshape(len(sizes), -1)
    batch, groups = sizes.shape
    lhs = random_array(rng, (batch, rows, k), dtype)
    shape = (batch, rows, n) if by_terms else (groups, batch, k, n)
    rhs = random_array(rng, shape, dtype)
    out_shape = (groups, batch, k, n) if by_terms else (batch, rows, n)
    params = [code(lhs), by_terms, batch, groups, rows, k, n]
    found = []
    for n_threads in (1, 2, 5):
        found.append(np.full(out_shape, 7, dtype))
        call("ragged_dot", [lhs, rhs, sizes], found[-1:], params, n_threads)
        np.testing.assert_array_equal(found[-1], found[0])
    if lhs.dtype.kind in "iu":
        np.testing.assert_array_equal(found[0], reference(lhs, rhs, sizes, by_terms))
        return
    wide = np.complex128 if lhs.dtype.kind == "c" else np.float64
    want = reference(lhs.astype(wide), rhs.astype(wide), sizes, by_terms)
    atol = 1e-4 if lhs.dtype.name in ("float32", "complex64") else 1e-11
    np.testing.assert_allclose(found[0], want, rtol=0, atol=atol)


def test_sums_of_half_precision_are_an_error():
    lhs, sizes = np.ones((1, 2, 2), np.float16), np.array([[2]], np.int32)
    with pytest.raises(ValueError, match="ragged_dot"):
        call("ragged_dot", [lhs, lhs[None], sizes], [lhs.copy()], [code(lhs), 0, 1, 1, 2, 2, 2])
