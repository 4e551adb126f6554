"""What a workload must do at least: the bytes that it reads and writes, the flops of its products.

Bytes are those of arguments and results, each once; flops those of matrix products and
convolutions, two for a multiplication and its addition. What else a program computes is not
counted, so that a limit is a lower bound, and not always one that can be reached.
"""

import itertools
from typing import NamedTuple

FLOAT = 4


class Needs(NamedTuple):
    """Bytes and floating-point operations."""

    read: float
    written: float
    flops: float = 0

    @property
    def bytes(self) -> float:
        return self.read + self.written


def moves(n_read: float, n_written: float) -> Needs:
    """Return the needs of a program that moves so many 4-byte numbers."""
    return Needs(FLOAT * n_read, FLOAT * n_written)


def product(m: int, k: int, n: int, count: int = 1) -> Needs:
    """Return the needs of `count` products of m×k by k×n."""
    numbers = [FLOAT * count * part for part in (m * k + k * n, m * n)]
    return Needs(numbers[0], numbers[1], 2.0 * count * m * k * n)


def convolution(n_in: int, n_out: int, n_kernel: int, n_products: int, times: int = 1) -> Needs:
    """Return the needs of a convolution: each output is a sum of `n_products` products."""
    return Needs(FLOAT * (n_in + n_kernel), FLOAT * n_out, 2.0 * times * n_out * n_products)


def dense_training(batch: int, *sizes: int) -> Needs:
    """Return the needs of a training step: three products a layer, but two in the first."""
    pairs = list(itertools.pairwise(sizes))
    weights = sum(m * n for m, n in pairs)
    n_products = 3 * weights - sizes[0] * sizes[1]
    return Needs(FLOAT * weights, FLOAT * weights, 2.0 * batch * n_products)


MILLION = 1_000_000
ROWS = 4096 * 1024

