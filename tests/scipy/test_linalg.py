"""Linear algebra against SciPy."""

import numpy as np
import pytest
from scipy import linalg as reference

import gradax as jax
from gradax.scipy import linalg

RNG = np.random.default_rng(0)
A = RNG.normal(size=(5, 5))
POSITIVE = A @ A.T + np.eye(5)
C = A + 1j * RNG.normal(size=(5, 5))
HERMITIAN = C @ C.conj().T + np.eye(5)
B = RNG.normal(size=(5, 3))
V = RNG.normal(size=5)
TALL = RNG.normal(size=(6, 4))


@pytest.fixture(autouse=True)
def wide():
    with jax.enable_x64(True):
        yield


def close(found, expected, tol=1e-10):
    found, expected = jax.tree.leaves(found), jax.tree.leaves(expected)
    assert len(found) == len(expected)
    for x, y in zip(found, expected, strict=True):
        assert np.shape(x) == np.shape(y)
        np.testing.assert_allclose(x, y, rtol=tol, atol=tol)


@pytest.mark.parametrize("lower", [False, True])
@pytest.mark.parametrize("matrix", [POSITIVE, HERMITIAN])
def test_cholesky(matrix, lower):
    close(linalg.cholesky(matrix, lower), reference.cholesky(matrix, lower))
    factor = linalg.cho_factor(matrix, lower)
    for b in (B, V):
        close(linalg.cho_solve(factor, b), np.linalg.solve(matrix, b))


@pytest.mark.parametrize("lower", [False, True])
@pytest.mark.parametrize("trans", [0, 1, 2, "N", "T", "C"])
@pytest.mark.parametrize("unit_diagonal", [False, True])
def test_solve_triangular(trans, lower, unit_diagonal):
    for b in (B, V):
        found = linalg.solve_triangular(C, b, trans, lower, unit_diagonal)
        close(found, reference.solve_triangular(C, b, trans, lower, unit_diagonal))


@pytest.mark.parametrize("assume_a", ["gen", "sym", "her", "pos"])
def test_solve(assume_a):
    for b in (B, V):
        close(linalg.solve(POSITIVE, b, assume_a=assume_a), np.linalg.solve(POSITIVE, b))
    many = linalg.solve(np.stack([POSITIVE, 2 * POSITIVE]), np.stack([B, B]), assume_a=assume_a)
    close(many[1], np.linalg.solve(POSITIVE, B) / 2)


def test_lu():
    for matrix in (A, TALL, TALL.T, C):
        close(linalg.lu(matrix), reference.lu(matrix))
        close(linalg.lu(matrix, permute_l=True), reference.lu(matrix, permute_l=True))


@pytest.mark.parametrize("trans", [0, 1, 2])
def test_lu_solve(trans):
    found = linalg.lu_solve(linalg.lu_factor(C), B, trans)
    close(found, reference.lu_solve(reference.lu_factor(C), B, trans))
    close(linalg.lu_solve(linalg.lu_factor(A), V, trans).shape, (5,))


def test_qr():
    for mode in ("full", "economic"):
        q, r = linalg.qr(TALL, mode=mode)
        close(q @ r, TALL)
        assert q.shape == (reference.qr(TALL, mode=mode)[0]).shape
    (r,) = linalg.qr(TALL, mode="r")
    close(abs(r), abs(reference.qr(TALL, mode="r")[0]))
    product, r = linalg.qr_multiply(TALL, np.eye(6))
    close(product @ r, TALL)


def test_eigh_svd_and_polar():
    close(linalg.eigh(POSITIVE, eigvals_only=True), reference.eigvalsh(POSITIVE))
    values, vectors = linalg.eigh(HERMITIAN)
    close(HERMITIAN @ vectors, vectors * values)
    close(linalg.svd(TALL, compute_uv=False), reference.svdvals(TALL))
    u, s, vh = linalg.svd(TALL, full_matrices=False)
    close((u * s) @ vh, TALL)
    for side in ("left", "right"):
        close(linalg.polar(TALL, side), reference.polar(TALL, side))
        close(linalg.polar(C, side), reference.polar(C, side))


