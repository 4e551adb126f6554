"""Products of block-scaled operands."""

import numpy as np
import pytest

import gradax as jax
import gradax.numpy as jnp
from gradax import nn

NUMBERS = (((2,), (2,)), ((0,), (0,)))
RNG = np.random.default_rng(0)
X, Y = (RNG.normal(size=(2, m, 64)).astype(np.float32) for m in (4, 3))


def test_scaled_matmul():
    s, t = np.full((2, 4, 2), 0.5, np.float32), np.full((2, 3, 2), 4.0, np.float32)
    found = nn.scaled_matmul(X, Y, s, t)
    np.testing.assert_allclose(found, 2 * np.einsum("bmk,bnk->bmn", X, Y), rtol=1e-5, atol=1e-5)
    assert nn.scaled_matmul(X, Y, s, t, jnp.bfloat16).dtype == jnp.bfloat16
    with pytest.raises(ValueError, match="k / block"):
        nn.scaled_matmul(X, Y, s, np.ones((2, 3, 3)))


@pytest.mark.parametrize(("mode", "error"), [("mxfp8", 0.08), ("nvfp4", 0.35)])
def test_quantized_products_are_near(mode, error):
    configs = [
        nn.get_scaled_dot_general_config(mode, jnp.array([0.5]) if mode == "nvfp4" else None)
    ]
    expected = jax.lax.dot_general(X, Y, NUMBERS)
    found = nn.scaled_dot_general(X, Y, NUMBERS, configs=configs * 3)
    size = np.linalg.norm(expected)
    assert 0 < np.linalg.norm(found - expected) < error * size

    def total(x, y):
        return (nn.scaled_dot_general(x, y, NUMBERS, configs=configs * 3) * expected).sum()

    dx, dy = jax.grad(total, (0, 1))(X, Y)
    by_x, by_y = jax.grad(lambda x, y: (jax.lax.dot_general(x, y, NUMBERS) * expected).sum(),
                          (0, 1))(X, Y)  # fmt: skip
    assert np.linalg.norm(dx - by_x) < error * np.linalg.norm(by_x)
    assert np.linalg.norm(dy - by_y) < error * np.linalg.norm(by_y)


def test_configs():
    config = nn.get_scaled_dot_general_config("mxfp8")
    assert (config.block_size, config.global_scale) == (32, None)
    np.testing.assert_allclose(
        nn.scaled_dot_general(X, Y, NUMBERS), jax.lax.dot_general(X, Y, NUMBERS)
    )
    with pytest.raises(ValueError, match="mode is"):
        nn.get_scaled_dot_general_config("other")
