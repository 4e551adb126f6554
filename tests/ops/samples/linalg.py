"""Factorizations, triangular systems, eigenvalues."""

import numpy as np

from gradax.lax.factorizations import Lu, LuPivotsToPermutation, Qr
from gradax.lax.solving import Cholesky, TriangularSolve
from gradax.lax.spectral import Eig, Eigh, Svd
from tests.ops.sample import COMPLEXES, Sample, arr, given

ALL = ("float32", "float64", *COMPLEXES)
RNG = np.random.default_rng(7)


def positive(n, stack=()):
    """Make positive definite matrices."""
    x = RNG.normal(size=(*stack, n, n))
    return given(x @ np.swapaxes(x, -1, -2) + 2 * np.eye(n))


def triangular(n, stack=()):
    """Make matrices whose triangles are well conditioned."""
    return given(RNG.normal(size=(*stack, n, n)) / 2 + 3 * np.eye(n))


def spread(m, n, stack=()):
    """Make matrices with singular and eigenvalues far apart."""
    k = min(m, n)
    u, v = (np.linalg.qr(RNG.normal(size=(*stack, a, k)))[0] for a in (m, n))
    return given((u * (1.0 + np.arange(k))) @ np.swapaxes(v, -1, -2))


def hermitian(n):
    """Make a complex Hermitian matrix with eigenvalues far apart."""
    u = np.linalg.qr(RNG.normal(size=(n, n)) + 1j * RNG.normal(size=(n, n)))[0]
    return given((u * (1.0 + np.arange(n))) @ np.conj(u.T))


def separate(n, stack=()):
    """Make matrices with real eigenvalues far apart."""
    v = RNG.normal(size=(*stack, n, n)) / 3 + np.eye(n)
    return given((v * (1.0 + np.arange(n))) @ np.linalg.inv(v))


PHASE = dict.fromkeys(("jvp", "second_order"), "the phase of complex vectors jumps")

SAMPLES = [
    Sample(Cholesky(), positive(4), dtypes=ALL),
    Sample(Cholesky(), positive(3, (2, 2)), name="stack"),
    Sample(Cholesky(), given(-np.eye(3)), name="not positive", differentiable=False),
    Sample(Lu(), arr((4, 4)), dtypes=ALL),
    Sample(Lu(), arr((5, 3))),
    Sample(Lu(), arr((3, 5))),
    Sample(Lu(), arr((2, 3, 3)), name="stack"),
    Sample(Lu(), given(np.zeros((3, 3))), name="singular", differentiable=False),
    Sample(LuPivotsToPermutation(5), given([[2, 1, 4], [0, 3, 2]], "int32")),
    Sample(Qr(False), arr((5, 3)), dtypes=ALL),
    Sample(Qr(False), arr((3, 5)), dtypes=ALL),
    Sample(Qr(True), arr((4, 4))),
    Sample(Qr(True), arr((5, 3)), differentiable=False),
    Sample(Qr(True), arr((2, 3, 5)), name="stack"),
    Sample(Eigh(True), spread(4, 4), dtypes=("float32", "float64")),
    Sample(Eigh(False), hermitian(4), dtypes=COMPLEXES, skip=PHASE, tol=1e-3,
           reason="neighbouring eigenvectors share the error"),
    Sample(Eigh(True), spread(3, 3, (2,)), name="stack"),
    Sample(Svd(False, True), spread(5, 3)),
    Sample(Svd(False, True), spread(3, 5)),
    Sample(Svd(True, True), spread(4, 4)),
    Sample(Svd(True, True), spread(5, 3), differentiable=False),
    Sample(Svd(False, False), arr((4, 3)), dtypes=ALL),
    Sample(Svd(False, True), spread(3, 3, (2,)), name="stack"),
    Sample(Eig(False, False), separate(4), dtypes=ALL),
    Sample(Eig(True, True), separate(3)),
    Sample(Eig(True, True), triangular(3), name="pairs"),
    Sample(Eig(False, True), triangular(3, (2,)), name="stack"),
]  # fmt: skip

for _left in (True, False):
    _shape = (3, 4) if _left else (4, 3)
    for _lower in (True, False):
        for _trans, _conj in ((False, False), (True, False), (True, True), (False, True)):
            _op = TriangularSolve(_left, _lower, _trans, _conj, _left != _lower)
            _dtypes = COMPLEXES if _conj else ("float32",)
            SAMPLES.append(Sample(_op, triangular(3), arr(_shape), dtypes=_dtypes))
SAMPLES += [
    Sample(TriangularSolve(True, True, False, False, False), triangular(3, (2,)), arr((2, 3, 2)),
           name="stack"),
]  # fmt: skip