@pytest.mark.parametrize("matrix", [A, 20 * A, 1e-3 * A, np.zeros((3, 3)), C, np.triu(A)])
def test_expm(matrix):
    close(linalg.expm(matrix), reference.expm(matrix), 1e-9)


def test_expm_of_stacks_triangles_and_floats():
    stack = np.stack([A, 10 * A, 0 * A])
    close(linalg.expm(stack), np.stack([reference.expm(m) for m in stack]), 1e-9)
    close(linalg.expm(np.triu(A), upper_triangular=True), reference.expm(np.triu(A)))
    found = linalg.expm(A.astype(np.float32))
    assert found.dtype == np.float32
    close(found, reference.expm(A), 1e-4)
    assert np.all(np.isnan(linalg.expm(1e9 * A)))


def test_expm_derivative():
    close(linalg.expm_frechet(A, np.ones((5, 5))), reference.expm_frechet(A, np.ones((5, 5))))
    slope = jax.grad(lambda a: linalg.expm(a).sum())(A)
    direction = reference.expm_frechet(A, np.eye(5)[1][:, None] * np.eye(5)[2], compute_expm=False)
    close(slope[1, 2], direction.sum())


def test_det_and_inv():
    close(linalg.det(A), reference.det(A))
    close(linalg.inv(C), reference.inv(C))


STRUCTURED = {
    "block_diag": [(A, B, V, 3.0), ()],
    "toeplitz": [(V,), (V, B[:, 0]), (C[0],)],
    "hankel": [(V,), (V, TALL[:, 0])],
    "circulant": [(V,)],
    "companion": [(V,)],
    "fiedler": [(V,)],
    "fiedler_companion": [(RNG.normal(size=n),) for n in range(2, 9)],
    "leslie": [(V, V[1:])],
    "dft": [(6,), (6, "sqrtn"), (6, "n")],
    "hadamard": [(8,)],
    "helmert": [(5,), (5, True)],
    "hilbert": [(4,)],
    "invhilbert": [(5,)],
    "pascal": [(6, kind) for kind in ("symmetric", "lower", "upper")],
    "invpascal": [(6, kind) for kind in ("symmetric", "lower", "upper")],
    "convolution_matrix": [
        (V[:m], n, mode) for mode in ("full", "same", "valid") for m, n in ((5, 8), (5, 3), (4, 7))
    ],
}


@pytest.mark.parametrize("name", STRUCTURED)
def test_structured(name):
    for arguments in STRUCTURED[name]:
        close(getattr(linalg, name)(*arguments), getattr(reference, name)(*arguments))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: linalg.cholesky(TALL),
            ValueError,
            r"expected square matrices; got shape \(6, 4\)",
        ),
        (lambda: linalg.solve(A, TALL), ValueError, r"solve: got \(5, 5\) and \(6, 4\)"),
        (lambda: linalg.solve(A, V, assume_a="odd"), ValueError, "assume_a is one of"),
        (lambda: linalg.solve_triangular(A, V, trans=3), ValueError, "trans is 0, 1, 2"),
        (lambda: linalg.qr(A, mode="x"), ValueError, "'full', 'economic' or 'r'; got 'x'"),
        (lambda: linalg.qr(A, pivoting=True), NotImplementedError, "pivoting"),
        (lambda: linalg.eigh(A, b=A), NotImplementedError, "only b=None"),
        (lambda: linalg.polar(A, "up"), ValueError, "'right' or 'left'; got 'up'"),
        (lambda: linalg.hadamard(6), ValueError, "a power of 2; got 6"),
        (lambda: linalg.dft(4, "x"), ValueError, "'sqrtn' or 'n'; got 'x'"),
        (lambda: linalg.block_diag(np.ones((2, 2, 2))), ValueError, "at most two axes"),
        (lambda: linalg.leslie(V, V), ValueError, "Incompatible shapes for leslie"),
    ],
)
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call()
