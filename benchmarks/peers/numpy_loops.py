"""Loops, linear algebra, signals and images as users write them with NumPy and SciPy."""

import numpy as np

from .numpy_peer import peer


@peer
def scan_scalar(start, xs):
    from scipy.signal import lfilter

    found, _ = lfilter([1], [1, -0.9], xs, zi=[0.9 * start])
    return found[-1], found


@peer
def mandelbrot(re, im):
    x, y = np.zeros_like(re), np.zeros_like(im)
    count = np.zeros(re.shape, np.int32)
    for _ in range(50):
        inside = x * x + y * y < 4
        x, y = np.where(inside, x * x - y * y + re, x), np.where(inside, 2 * x * y + im, y)
        count += inside
    return count.sum(dtype=np.int32)


@peer
def stencil(x):
    for _ in range(100):
        inner = x[1:-1, 1:-1]
        around = x[:-2, 1:-1] + x[2:, 1:-1] + x[1:-1, :-2] + x[1:-1, 2:]
        x = np.pad(inner + 0.2 * (around - 4 * inner), 1)
    return x


@peer
def n_body(position, velocity, mass):
    apart = position[None, :, :] - position[:, None, :]
    squared = (apart**2).sum(axis=-1) + 0.01
    pull = (mass[None, :] / (squared * np.sqrt(squared)))[:, :, None] * apart
    velocity = velocity + 0.01 * pull.sum(axis=1)
    return position + 0.01 * velocity, velocity


@peer
def set_in_loop(x):
    x = x.copy()
    for i in range(1, 10_000):
        x[i] = 0.5 * x[i - 1] + x[i]
    return x
