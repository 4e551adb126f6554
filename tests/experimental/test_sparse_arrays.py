"""Sparse arrays, against dense ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.sparse

import gradax as jax
from gradax import numpy as jnp
from gradax.experimental import sparse
from gradax.experimental.sparse import BCOO, BCSR
from gradax.experimental.sparse.linalg import lobpcg_standard, spsolve

RNG = np.random.default_rng(0)


def dense(*shape: int) -> np.ndarray:
    x = RNG.normal(size=shape).astype(np.float32)
    return np.where(RNG.random(shape) < 0.5, x, 0).astype(np.float32)


A, B = dense(4, 5), dense(5, 3)
V = RNG.normal(size=5).astype(np.float32)


def close(got: Any, want: Any) -> None:
    got = got.todense() if isinstance(got, sparse.JAXSparse) else got
    np.testing.assert_allclose(np.asarray(got), want, rtol=1e-5, atol=1e-5)


def padded() -> BCOO:
    """Return A with places that fill up, and one stored twice."""
    m = BCOO.fromdense(A, nse=18)
    twice = jnp.concatenate([m.indices, m.indices[:1]])
    data = jnp.concatenate([m.data.at[0].multiply(0.5), m.data[:1] * 0.5])
    return BCOO((data, twice), shape=A.shape)


def test_the_parts():
    m = BCOO.fromdense(np.array([[1.0, 0, 2], [0, 3, 0]]))
    np.testing.assert_array_equal(m.data, [1, 2, 3])
    np.testing.assert_array_equal(m.indices, [[0, 0], [0, 2], [1, 1]])
    assert (m.nse, m.ndim, m.size, m.n_batch, m.n_dense, m.n_sparse) == (3, 2, 6, 0, 0, 2)
    assert m.indices_sorted and m.unique_indices and repr(m) == "BCOO(float32[2, 3], nse=3)"
    rows = BCSR.from_bcoo(m)
    np.testing.assert_array_equal(rows.indptr, [0, 2, 3])
    np.testing.assert_array_equal(rows.indices, [0, 2, 1])
    leaves, structure = jax.tree.flatten(m)
    assert len(leaves) == 2 and jax.tree.unflatten(structure, leaves).shape == (2, 3)


@pytest.mark.parametrize(("n_batch", "n_dense"), [(0, 0), (1, 0), (0, 1), (1, 1), (2, 0), (0, 2)])
def test_batch_and_dense_axes(n_batch: int, n_dense: int):
    x = dense(2, 3, 4)
    m = BCOO.fromdense(x, n_batch=n_batch, n_dense=n_dense)
    assert (m.n_batch, m.n_dense) == (n_batch, n_dense)
    close(m, x)
    close(m.transpose((1, 2, 0)), x.transpose(1, 2, 0))
    close(m.transpose((0, 2, 1)), x.transpose(0, 2, 1))
    close(m.update_layout(n_batch=0, n_dense=0), x)
    close(m.update_layout(n_batch=1, n_dense=1), x)
    for axes in ((0,), (1,), (2,), (0, 2), (0, 1, 2)):
        close(m.sum(axes), x.sum(axes))
    close(m.sum_duplicates(), x)
    close(m.reshape(6, 4), x.reshape(6, 4))
    close(m + m, 2 * x)
    close(m * x, x * x)
    close(-m * 2, -2 * x)
    close(m[1], x[1])
    close(jax.jit(lambda m: m.todense())(m), x)


@pytest.mark.parametrize("jit", [False, True])
@pytest.mark.parametrize("make", [lambda: BCOO.fromdense(A), padded], ids=["plain", "padded"])
def test_operations(make: Any, jit: bool):
    m = make()
    cases: list[tuple[Any, Any]] = [
        (lambda m: m @ V, A @ V),
        (lambda m: m @ B, A @ B),
        (lambda m: V[:4] @ m, V[:4] @ A),
        (lambda m: jnp.asarray(B.T) @ m.T, B.T @ A.T),
        (lambda m: m @ BCOO.fromdense(B), A @ B),
        (lambda m: m.T @ m, A.T @ A),
        (lambda m: m.T, A.T),
        (lambda m: m.sum(0), A.sum(0)),
        (lambda m: m.sum((0, 1)), A.sum()),
        (lambda m: m.sum(), A.sum()),
        (lambda m: m * 3, A * 3),
        (lambda m: m / 2, A / 2),
        (lambda m: m * A, A * A),
        (lambda m: m * V, A * V),
        (lambda m: m * m, A * A),
        (lambda m: m + m, 2 * A),
        (lambda m: m - m * 2, -A),
        (lambda m: m + A, 2 * A),
        (lambda m: abs(m), abs(A)),
        (lambda m: m.reshape(2, 10), A.reshape(2, 10)),
        (lambda m: m.reshape((5, -1)), A.reshape(5, -1)),
        (lambda m: m[1], A[1]),
        (lambda m: m[1:3, ::2], A[1:3, ::2]),
        (lambda m: m[..., -1], A[..., -1]),
        (lambda m: m[1, 2], A[1, 2]),
        (lambda m: m.sort_indices(), A),
        (lambda m: m.sum_duplicates(nse=20), A),
        (lambda m: m.astype(jnp.float16).astype(jnp.float32), A.astype("f2").astype("f4")),
        (lambda m: sparse.bcoo_concatenate([m, m], dimension=1), np.concatenate([A, A], 1)),
        (
            lambda m: sparse.bcoo_broadcast_in_dim(m, shape=(2, 4, 5), broadcast_dimensions=(1, 2)),
            np.broadcast_to(A, (2, 4, 5)),
        ),
        (lambda m: sparse.bcoo_extract(m, jnp.asarray(A + 1)), np.where(A != 0, A + 1, 0)),
        (lambda m: BCSR.from_bcoo(m) @ V, A @ V),
        (lambda m: BCSR.from_bcoo(m), A),
        (lambda m: BCSR.from_bcoo(m).T, A.T),
    ]
    for f, want in cases:
        close((jax.jit(f) if jit else f)(m), want)


def test_without_duplicates():
    m = padded().sum_duplicates()
    assert m.nse == np.count_nonzero(A) and m.unique_indices
    more = m.sum_duplicates(nse=m.nse + 2)
    np.testing.assert_array_equal(more.indices[-2:], [[4, 5], [4, 5]])
    np.testing.assert_array_equal(more.data[-2:], [0, 0])


def test_contractions():
    x, y = dense(3, 4, 5), dense(5, 2, 4)
    numbers = (((1, 2), (2, 0)), ((), ()))
    want = np.einsum("iab,bja->ij", x, y)
    m, n = BCOO.fromdense(x), BCOO.fromdense(y)
    for a, b in ((m, y), (x, n), (m, n)):
        close(sparse.bcoo_dot_general(a, b, dimension_numbers=numbers), want)
    batched = (((2,), (1,)), ((0,), (0,)))
    z = dense(3, 5, 2)
    close(sparse.bcoo_dot_general(m, z, dimension_numbers=batched), x @ z)


def test_derivatives():
    m = BCOO.fromdense(A)
    f = lambda m, v: ((m @ v) ** 2).sum()
    slope = sparse.grad(f)(m, V)
    assert isinstance(slope, BCOO)
    close(slope, np.where(A != 0, np.outer(2 * (A @ V), V), 0))
    value, (of_m, of_v) = sparse.value_and_grad(f, (0, 1))(m, V)
    close(value, ((A @ V) ** 2).sum())
    close(of_v, 2 * A.T @ (A @ V))
    assert isinstance(of_m, BCOO)
    close(jax.vmap(lambda v: m @ v)(np.stack([V, 2 * V])), np.stack([A @ V, 2 * A @ V]))


def test_sparsify():
    m = BCOO.fromdense(A)

    @sparse.sparsify
    def f(m: Any, v: Any) -> Any:
        return {"dense": jnp.sin(m @ (v * 2)), "sparse": jnp.sin(m * 2 + m).T, "sum": m.sum(1)}

    for run in (f, jax.jit(f)):
        out = run(m, V)
        close(out["dense"], np.sin(A @ (V * 2)))
        close(out["sparse"], np.sin(3 * A).T)
        close(out["sum"], A.sum(1))
        assert isinstance(out["sparse"], BCOO) and isinstance(out["sum"], BCOO)
    close(sparse.sparsify(jax.jit(lambda m: (m / 2)[1:, :2].reshape(-1)))(m), A[1:, :2].ravel() / 2)
    close(sparse.sparsify(lambda m: m @ V)(BCSR.from_bcoo(m)), A @ V)
    with pytest.raises(NotImplementedError, match="sparsify: the operation cos has no rule"):
        sparse.sparsify(jnp.cos)(m)


def test_makers():
    close(sparse.eye(3, 4, k=1), np.eye(3, 4, k=1))
    close(sparse.eye(3, sparse_format="bcsr"), np.eye(3))
    close(sparse.empty((2, 3)), np.zeros((2, 3)))
    m = sparse.random_bcoo(jax.random.key(0), (5, 6), nse=0.3, sorted_indices=True)
    assert m.nse == 9 and m.sum_duplicates().nse == 9
    scipys = scipy.sparse.csr_matrix(A)
    close(BCOO.from_scipy_sparse(scipys), A)
    close(BCSR.from_scipy_sparse(scipys), A)
    close(BCSR.fromdense(A) @ BCSR.fromdense(B), A @ B)


def test_errors():
    with pytest.raises(TypeError, match="Pass nse, the number to store"):
        jax.jit(lambda x: BCOO.fromdense(x).todense())(A)
    close(jax.jit(lambda x: BCOO.fromdense(x, nse=20).todense())(A), A)
    with pytest.raises(TypeError, match="contracted axes must have equal sizes"):
        BCOO.fromdense(A) @ V[:3]
    with pytest.raises(ValueError, match="expected a sparse_format"):
        sparse.eye(3, sparse_format="coo")
    with pytest.raises(IndexError, match="index 7 is outside axis 0 of size 4"):
        BCOO.fromdense(A)[7]


def test_largest_eigenvalues():
    x = RNG.normal(size=(40, 40))
    mat = (x + x.T).astype(np.float32)
    values, vectors, steps = jax.jit(lambda m, x: lobpcg_standard(m, x, tol=1e-6))(
        mat, RNG.normal(size=(40, 3)).astype(np.float32)
    )
    want = np.linalg.eigvalsh(mat)[::-1][:3]
    np.testing.assert_allclose(values, want, rtol=1e-4)
    np.testing.assert_allclose(mat @ vectors, vectors * values, atol=2e-2)
    assert 0 < int(steps) <= 100
    few = BCOO.fromdense(np.diag(np.arange(30.0)).astype(np.float32))
    values, _, _ = lobpcg_standard(few, RNG.normal(size=(30, 2)).astype(np.float32))
    np.testing.assert_allclose(values, [29, 28], rtol=1e-4)
    with pytest.raises(TypeError, match="0 < 5 k < n"):
        lobpcg_standard(mat, np.ones((40, 9), np.float32))


@pytest.mark.parametrize("jit", [False, True])
def test_systems_of_equations(jit: bool):
    mat = (dense(6, 6) + 4 * np.eye(6)).astype(np.float32)
    rows = BCSR.fromdense(mat)
    b = RNG.normal(size=6).astype(np.float32)

    def f(data: Any, b: Any) -> Any:
        return spsolve(data, rows.indices, rows.indptr, b)

    run = jax.jit(f) if jit else f
    close(run(rows.data, b), np.linalg.solve(mat, b))
    slopes = jax.grad(lambda d, b: (run(d, b) ** 2).sum(), (0, 1))(rows.data, b)
    total = lambda m, b: (jnp.linalg.solve(m, b) ** 2).sum()
    of_mat, of_b = jax.grad(total, (0, 1))(jnp.asarray(mat), b)
    np.testing.assert_allclose(slopes[0], of_mat[np.nonzero(mat)], rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(slopes[1], of_b, rtol=1e-3, atol=1e-5)
