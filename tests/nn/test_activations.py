"""Activation functions against their formulas in double precision, and their derivatives."""

import numpy as np
import pytest
from scipy import special

import gradax as jax
from gradax import nn

X = np.random.default_rng(0).normal(size=(5, 7)) * 3
WIDE = np.array([-1e4, -80.0, -20.0, -1e-3, 0.0, 1e-3, 20.0, 80.0, 1e4])
SELU = (1.0507009873554805, 1.6732632423543772)


def elu(x, alpha=1.0):
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))


def softplus(x):
    return np.logaddexp(x, 0)


def relu6(x):
    return np.clip(x, 0, 6)


FORMULAS = {
    "relu": lambda x: np.maximum(x, 0),
    "relu6": relu6,
    "sigmoid": special.expit,
    "softplus": softplus,
    "silu": lambda x: x * special.expit(x),
    "swish": lambda x: x * special.expit(x),
    "log_sigmoid": special.log_expit,
    "elu": elu,
    "selu": lambda x: SELU[0] * elu(x, SELU[1]),
    "celu": elu,
    "leaky_relu": lambda x: np.where(x >= 0, x, 0.01 * x),
    "hard_tanh": lambda x: np.clip(x, -1, 1),
    "hard_sigmoid": lambda x: relu6(x + 3) / 6,
    "hard_silu": lambda x: x * relu6(x + 3) / 6,
    "hard_swish": lambda x: x * relu6(x + 3) / 6,
    "soft_sign": lambda x: x / (1 + abs(x)),
    "squareplus": lambda x: (x + np.sqrt(x * x + 4)) / 2,
    "mish": lambda x: x * np.tanh(softplus(x)),
    "sparse_plus": lambda x: np.where(x <= -1, 0, np.where(x >= 1, x, (x + 1) ** 2 / 4)),
    "sparse_sigmoid": lambda x: np.clip((x + 1) / 2, 0, 1),
    "tanh": np.tanh,
    "identity": lambda x: x,
    "gelu": lambda x: x / 2 * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))),
}


@pytest.mark.parametrize("name", FORMULAS)
def test_values(name):
    for x in (X, WIDE):
        found = getattr(nn, name)(x.astype(np.float32))
        assert found.dtype == np.float32
        with np.errstate(over="ignore"):
            expected = FORMULAS[name](x.astype(np.float32).astype(float))
        # squareplus subtracts numbers of the size of x.
        allowed = 3e-5 * abs(expected) + 3e-6 + 1e-7 * abs(x)
        assert np.all(abs(found - expected) <= allowed)


@pytest.mark.parametrize("name", FORMULAS)
def test_derivatives(name):
    with jax.enable_x64(True):
        slope = jax.vmap(jax.grad(getattr(nn, name)))(X.ravel())
    h = 1e-6
    expected = (FORMULAS[name](X + h) - FORMULAS[name](X - h)).ravel() / (2 * h)
    np.testing.assert_allclose(slope, expected, atol=1e-7)


@pytest.mark.parametrize("name", FORMULAS)
def test_derivatives_are_finite_far_out(name):
    slope = jax.vmap(jax.grad(getattr(nn, name)))(WIDE.astype(np.float32))
    assert np.all(np.isfinite(slope))


@pytest.mark.parametrize(
    ("name", "slope"),
    [("relu", 0.0), ("relu6", 0.0), ("softplus", 0.5), ("silu", 0.5), ("elu", 1.0),
     ("leaky_relu", 1.0), ("log_sigmoid", 0.5), ("gelu", 0.5)],
)  # fmt: skip
def test_derivatives_at_zero(name, slope):
    assert jax.grad(getattr(nn, name))(0.0) == slope


def test_relu_of_integers():
    found = nn.relu(np.array([-2, 0, 3], np.int32))
    assert found.dtype == np.int32
    assert found.tolist() == [0, 0, 3]


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
@pytest.mark.parametrize("name", FORMULAS)
def test_short_floats(name, dtype):
    x = jax.numpy.asarray(X, dtype)
    found = getattr(nn, name)(x)
    assert found.dtype == x.dtype
    exact = FORMULAS[name](np.asarray(x.astype("float32"), float))
    np.testing.assert_allclose(found.astype("float32"), exact, rtol=0.02, atol=0.02)


def test_gelu_exactly():
    expected = X * special.ndtr(X)
    np.testing.assert_allclose(
        nn.gelu(X.astype(np.float32), approximate=False), expected, rtol=1e-5, atol=1e-6
    )


def test_log1mexp():
    x = np.array([1e-6, 1e-3, 0.3, np.log(2), 1.0, 20.0, 50.0])
    with jax.enable_x64(True):
        np.testing.assert_allclose(nn.log1mexp(x[:5]), np.log(-np.expm1(-x[:5])), rtol=1e-12)
        np.testing.assert_allclose(nn.log1mexp(x[5:]), -np.exp(-x[5:]), rtol=2e-9)
        slopes = jax.vmap(jax.grad(nn.log1mexp))(x)
        np.testing.assert_allclose(slopes, 1 / np.expm1(x), rtol=1e-12)


def test_parameters():
    x = X.astype(np.float32)
    np.testing.assert_allclose(nn.elu(x, 0.3), elu(x, 0.3), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(nn.leaky_relu(x, 0.2), np.where(x > 0, x, 0.2 * x), rtol=1e-6)
    np.testing.assert_allclose(nn.squareplus(x, 0), np.maximum(x, 0), atol=1e-6)
    celu = np.maximum(x, 0) + 2 * np.expm1(np.minimum(x, 0) / 2)
    np.testing.assert_allclose(nn.celu(x, 2.0), celu, rtol=1e-5, atol=1e-6)


def test_glu():
    x = X[:4, :6].astype(np.float32)
    np.testing.assert_allclose(nn.glu(x), x[:, :3] * special.expit(x[:, 3:]), rtol=1e-5)
    np.testing.assert_allclose(nn.glu(x, axis=0), x[:2] * special.expit(x[2:]), rtol=1e-5)
    with pytest.raises(ValueError, match="axis 0 must be even; got 5"):
        nn.glu(X, axis=0)


@pytest.mark.parametrize("name", ["relu", "gelu", "softplus", "silu"])
def test_transformed(name):
    f, x = getattr(nn, name), X.astype(np.float32)
    np.testing.assert_allclose(jax.jit(jax.vmap(f))(x), f(x), rtol=1e-6, atol=1e-7)
    second = jax.vmap(jax.grad(jax.grad(f)))(x[0])
    assert np.all(np.isfinite(second))
