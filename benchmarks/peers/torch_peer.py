"""The workloads that users write with PyTorch: one pass over data, layouts, orders, products."""

import math

import torch

from .torch_entry import eager_peer, enter, peer

enter(
    {
        "stream": lambda a: a * 2 + 1,
        "trigonometry": lambda x: torch.sin(x) * torch.cos(x) + torch.tanh(x),
        "transcendentals": lambda x, y: (
            torch.exp(-x) * torch.log1p(y) + torch.arctan2(x, y) - torch.expm1(-y) ** 3 + x**y
        ),
        "gamma_functions": lambda x: (torch.lgamma(x), torch.digamma(x)),
        "integer_arithmetic": lambda x, y: (x // y + 3 * (x % y), x // 10),
        "sum_rows": lambda x: x.sum(1),
        "sum_columns": lambda x: x.sum(0),
        "sum_all": lambda x: x.sum(),
        "argmax_rows": lambda x: x.argmax(1),
        "logsumexp": lambda x: torch.logsumexp(x, 1),
        "softmax_rows": lambda x: torch.softmax(x, -1),
        "layer_norm_rows": lambda x, scale, offset: torch.nn.functional.layer_norm(
            x, (1024,), scale, offset
        ),
        "variance_rows": lambda x: x.var(1, correction=0),
        "mean_std_columns": lambda x: (x.mean(0), x.std(0, correction=0)),
        "std_all": lambda x: x.std(correction=0),
        "min_max_middle": lambda x: (x.amin(1), x.amax(1)),
        "any_all": lambda x: ((x > 3.5).any(1), (x > -4).all(0)),
        "transpose_add": lambda x: x.T + x,
        "transpose_3d": lambda x: x.permute(2, 0, 1).contiguous(),
        "transpose_4d": lambda x: x.permute(0, 3, 1, 2).contiguous(),
        "stack_8": lambda *xs: (torch.stack(xs), torch.stack(xs, -1)),
        "flips": lambda x: (x.flip(0), x.flip(1)),
        "embedding": lambda table, words: table[words].mean(1),
        "one_hot_product": lambda i, w: torch.nn.functional.one_hot(i.long(), 1000).float() @ w,
        "product_gelu": lambda x, w, b: torch.nn.functional.gelu(
            torch.addmm(b, x, w), approximate="tanh"
        ),
        "kernel_matrix": lambda x, weights: torch.exp(-0.5 * torch.cdist(x, x) ** 2) @ weights,
    },
    compiles=True,
)
enter(
    {
        # what one call to the library does is the same when it is compiled
        "scalar_call": lambda x: x + 1,
        "gather": lambda x, index: x[index],
        "gather_rows": lambda x, index: x[index],
        "take_along": lambda x, index: torch.take_along_dim(x, index.long(), 1),
        "tile_repeat": lambda x: (x.tile(4, 4), x.repeat_interleave(16, 1)),
        "cumsum": lambda x: torch.cumsum(x, 0),
        "associative_sum": lambda x: torch.cumsum(x, 0),
        "cumprod_rows": lambda x: torch.cumprod(x, 1),
        "cummax_columns": lambda x: torch.cummax(x, 0).values,
        "sort_1e6": lambda x: torch.sort(x).values,
        "argsort_1e6": lambda x: torch.argsort(x, stable=True),
        "sort_rows": lambda x: torch.sort(x, 1).values,
        "argsort_rows": lambda x: torch.argsort(x, 1, stable=True),
        "top_k_rows": lambda x: torch.topk(x, 10),
        "top_k_vector": lambda x: torch.topk(x, 100),
        "searchsorted": torch.searchsorted,
        "unique": torch.unique,
        "bincount": lambda index: torch.bincount(index, minlength=1000),
        "histogram": lambda x: torch.histc(x, 100, -4, 4),
        "quantile_columns": lambda x: torch.quantile(x, torch.tensor([0.1, 0.5, 0.9]), 0),
        "scatter_add": lambda i, v: torch.zeros(100_000).index_add_(0, i, v),
        "segment_sum": lambda v, s: torch.zeros(1000).index_add_(0, s, v),
        "scatter_pairs": lambda i, j, w: torch.zeros(512, 512).index_put_((i, j), w, True),
        "vecmat": torch.matmul,
        "matvec": torch.matmul,
        "gram": lambda x: x.T @ x,
        "batched_4x4": torch.bmm,
        "batched_64": torch.bmm,
        "matmul_tall": torch.matmul,
        "einsum_three": lambda x, w, y: torch.einsum("bij,jk,bk->bi", x, w, y),
        "attention": lambda q, k, v: torch.nn.functional.scaled_dot_product_attention(
            q[None], k[None], v[None]
        )[0],
        **{f"matmul_{n}": torch.matmul for n in (64, 128, 256, 512, 1024, 2048)},
        "normal_1e6": lambda seed: torch.randn(1_000_000),
        "uniform_1e6": lambda seed: torch.rand(1_000_000),
        "permutation_1e5": lambda seed: torch.randperm(100_000, dtype=torch.int32),
        "randint": lambda seed: torch.randint(1000, (1_000_000,), dtype=torch.int32),
        "exponential": lambda seed: torch.empty(1_000_000).exponential_(),
        "permute_rows": lambda seed, x: x[torch.randperm(len(x))],
    },
    compiles=False,
)


@eager_peer
def eager_100(x):
    for _ in range(25):
        x = torch.sin(x)
        x = x * 0.5
        x = x + 1.0
        x = torch.clamp(x, min=0.1)
    return x


@peer
def tutorial_f(x):
    x = x + 2
    x = x**2 - 4
    return x.sum()


@peer
def selu(x):
    return 1.05 * torch.where(x > 0, x, 1.67 * torch.exp(x) - 1.67)


@peer
def selu_float(x):
    return 1.05 * torch.where(x > 0, x, 1.67 * torch.exp(x) - 1.67)


@peer
def black_scholes(spot, strike, years, rate, volatility):
    def normal_cdf(x):
        return 0.5 * (1 + torch.erf(x / math.sqrt(2)))

    spread = volatility * torch.sqrt(years)
    d1 = (torch.log(spot / strike) + (rate + volatility**2 / 2) * years) / spread
    discounted = strike * torch.exp(-rate * years)
    return spot * normal_cdf(d1) - discounted * normal_cdf(d1 - spread)


def chain(x):
    for i in range(4):
        x = torch.maximum(x * 1.01 - 0.1, 0.5 * x) + 0.25 * i
    return x


enter({"chain_1e3": chain, "chain_1e5": chain}, compiles=True)


@peer
def where_clip(x, y):
    for i in range(4):
        x = torch.clamp(torch.where(x > y, x - 0.5 * y, y + 0.25 * x), -2 + 0.1 * i, 2)
    return torch.where(torch.isfinite(x) & (x != 0), 1 / x, 0)


@eager_peer
def complex_arithmetic(z, w):
    z = (z * w + torch.conj(z)) / (w + 2j)
    return z.real.clone(), z.imag.clone(), z.abs()


@peer
def mixed_layouts(x):
    blocks = x.reshape(32, 32, 1024).permute(1, 2, 0).reshape(1024, 1024)
    swapped = x.reshape(1024, 32, 32).permute(0, 2, 1).reshape(1024, 1024)
    return x + x.T + blocks + swapped


@peer
def shuffle(x):
    padded = torch.nn.functional.pad(x, (8, 8, 8, 8))
    return torch.cat([padded, padded.roll(5, 1)])


@eager_peer
def scatter_min_max(index, values):
    index = index.long()
    least = torch.zeros(100_000).scatter_reduce_(0, index, values, "amin")
    return least, torch.zeros(100_000).scatter_reduce_(0, index, values, "amax")


@eager_peer
def sort_payload(keys, values):
    keys, order = torch.sort(keys, stable=True)
    return keys, values[order]


@eager_peer
def median_rows(x):
    ordered = torch.sort(x, 1).values
    return 0.5 * (ordered[:, 499] + ordered[:, 500])


@peer
def distances(x, y):
    return ((x[:, None, :] - y[None, :, :]) ** 2).sum(-1)


@peer
def k_means(points, centres):
    apart = (centres**2).sum(1) - 2 * points @ centres.T
    nearest = apart.argmin(1)
    total = torch.zeros(64, 16).index_add_(0, nearest, points)
    count = torch.bincount(nearest, minlength=64)
    return total / count.clamp(min=1)[:, None]
