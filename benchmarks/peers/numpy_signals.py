"""Linear algebra, Fourier transforms and simulations as users write them with NumPy and SciPy."""

import numpy as np

from .numpy_peer import TABLE, peer

TABLE |= {
    "cholesky_512": np.linalg.cholesky,
    "cholesky_batch": np.linalg.cholesky,
    "solve_512": np.linalg.solve,
    "solve_batch": np.linalg.solve,
    "inverse_512": np.linalg.inv,
    "inverse_batch": np.linalg.inv,
    "qr_512": lambda x: tuple(np.linalg.qr(x)),
    "slogdet_512": lambda x: tuple(np.linalg.slogdet(x)),
    "det_batch": np.linalg.det,
}


@peer
def solve_triangle(a, b):
    from scipy.linalg import solve_triangular

    return solve_triangular(a, b, lower=True)


@peer
def eigh_256(x):
    values, vectors = np.linalg.eigh(x)
    return values, np.abs(vectors)


TABLE["eigh_batch"] = eigh_256


@peer
def svd_256(x):
    u, s, vt = np.linalg.svd(x)
    return np.abs(u), s, np.abs(vt)


# SciPy's transforms stay in single precision, and are the faster ones.
@peer
def power_spectrum(x):
    from scipy import fft

    return np.abs(fft.fft(x)) ** 2


@peer
def many_spectra(x):
    from scipy import fft

    return np.abs(fft.rfft(x)) ** 2


@peer
def blur_images(x):
    from scipy import fft

    rate = fft.fftfreq(256).astype(np.float32)
    damp = np.exp(-100 * (rate[:, None] ** 2 + rate[None] ** 2))
    return fft.ifft2(fft.fft2(x) * damp).real


@peer
def fourier_convolution(x, y):
    from scipy import fft

    n = x.shape[0]
    return fft.irfft(fft.rfft(x, 2 * n) * fft.rfft(y, 2 * n), 2 * n)


@peer
def game_of_life(cells):
    for _ in range(20):
        turns = [(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1) if i or j]
        n = sum(np.roll(cells, turn, axis=(0, 1)) for turn in turns)
        cells = ((n == 3) | ((n == 2) & (cells == 1))).astype(np.int32)
    return cells


@peer
def laplace(x):
    x = x.copy()
    for _ in range(100):
        x[1:-1, 1:-1] = 0.25 * (x[:-2, 1:-1] + x[2:, 1:-1] + x[1:-1, :-2] + x[1:-1, 2:])
    return x


@peer
def kernel_matrix(x, weights):
    square = (x**2).sum(axis=1)
    apart = square[:, None] + square[None] - 2 * x @ x.T
    return np.exp(-0.5 * apart) @ weights


@peer
def k_means(points, centres):
    apart = (centres**2).sum(axis=1) - 2 * points @ centres.T
    nearest = apart.argmin(axis=1)
    total = np.stack([np.bincount(nearest, column, 64) for column in points.T], axis=1)
    return total / np.maximum(np.bincount(nearest, minlength=64), 1)[:, None]


@peer
def power_iteration(x, start):
    v = start
    for _ in range(50):
        v = x @ v
        v = v / np.linalg.norm(v)
    return v @ x @ v
