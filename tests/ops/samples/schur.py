"""Schur, Hessenberg and tridiagonal forms, Sylvester's equation."""

import numpy as np

from gradax.lax.schur import EighTridiagonal, Hessenberg, Schur, Sylvester, Tridiagonal
from tests.ops.sample import COMPLEXES, Sample, arr, given

ALL = ("float32", "float64", *COMPLEXES)
RNG = np.random.default_rng(3)


def symmetric(n, stack=()):
    """Make symmetric matrices."""
    x = RNG.normal(size=(*stack, n, n))
    return given(x + np.swapaxes(x, -1, -2))


def dominant(n, stack=()):
    """Make matrices with eigenvalues near 3."""
    return given(RNG.normal(size=(*stack, n, n)) / 3 + 3 * np.eye(n))


GAP = dict.fromkeys(("jvp", "second_order"), "the distance of eigenvalues has no derivative")

SAMPLES = [
    Sample(Schur(True), arr((4, 4)), dtypes=ALL, differentiable=False),
    Sample(Schur(False), arr((2, 3, 3)), differentiable=False),
    Sample(Schur(True), given(np.full((2, 2), np.nan)), name="nan", differentiable=False),
    Sample(Hessenberg(), arr((4, 4)), dtypes=ALL, differentiable=False),
    Sample(Hessenberg(), arr((2, 1, 1)), differentiable=False),
    Sample(Tridiagonal(True), symmetric(4), dtypes=ALL, differentiable=False),
    Sample(Tridiagonal(False), symmetric(3, (2,)), differentiable=False),
    Sample(Sylvester(), dominant(3), dominant(2), arr((3, 2)), dtypes=ALL, skip=GAP),
    Sample(Sylvester(), dominant(2, (2,)), dominant(3, (2,)), arr((2, 2, 3)), name="stack",
           skip=GAP),
    Sample(EighTridiagonal(0, 4, True), given([1.0, 3, 5, 8]), given([0.3, -0.2, 0.5])),
    Sample(EighTridiagonal(1, 2, True), given([1.0, 3, 5, 8]), given([0.3, -0.2, 0.5])),
    Sample(EighTridiagonal(1, 2, False), given([[1.0, 3, 5], [2, 9, 4]]),
           given([[0.3, -0.2], [1, 1]]), dtypes=("float32", "float64")),
]  # fmt: skip
