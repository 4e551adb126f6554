"""Functions of arrays with open axes in which sizes are used as numbers, places and lengths."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import gradax
import gradax.numpy as gnp
from gradax import lax

RNG = np.random.default_rng(0)
SIZES = (5, 7, 100, 33, 1000, 64, 4097)
FEW = (5, 7, 100, 33, 64)


def vector(n: int) -> Any:
    return RNG.standard_normal(n).astype(np.float32)


def rows(n: int) -> Any:
    return RNG.standard_normal((n, 10)).astype(np.float32)


def columns(n: int) -> Any:
    return RNG.standard_normal((10, n)).astype(np.float32)


def small_ints(n: int) -> Any:
    return RNG.integers(0, 5, n).astype(np.int32)


def images(n: int) -> Any:
    return RNG.standard_normal((n, 1, 8, 8)).astype(np.float32)


class Case:
    """A function, its arguments by size, the open axes, and how many traces the sizes may take.

    More than one is for sizes that choose an algorithm, or lie at an edge.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        *arguments: Callable[[int], Any],
        dims: Any = 0,
        traces: int = 1,
        sizes: tuple[int, ...] = SIZES,
    ) -> None:
        self.function, self.arguments, self.dims = function, arguments, dims
        self.traces, self.sizes = traces, sizes


