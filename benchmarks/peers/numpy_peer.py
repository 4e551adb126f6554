"""The workloads that users write with NumPy and SciPy, as they would write them."""

from collections.abc import Callable
from typing import Any

import numpy as np

TABLE: dict[str, Callable[..., Any]] = {
    # elementwise
    "scalar_call": lambda x: x + 1,
    "python_scalar_call": lambda x: x + 1,
    "stream": lambda a: a * 2 + 1,
    "trigonometry": lambda x: np.sin(x) * np.cos(x) + np.tanh(x),
    "transcendentals": lambda x, y: (
        np.exp(-x) * np.log1p(y) + np.arctan2(x, y) - np.expm1(-y) ** 3 + x**y
    ),
    "integer_arithmetic": lambda x, y: (x // y + 3 * (x % y), x // 10),
    # reductions
    "sum_rows": lambda x: x.sum(axis=1),
    "sum_columns": lambda x: x.sum(axis=0),
    "sum_all": lambda x: x.sum(),
    "argmax_rows": lambda x: x.argmax(axis=1),
    "cumsum": np.cumsum,
    "cumprod_rows": lambda x: np.cumprod(x, axis=1),
    "cummax_columns": lambda x: np.maximum.accumulate(x, axis=0),
    "variance_rows": lambda x: x.var(axis=1),
    "mean_std_columns": lambda x: (x.mean(axis=0), x.std(axis=0)),
    "std_all": lambda x: x.std(),
    "min_max_middle": lambda x: (x.min(axis=1), x.max(axis=1)),
    "any_all": lambda x: ((x > 3.5).any(axis=1), (x > -4).all(axis=0)),
    # layout
    "transpose_add": lambda x: x.T + x,
    "transpose_3d": lambda x: np.ascontiguousarray(x.transpose(2, 0, 1)),
    "transpose_4d": lambda x: np.ascontiguousarray(x.transpose(0, 3, 1, 2)),
    "flips": lambda x: (x[::-1].copy(), x[:, ::-1].copy()),
    "tile_repeat": lambda x: (np.tile(x, (4, 4)), np.repeat(x, 16, axis=1)),
    "stack_8": lambda *xs: (np.stack(xs), np.stack(xs, axis=-1)),
    "gather": lambda x, index: x[index],
    "gather_rows": lambda x, index: x[index],
    # indexing
    "embedding": lambda table, words: table[words].mean(axis=1),
    "histogram": lambda x: np.histogram(x, bins=100, range=(-4, 4))[0],
    "bincount": lambda index: np.bincount(index, minlength=1000),
    "take_along": lambda x, index: np.take_along_axis(x, index, axis=1),
    "segment_sum": lambda values, segments: np.bincount(segments, values, 1000),
    "scatter_add": lambda index, values: np.bincount(index, values, 100_000),
    # sorting
    "sort_1e6": np.sort,
    "argsort_1e6": lambda x: np.argsort(x, stable=True),
    "sort_rows": lambda x: np.sort(x, axis=1),
    "argsort_rows": lambda x: np.argsort(x, axis=1, stable=True),
    "searchsorted": np.searchsorted,
    "unique": np.unique,
    "median_rows": lambda x: np.median(x, axis=1),
    "quantile_columns": lambda x: np.quantile(x, [0.1, 0.5, 0.9], axis=0),
    # products
    "vecmat": np.dot,
    "matvec": np.dot,
    "gram": lambda x: x.T @ x,
    "batched_4x4": np.matmul,
    "batched_64": np.matmul,
    "matmul_tall": np.matmul,
    "einsum_three": lambda x, w, y: np.einsum("bij,jk,bk->bi", x, w, y, optimize=True),
    **{f"matmul_{n}": np.matmul for n in (64, 128, 256, 512, 1024, 2048)},
    # drawing; the argument is a seed, the generator stands ready
    "normal_1e6": lambda seed: GENERATOR.standard_normal(1_000_000, np.float32),
    "uniform_1e6": lambda seed: GENERATOR.random(1_000_000, np.float32),
    "permutation_1e5": lambda seed: GENERATOR.permutation(np.int32(100_000)),
}
GENERATOR = np.random.default_rng(0)


def peer(function: Callable[..., Any]) -> Callable[..., Any]:
    """Enter a function under its own name."""
    TABLE[function.__name__] = function
    return function


@peer
def eager_100(x):
    for _ in range(25):
        x = np.sin(x)
        x = x * 0.5
        x = x + 1.0
        x = np.maximum(x, 0.1)
    return x


@peer
def tutorial_f(x):
    x = x + 2
    x = x**2 - 4
    return np.sum(x)


@peer
def selu(x):
    # Integers would become doubles.
    x = x.astype(np.float32)
    return 1.05 * np.where(x > 0, x, 1.67 * np.exp(x) - 1.67)


@peer
def selu_float(x):
    return 1.05 * np.where(x > 0, x, 1.67 * np.exp(x) - 1.67)


@peer
def black_scholes(spot, strike, years, rate, volatility):
    from scipy.special import erf

    def normal_cdf(x):
        return 0.5 * (1 + erf(x / np.sqrt(2).astype(np.float32)))

    spread = volatility * np.sqrt(years)
    d1 = (np.log(spot / strike) + (rate + volatility**2 / 2) * years) / spread
    discounted = strike * np.exp(-rate * years)
    return spot * normal_cdf(d1) - discounted * normal_cdf(d1 - spread)


@peer
def gamma_functions(x):
    from scipy import special

    return special.gammaln(x), special.digamma(x)


@peer
def chain(x):
    for i in range(4):
        x = np.maximum(x * 1.01 - 0.1, 0.5 * x) + 0.25 * i
    return x


TABLE["chain_1e3"] = TABLE["chain_1e5"] = TABLE.pop("chain")


@peer
def where_clip(x, y):
    for i in range(4):
        x = np.clip(np.where(x > y, x - 0.5 * y, y + 0.25 * x), -2 + 0.1 * i, 2)
    return np.where(np.isfinite(x) & (x != 0), 1 / x, 0)


@peer
def complex_arithmetic(z, w):
    z = (z * w + np.conj(z)) / (w + 2j)
    return z.real.copy(), z.imag.copy(), np.abs(z)


@peer
def bit_arithmetic(x):
    x = (x ^ (x >> 16)) * np.uint32(0x85EBCA6B)
    x = (x ^ (x >> 13)) * np.uint32(0xC2B2AE35)
    x = (x << 7) | (x >> 25)
    return x, np.bitwise_count(x)


@peer
def logsumexp(x):
    top = x.max(axis=1)
    return np.log(np.exp(x - top[:, None]).sum(axis=1)) + top


@peer
def softmax_rows(x):
    shifted = np.exp(x - x.max(axis=-1, keepdims=True))
    return shifted / shifted.sum(axis=-1, keepdims=True)


@peer
def layer_norm_rows(x, scale, offset):
    centred = x - x.mean(axis=-1, keepdims=True)
    variance = (centred**2).mean(axis=-1, keepdims=True)
    return centred / np.sqrt(variance + 1e-5) * scale + offset


@peer
def shuffle(x):
    return np.concatenate([np.pad(x, 8), np.roll(np.pad(x, 8), 5, 1)])


@peer
def mixed_layouts(x):
    blocks = x.reshape(32, 32, 1024).transpose(1, 2, 0).reshape(1024, 1024)
    swapped = x.reshape(1024, 32, 32).transpose(0, 2, 1).reshape(1024, 1024)
    return x + x.T + blocks + swapped


@peer
def scatter_pairs(rows, columns, weights):
    return np.bincount(rows * 512 + columns, weights, 512 * 512).reshape(512, 512)


@peer
def scatter_min_max(index, values):
    least, greatest = np.zeros(100_000, np.float32), np.zeros(100_000, np.float32)
    np.minimum.at(least, index, values)
    np.maximum.at(greatest, index, values)
    return least, greatest


@peer
def top_k_rows(x):
    some = np.argpartition(x, -10, axis=1)[:, -10:]
    values = np.take_along_axis(x, some, axis=1)
    order = np.argsort(-values, axis=1)
    return np.take_along_axis(values, order, axis=1), np.take_along_axis(some, order, axis=1)


@peer
def top_k_vector(x):
    some = np.argpartition(x, -100)[-100:]
    order = some[np.argsort(-x[some])]
    return x[order], order


@peer
def sort_payload(keys, values):
    order = np.argsort(keys, stable=True)
    return keys[order], values[order]


@peer
def distances(x, y):
    return ((x[:, None, :] - y[None, :, :]) ** 2).sum(axis=-1)


@peer
def attention(q, k, v):
    scores = q @ k.transpose(0, 2, 1) / 8
    return softmax_rows(scores) @ v