NEEDS: dict[str, Needs] = {
    # elementwise
    "tutorial_f": moves(MILLION, 0),
    "selu": moves(MILLION, MILLION),
    "selu_float": moves(MILLION, MILLION),
    "black_scholes": moves(5 * MILLION, MILLION),
    "trigonometry": moves(MILLION, MILLION),
    "stream": moves(10 * MILLION, 10 * MILLION),
    "chain_1e5": moves(1e5, 1e5),
    "chain_1e8": moves(1e8, 0),
    "transcendentals": moves(2e5, 1e5),
    "bit_arithmetic": moves(MILLION, 2 * MILLION),
    "integer_arithmetic": moves(2 * MILLION, 2 * MILLION),
    "where_clip": moves(2 * MILLION, MILLION),
    "complex_arithmetic": moves(4 * MILLION, 3 * MILLION),
    "captured_constant": moves(10 * MILLION, 10 * MILLION),
    # reductions
    "sum_rows": moves(ROWS, 4096),
    "sum_columns": moves(ROWS, 1024),
    "sum_all": moves(10 * MILLION, 0),
    "argmax_rows": moves(ROWS, 4096),
    "cumsum": moves(MILLION, MILLION),
    "associative_sum": moves(MILLION, MILLION),
    "cumprod_rows": moves(2**20, 2**20),
    "cummax_columns": moves(2**20, 2**20),
    "logsumexp": moves(ROWS, 4096),
    "softmax_rows": moves(ROWS, ROWS),
    "softmax_gradient": moves(ROWS / 2, ROWS / 2),
    "logsumexp_gradient": moves(ROWS / 2, ROWS / 2),
    "layer_norm_rows": moves(ROWS, ROWS),
    "layer_norm_gradient": moves(ROWS / 2, ROWS / 2),
    "variance_rows": moves(ROWS, 4096),
    "mean_std_columns": moves(ROWS, 2048),
    "std_all": moves(10 * MILLION, 0),
    "min_max_middle": moves(ROWS, 2**15),
    "any_all": moves(ROWS, 1280),
    "batch_norm_gradient": moves(2**19, 2**19),
    # layout
    "transpose_add": moves(2**22, 2**22),
    "transpose_3d": moves(2**22, 2**22),
    "transpose_4d": moves(32 * 56 * 56 * 64, 32 * 56 * 56 * 64),
    "mixed_layouts": moves(2**20, 2**20),
    "flips": moves(2**22, 2**23),
    "tile_repeat": moves(2**16, 2**21),
    "stack_8": moves(8e5, 16e5),
    "shuffle": moves(2**20, 2 * 1040 * 1040),
    "gather": moves(3 * MILLION, MILLION),
    "gather_rows": moves(4096 * 257, 4096 * 256),
    "scatter_add": moves(2 * MILLION, 1e5),
    "segment_sum": moves(2 * MILLION, 1000),
    "embedding": moves(256 * 64 * 65, 256 * 64),
    "histogram": moves(MILLION, 100),
    "bincount": moves(MILLION, 1000),
    "take_along": moves(2**21, 2**20),
    "adam_tree": moves(4 * 50 * 4096, 3 * 50 * 4096),
    # drawing
    "normal_1e6": moves(0, MILLION),
    "uniform_1e6": moves(0, MILLION),
    "exponential": moves(0, MILLION),
    "randint": moves(0, MILLION),
    "bernoulli": moves(0, MILLION),
    # products
    **{f"matmul_{n}": product(n, n, n) for n in (64, 128, 256, 512, 1024, 2048)},
    "matvec": product(2048, 2048, 1),
    "vecmat": product(1, 2048, 2048),
    "matmul_tall": product(50_000, 64, 32),
    "gram": Needs(FLOAT * 20_000 * 64, FLOAT * 64 * 64, 2.0 * 20_000 * 64 * 64),
    "batched_64": product(64, 64, 64, 64),
    "batched_4x4": product(4, 4, 4, 20_000),
    "product_gelu": product(512, 256, 1024),
    "one_hot_product": moves(4096 + 64_000, 4096 * 64),
    "attention": Needs(FLOAT * 3 * 2**17, FLOAT * 2**17, 4.0 * 8 * 256 * 256 * 64),
    "kernel_matrix": Needs(FLOAT * 9000, FLOAT * 1000, 2.0 * 1000 * 1000 * 9),
    "power_iteration": Needs(FLOAT * 2**18 * 51, 0, 2.0 * 2**18 * 51),
    # networks
    "dense_step": dense_training(128, 784, 512, 512, 10),
    "recurrent_gradient": Needs(FLOAT * 100 * 2048, FLOAT * 8192, 2.0 * 100 * 32 * 64**2 * 5),
    # convolutions
    "conv_1d": convolution(2**20, 2**20, 5 * 2**12, 5 * 64),
    "conv_channels_last": convolution(401_408, 401_408, 36_864, 9 * 64),
    "conv_channels_first": convolution(401_408, 401_408, 36_864, 9 * 64),
    "conv_images": convolution(301_056, 802_816, 864, 27),
    "conv_pointwise": convolution(802_816, 802_816, 2**14, 128),
    "conv_strided": convolution(802_816, 401_408, 18_432, 9 * 32),
    "conv_dilated": convolution(200_704, 200_704, 9216, 9 * 32),
    "conv_grouped": convolution(401_408, 401_408, 9216, 9 * 16),
    "conv_depthwise": convolution(1_605_632, 1_605_632, 576, 9),
    "conv_3d": convolution(524_288, 524_288, 6912, 27 * 16),
    "conv_gradient_input": convolution(200_704, 401_408, 18_432, 9 * 32, 2),
    "conv_gradient_kernel": convolution(200_704, 401_408, 18_432, 9 * 32, 2),
    "max_pool": moves(1_605_632, 401_408),
    "max_pool_gradient": moves(2_007_040, 1_605_632),
    "mean_pool_gradient": moves(401_408, 1_605_632),
    # linear algebra, by the operations of the usual algorithms
    "cholesky_512": Needs(2**20, 2**20, 512**3 / 3),
    "solve_512": Needs(2**20, 0, 512**3 * 2 / 3),
    "inverse_512": Needs(2**20, 2**20, 512**3 * 2.0),
    "solve_triangle": Needs(2**19, 2**17, 512**2 * 64.0),
}
