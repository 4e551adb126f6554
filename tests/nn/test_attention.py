"""Dot-product attention against a loop in NumPy."""

import numpy as np
import pytest
from scipy import special

import gradax as jax
from gradax import nn

RNG = np.random.default_rng(2)
B, T, S, N, K, H = 2, 5, 7, 4, 2, 8
Q = RNG.normal(size=(B, T, N, H)).astype(np.float32)
KEY = RNG.normal(size=(B, S, K, H)).astype(np.float32)
V = RNG.normal(size=(B, S, K, H)).astype(np.float32)
BIAS = RNG.normal(size=(1, N, T, S)).astype(np.float32)
MASK = RNG.random((B, 1, T, S)) > 0.4
MASK[..., 0] = True


def expected(q, k, v, bias=0.0, seen=True, scale=None):
    """Return the attention of [B, T, N, H] operands, and the logarithm of the softmax's sums."""
    scale = 1 / np.sqrt(q.shape[-1]) if scale is None else scale
    k, v = (np.repeat(x, q.shape[2] // x.shape[2], axis=2) for x in (k, v))
    logits = np.einsum("btnh,bsnh->bnts", q, k) * scale + bias
    logits = np.where(np.broadcast_to(seen, logits.shape), logits, -np.inf)
    weights = special.softmax(logits, -1)
    sums = np.moveaxis(special.logsumexp(logits, -1), 1, 2)
    return np.einsum("bnts,bsnh->btnh", weights, v), sums


def close(found, wanted):
    np.testing.assert_allclose(found, wanted, rtol=2e-5, atol=2e-6)


ROWS, COLUMNS = np.arange(T)[:, None], np.arange(S)[None, :]
WINDOW = (COLUMNS >= ROWS - 1) & (COLUMNS <= ROWS + 3)


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        ({}, {}),
        ({"bias": BIAS}, {"bias": BIAS}),
        ({"mask": MASK}, {"seen": MASK}),
        ({"scale": 0.3}, {"scale": 0.3}),
        ({"is_causal": True}, {"seen": ROWS >= COLUMNS}),
        ({"local_window_size": (1, 3)}, {"seen": WINDOW}),
        ({"local_window_size": 2}, {"seen": abs(ROWS - COLUMNS) <= 2}),
        ({"is_causal": True, "mask": MASK}, {"seen": MASK & (ROWS >= COLUMNS)}),
    ],
)
def test_attention(arguments, parts):
    out, sums = expected(Q, KEY, V, **parts)
    close(nn.dot_product_attention(Q, KEY, V, **arguments), out)
    found, residual = nn.dot_product_attention(Q, KEY, V, return_residual=True, **arguments)
    close(found, out)
    close(residual, sums)
    close(jax.jit(lambda q: nn.dot_product_attention(q, KEY, V, **arguments))(Q), out)


def test_lengths():
    found = nn.dot_product_attention(
        Q, KEY, V, query_seq_lengths=np.array([3, 5]), key_value_seq_lengths=np.array([4, 7])
    )
    out, _ = expected(Q[:1], KEY[:1, :4], V[:1, :4])
    close(found[0, :3], out[0, :3])
    assert np.all(np.asarray(found[0, 3:]) == 0)
    close(found[1], expected(Q, KEY, V)[0][1])


def test_without_batch():
    found = nn.dot_product_attention(Q[0], KEY[0], V[0])
    close(found, expected(Q, KEY, V)[0][0])


def test_derivative():
    with jax.enable_x64(True):
        q = Q.astype(float)
        slope = jax.grad(lambda q: nn.dot_product_attention(q, KEY, V).sum())(q)
        step = np.zeros_like(q)
        step[1, 2, 3, 4] = 1e-6
        low, high = (expected(q + s * step, KEY, V)[0].sum() for s in (-1, 1))
    np.testing.assert_allclose(slope[1, 2, 3, 4], (high - low) / 2e-6, rtol=1e-6)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: nn.dot_product_attention(Q, KEY[:, :, :, :3], V), "Incompatible shapes"),
        (lambda: nn.dot_product_attention(Q[:, :, :3], KEY, V), "Incompatible shapes"),
        (lambda: nn.dot_product_attention(Q, KEY, V, implementation="fast"), "implementation"),
        (lambda: nn.dot_product_attention(Q, KEY, V, BIAS[0]), "bias has four axes"),
    ],
)
def test_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call()
