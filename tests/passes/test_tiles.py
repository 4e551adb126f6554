"""Transpositions turn over square tiles: no element is gathered, all come out where they belong."""

from typing import Any

import ml_dtypes
import numpy as np
import pytest

import gradax
from gradax import lax
from gradax import numpy as jnp
from gradax.compiler.options import Options
from gradax.compiler.pipeline import program_text

Array = np.ndarray[Any, Any]
CASES = [
    ((128, 96), (1, 0)),
    ((70, 91), (1, 0)),
    ((16, 320), (1, 0)),
    ((3, 70, 91), (0, 2, 1)),
    ((64, 16, 40), (2, 0, 1)),
    ((17, 33, 65), (2, 1, 0)),
    ((100, 5, 60), (2, 1, 0)),
    ((3, 8, 40, 35), (1, 0, 3, 2)),
]
DTYPES = [
    np.float32, np.float64, np.int8, np.int16, np.uint64, np.bool_, np.complex64, np.float16,
    ml_dtypes.bfloat16,
]  # fmt: skip


def values(shape: tuple[int, ...], dtype: Any = np.float32) -> Array:
    return (np.random.default_rng(0).normal(size=shape) * 100).astype(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("shape", "order"), CASES)
def test_transposition(shape: tuple[int, ...], order: tuple[int, ...], dtype: Any):
    with gradax.enable_x64(True):
        x = values(shape, dtype)
        got = np.asarray(gradax.jit(lambda x: x.transpose(order))(x))
    np.testing.assert_array_equal(got, x.transpose(order))


@pytest.mark.parametrize(("shape", "order"), CASES)
def test_transposition_among_other_reads(shape: tuple[int, ...], order: tuple[int, ...]):
    x, y = values(shape), values(tuple(shape[k] for k in order))

    def f(x: Any, y: Any, row: Any) -> Any:
        return x.transpose(order) * row + y - x.transpose(order)[..., :1], x.transpose(order) > y

    got = gradax.jit(f)(x, y, y.ravel()[: y.shape[-1]])
    want = f(x, y, y.ravel()[: y.shape[-1]])
    np.testing.assert_allclose(got[0], want[0], 1e-5, 1e-4)
    np.testing.assert_array_equal(got[1], want[1])


def test_parts_and_padding_of_a_transposition():
    x = values((90, 120))

    def f(x: Any, p: Any) -> Any:
        return p.concatenate([p.pad(x.T, 3)[:, :70], x.T[::-1, 5:75] * 2])

    np.testing.assert_array_equal(gradax.jit(lambda x: f(x, jnp))(x), f(x, np))


def test_a_sum_with_the_transposed_in_a_loop():
    x = values((80, 80)) / 100
    got = gradax.jit(lambda x: lax.fori_loop(0, 3, lambda _, v: (v + v.T) * 0.5 + x, x))(x)
    want = x
    for _ in range(3):
        want = (want + want.T) * np.float32(0.5) + x
    np.testing.assert_allclose(got, want, 1e-5, 1e-5)


def test_nothing_is_gathered():
    jaxpr = gradax.make_jaxpr(lambda x: x.T + x)(values((128, 128))).jaxpr
    assert "gather" not in program_text(jaxpr, Options(), "llvm")


def test_the_number_of_threads_changes_nothing():
    x = values((700, 900))
    f = gradax.jit(lambda x: x.T * 2 + 1)
    np.testing.assert_array_equal(f(x), x.T * 2 + 1)
