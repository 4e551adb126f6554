"""`linalg` and `fft` against NumPy's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gradax as jax
import gradax.numpy as jnp

RNG = np.random.default_rng(7)
A = RNG.normal(size=(4, 4)).astype(np.float32)
SPD = (A @ A.T + 4 * np.eye(4)).astype(np.float32)
STACK = RNG.normal(size=(3, 4, 4)).astype(np.float32)
TALL = RNG.normal(size=(5, 3)).astype(np.float32)
B = RNG.normal(size=(4, 2)).astype(np.float32)
V = RNG.normal(size=(4,)).astype(np.float32)
C = (STACK[0] + 1j * STACK[1]).astype(np.complex64)

# Condition numbers of up to 30 cost that many ulp of float32.
TOL = 2e-4

CASES: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = [
    ("inv", (A,), {}),
    ("inv", (STACK,), {}),
    ("inv", (C,), {}),
    ("det", (A,), {}),
    ("det", (STACK,), {}),
    ("det", (A[:2, :2],), {}),
    ("det", (A[:3, :3],), {}),
    ("det", (A[:1, :1],), {}),
    ("det", (C,), {}),
    ("slogdet", (STACK,), {}),
    ("slogdet", (np.zeros((2, 2), np.float32),), {}),
    ("solve", (A, V), {}),
    ("solve", (A, B), {}),
    ("solve", (STACK, B), {}),
    ("solve", (C, B), {}),
    ("cholesky", (SPD,), {}),
    ("cholesky", (SPD,), {"upper": True}),
    ("eigvalsh", (SPD,), {}),
    ("matrix_power", (A, 3), {}),
    ("matrix_power", (A, -2), {}),
    ("matrix_power", (A, 0), {}),
    ("matrix_rank", (A,), {}),
    ("matrix_rank", (np.ones((3, 3), np.float32),), {}),
    ("pinv", (TALL,), {}),
    ("pinv", (TALL.T,), {}),
    ("cond", (A,), {}),
    ("cond", (A, 1), {}),
    ("svdvals", (TALL,), {}),
    ("multi_dot", ([TALL, TALL.T, TALL],), {}),
    ("norm", (A,), {}),
    ("norm", (V,), {}),
    ("norm", (C,), {}),
    ("norm", (STACK,), {"axis": (1, 2)}),
    ("norm", (A,), {"axis": 0, "keepdims": True}),
    ("vector_norm", (STACK,), {"axis": (0, 2), "ord": 3}),
    ("matrix_norm", (STACK,), {"ord": "nuc"}),
    ("tensorinv", (RNG.normal(size=(4, 6, 8, 3)),), {}),
    ("tensorsolve", (np.eye(6).reshape(2, 3, 6), np.ones((2, 3))), {}),
    ("trace", (STACK,), {}),
    ("diagonal", (STACK,), {"offset": 1}),
    ("outer", (V, V), {}),
    ("vecdot", (STACK, V), {}),
    ("cross", (TALL, TALL[0]), {}),
    *(("norm", (V,), {"ord": o}) for o in (1, 2, 3, 0.5, 0, np.inf, -np.inf)),
    *(("norm", (A,), {"ord": o}) for o in (1, -1, 2, -2, "fro", "nuc", np.inf, -np.inf)),
]


@pytest.mark.parametrize(
    ("name", "args", "kwargs"), CASES, ids=[f"{i}-{c[0]}" for i, c in enumerate(CASES)]
)
def test_linalg(name: str, args: Any, kwargs: Any) -> None:
    ours = tuple(
        [jnp.asarray(v) for v in a]
        if isinstance(a, list)
        else a
        if isinstance(a, int)
        else jnp.asarray(a, dtype=np.float32 if np.asarray(a).dtype == np.float64 else None)
        for a in args
    )
    want = getattr(np.linalg, name)(*args, **kwargs)
    got = getattr(jnp.linalg, name)(*ours, **kwargs)
    if isinstance(want, tuple):
        for g, w in zip(got, want, strict=True):
            np.testing.assert_allclose(g, w, rtol=TOL, atol=TOL)
    else:
        np.testing.assert_allclose(got, want, rtol=TOL, atol=TOL)


def test_factorizations() -> None:
    q, r = jnp.linalg.qr(TALL)
    np.testing.assert_allclose(q @ r, TALL, atol=TOL)
    np.testing.assert_allclose(jnp.linalg.qr(TALL, "r"), r, atol=TOL)
    u, s, vh = jnp.linalg.svd(TALL, full_matrices=False)
    np.testing.assert_allclose((u * s) @ vh, TALL, atol=TOL)
    u, s, vh = jnp.linalg.svd(SPD, hermitian=True)
    np.testing.assert_allclose((u * s) @ vh, SPD, atol=1e-3)
    w, v = jnp.linalg.eigh(SPD)
    np.testing.assert_allclose(v @ jnp.diag(w) @ v.T, SPD, atol=1e-3)
    w, v = jnp.linalg.eig(A)
    np.testing.assert_allclose(A @ v, v * w, atol=1e-3)
    np.testing.assert_allclose(
        np.sort(jnp.linalg.eigvals(A)), np.sort(np.linalg.eigvals(A)), atol=1e-3
    )


def test_least_squares() -> None:
    got = jnp.linalg.lstsq(TALL, jnp.ones(5))
    want = np.linalg.lstsq(TALL, np.ones(5, np.float32), rcond=None)
    for g, w in zip(got, want, strict=True):
        np.testing.assert_allclose(g, w, rtol=TOL, atol=TOL)


def test_derivatives() -> None:
    jacobian = jax.grad(lambda a: jnp.linalg.slogdet(a)[1])(jnp.asarray(SPD))
    np.testing.assert_allclose(jacobian, np.linalg.inv(SPD).T, atol=TOL)
    gradient = jax.grad(lambda a: jnp.linalg.det(a))(jnp.asarray(A))
    np.testing.assert_allclose(
        gradient, np.linalg.det(A) * np.linalg.inv(A).T, rtol=2e-3, atol=1e-3
    )
    gradient = jax.grad(lambda b: jnp.sum(jnp.linalg.solve(SPD, b)))(jnp.asarray(V))
    np.testing.assert_allclose(gradient, np.linalg.solve(SPD, np.ones(4)), atol=TOL)


X = RNG.normal(size=(3, 6, 5)).astype(np.float32)
Z = (X + 1j * RNG.normal(size=X.shape)).astype(np.complex64)
FFT: list[tuple[str, Any, dict[str, Any]]] = [
    ("fft", Z, {}),
    ("fft", X, {"axis": 1}),
    ("fft", Z, {"n": 8}),
    ("fft", Z, {"n": 3, "axis": 0}),
    ("ifft", Z, {"norm": "ortho"}),
    ("ifft", Z, {"norm": "forward"}),
    ("fft", Z, {"norm": "forward"}),
    ("rfft", X, {}),
    ("rfft", X, {"n": 4, "axis": 1}),
    ("irfft", Z, {}),
    ("irfft", Z, {"n": 7}),
    ("hfft", Z, {}),
    ("ihfft", X, {}),
    ("hfft", Z, {"norm": "ortho"}),
    ("fft2", Z, {}),
    ("ifft2", Z, {}),
    ("rfft2", X, {}),
    ("irfft2", Z, {}),
    ("fftn", Z, {}),
    ("ifftn", Z, {"axes": (0, 2)}),
    ("rfftn", X, {}),
    ("irfftn", Z, {}),
    ("fftn", Z, {"s": (4, 4)}),
    ("fftshift", X, {}),
    ("ifftshift", X, {"axes": 1}),
    ("fftn", np.stack([Z, Z]), {}),
    ("rfftn", np.stack([X, X]), {}),
]


@pytest.mark.parametrize(
    ("name", "x", "kwargs"), FFT, ids=[f"{i}-{c[0]}" for i, c in enumerate(FFT)]
)
def test_fft(name: str, x: Any, kwargs: Any) -> None:
    wide = x.astype(np.complex128 if x.dtype.kind == "c" else np.float64)
    if name == "fftn" and "s" in kwargs:
        want = np.fft.fftn(wide, (4, 4), axes=(1, 2))
    else:
        want = getattr(np.fft, name)(wide, **kwargs)
    got = getattr(jnp.fft, name)(jnp.asarray(x), **kwargs)
    assert got.shape == want.shape
    np.testing.assert_allclose(got, want, atol=2e-5 * max(1, np.abs(want).max()))


def test_frequencies() -> None:
    np.testing.assert_allclose(jnp.fft.fftfreq(7, 0.5), np.fft.fftfreq(7, 0.5), rtol=1e-6)
    np.testing.assert_allclose(jnp.fft.rfftfreq(8), np.fft.rfftfreq(8), rtol=1e-6)