OF_SIZES = {
    "sizes as arrays": Case(
        lambda x: (
            x * gnp.asarray(x.shape[0]), gnp.float32(x.shape[0]), gnp.int32(x.shape[0]),
            gnp.array(x.shape), gnp.array([x.sum(), x.shape[0]]), gnp.array(x.shape[0], "int16"),
            gnp.array([[x.shape[0], 1], [2, x.shape[0]]]), gnp.asarray(x.shape[0], bool),
        ),
        vector,
    ),
    "operators of NumPy": Case(
        lambda x: (
            x * (np.float32(2) * x.shape[0]) + np.arange(3).sum() * x.shape[0],
            np.arange(3) + x.shape[0], x.shape[0] - np.ones(2),
            gnp.array(np.int64(7) // x.shape[0], np.int32),
            x if np.int32(4) < x.shape[0] else -x,
        ),
        vector,
    ),
    "as many steps": Case(
        lambda x: lax.scan(lambda c, _: (c + 1, c), 0.0, length=x.shape[0])[1] + x, vector
    ),
    "places by size": Case(
        lambda x: (
            x[x.shape[0] - 1], x[x.shape[0] // 2], x[-(x.shape[0] // 3)], x[None, x.shape[0] // 2],
            x[gnp.array([0, 1])], gnp.take(x, x.shape[0] - 2),
        ),
        vector,
    ),
    "places by size among others": Case(
        lambda x: x[x.shape[0] - 1, x[0].argmax()] + x[-1, x[1].argmax()] + x[x.shape[0] // 2, 1:3],
        rows,
    ),
    "updates by size": Case(
        lambda x: (
            x.at[::2].set(0.0), x.at[1::3].multiply(2.0), x.at[::-2].add(1.0),
            x.at[x.shape[0] - 1].set(5.0), x.at[x.shape[0] // 2 :].add(1.0),
            x.at[x.shape[0] // 3 :: 2].set(7.0), x.at[-(x.shape[0] // 2)].min(-9.0),
        ),
        vector,
    ),
    "updates of rows by size": Case(
        lambda x: (x.at[::2, 3].set(0.0), x.at[x.shape[0] - 1, ::3].add(1.0)), rows
    ),
    "gradient of places": Case(
        gradax.grad(lambda x: x[x.shape[0] - 1] ** 2 + x.at[::2].multiply(3.0).sum()), vector
    ),
    "padded to a length": Case(lambda x: gnp.pad(x, (0, 5000 - x.shape[0])), vector),
    "padded to a multiple": Case(
        lambda x: gnp.pad(x, ((0, -x.shape[0] % 8), (1, 1))), rows, traces=3
    ),
    "padded by size": Case(
        lambda x: (gnp.pad(x, x.shape[0]), gnp.pad(x, (1, x.shape[0] // 2), mode="edge"),
                   gnp.pad(x, ((x.shape[0] // 2, 0),), mode="reflect")),
        vector,
    ),
    "rolled by size": Case(
        lambda x: (
            gnp.roll(x, x.shape[0] // 2), gnp.roll(x, (x.shape[0] - 1, 2), (0, 0)),
            gnp.roll(x, x.argmax()), gnp.roll(x, -x.shape[0]),
        ),
        vector,
    ),
    "split by size": Case(
        lambda x: (gnp.split(x, [x.shape[0] // 3]), gnp.array_split(x, (2, x.shape[0] // 2)),
                   gnp.split(x, [-2])),
        vector,
        sizes=(9, 100, 33, 1000, 64, 4097),
    ),
    "powers by size": Case(
        lambda x: ((x / 10) ** x.shape[0], gnp.abs(x) ** (1.0 / x.shape[0]), 2.0 ** (1 / x.size),
                   gnp.power(gnp.arange(3), x.shape[0])),
        vector,
    ),
    "repeated by size": Case(
        lambda x: (
            gnp.repeat(gnp.arange(3.0), x.shape[0]), gnp.repeat(x, 3), gnp.tile(x[:2], x.shape[0]),
            gnp.repeat(x, gnp.arange(x.shape[0]) % 3, total_repeat_length=x.shape[0]),
        ),
        vector,
        sizes=FEW,
        traces=2,
    ),
    "interpolated between itself": Case(
        lambda x: gnp.interp(x, gnp.sort(x), x), vector, sizes=FEW
    ),
    "frequencies": Case(
        lambda x: (x * gnp.fft.fftfreq(x.shape[0]), gnp.fft.rfftfreq(x.shape[0], 0.5),
                   gnp.fft.fftshift(x), gnp.fft.ifftshift(x), gnp.fft.fft(x, norm="ortho")),
        vector,
    ),
    "choices": Case(
        lambda x: (
            gradax.random.choice(gradax.random.key(0), x.shape[0], (7,)),
            gradax.random.choice(gradax.random.key(1), x.shape[0], x.shape, p=gradax.nn.softmax(x)),
            gradax.random.choice(gradax.random.key(2), x, (3,)),
        ),
        vector,
    ),
    "permutations of numbers": Case(
        lambda x: gradax.random.permutation(gradax.random.key(0), x.shape[0]), vector, traces=2
    ),
    "one of as many": Case(
        lambda x: gradax.nn.one_hot(gnp.arange(3), x.shape[0]) * x, vector
    ),
    "counts of as many": Case(
        lambda x: gnp.bincount(gnp.arange(x.shape[0]) % 3, length=x.shape[0]) * x, vector
    ),
    "triangles": Case(
        lambda x: (gnp.triu_indices(x.shape[0], 1), gnp.tril_indices(x.shape[0]),
                   gnp.triu_indices(x.shape[0], -2), gnp.tril_indices(x.shape[0], -1, 3),
                   gnp.triu_indices_from(x, 2)),
        rows, sizes=FEW, traces=4,
    ),
    "ranges of floats": Case(
        lambda x: (gnp.arange(0.0, x.shape[0]) * x, gnp.arange(0.5, x.shape[0]),
                   gnp.arange(1, x.shape[0], 0.25), gnp.arange(x.shape[0], 0, -1.5)),
        vector,
    ),
    "deleted": Case(
        lambda x: (gnp.delete(x, 0), gnp.delete(x, -1), gnp.delete(x, [1, -2]),
                   gnp.delete(x, x.shape[0] // 2), gnp.delete(x, slice(1, 3)),
                   gnp.delete(x, x.argmax())),
        vector,
        traces=2,
        sizes=(9, 100, 33, 1000, 64, 4097),
    ),
    "inserted": Case(
        lambda x: (gnp.insert(x, 1, 5.0), gnp.insert(x, x.shape[0] // 2, 5.0),
                   gnp.insert(x, gnp.array([0, 2]), 1.0), gnp.insert(x, slice(0, 2), 3.0)),
        vector,
    ),
    "products of three": Case(
        lambda x: gnp.einsum("ni,ij,mj->nm", x, gnp.ones((10, 10)), x), rows, sizes=FEW
    ),
    "matrices of a vector": Case(
        lambda x: (gradax.scipy.linalg.toeplitz(x), gradax.scipy.linalg.hankel(x)),
        vector,
        sizes=FEW,
    ),
    "resized": Case(
        lambda x: (gnp.resize(x, (7,)), gnp.resize(x, (2, x.shape[0] + 1)),
                   gnp.resize(x[:3], x.shape[0])),
        vector,
    ),
    "images of other sizes": Case(
        lambda x: (gradax.image.resize(x, (2 * x.shape[0], 10), "linear"),
                   gradax.image.resize(x, (x.shape[0] // 2, 5), "cubic"),
                   gradax.image.resize(x, (7, 10), "nearest"),
                   gradax.image.resize(x, (3 * x.shape[0] // 2, 10), "nearest")),
        rows,
        sizes=(9, 15, 100, 33, 64),
    ),
    "largest half": Case(
        lambda x: (
            lax.top_k(x, x.shape[0] // 2),
            gradax.random.choice(
                gradax.random.key(0), x.shape[0], (x.shape[0] // 2,), False, gradax.nn.softmax(x)
            ),
        ),
        vector,
        sizes=FEW,
        traces=2,
    ),
    "fitted polynomial": Case(
        lambda x: gnp.polyfit(gnp.arange(x.shape[0]) / x.shape[0], x, 2), vector
    ),
    "filled diagonals": Case(
        lambda x: (
            gnp.fill_diagonal(gnp.zeros((x.size, x.size)), 1.0, inplace=False),
            gnp.fill_diagonal(gnp.zeros((x.size, 9)), x[:2], inplace=False),
        ),
        vector,
        sizes=FEW,
        traces=3,
    ),
}  # fmt: skip
