"""Softmax and its kin against SciPy, masks included; one-hot codes; standardization."""

import numpy as np
import pytest
from scipy import special

import gradax as jax
from gradax import nn

RNG = np.random.default_rng(1)
X = (RNG.normal(size=(4, 6)) * 3).astype(np.float32)
WHERE = RNG.random((4, 6)) > 0.3
WHERE[1] = False
AXES = (0, 1, -1, (0, 1))


@pytest.mark.parametrize("axis", AXES)
def test_softmax(axis):
    np.testing.assert_allclose(nn.softmax(X, axis), special.softmax(X, axis), rtol=2e-6)
    np.testing.assert_allclose(
        nn.log_softmax(X, axis), special.log_softmax(X, axis), rtol=2e-6, atol=1e-6
    )


@pytest.mark.parametrize("axis", [0, 1])
def test_softmax_of_some(axis):
    inside = np.where(WHERE, X, -np.inf)
    with np.errstate(invalid="ignore"):
        expected = np.where(WHERE, special.softmax(inside, axis), 0)
    np.testing.assert_allclose(nn.softmax(X, axis, where=WHERE), expected, rtol=2e-6)
    found = nn.log_softmax(X, axis, where=WHERE)
    with np.errstate(divide="ignore"):
        np.testing.assert_allclose(found, np.log(expected), rtol=3e-6, atol=1e-6)


@pytest.mark.parametrize("ruled", [True, False])
@pytest.mark.parametrize("where", [None, WHERE])
def test_softmax_derivative(ruled, where):
    weights = RNG.normal(size=X.shape).astype(np.float32)
    with jax.softmax_custom_jvp(ruled):
        found = jax.grad(lambda x: (nn.softmax(x, where=where) * weights).sum())(X)
    y = np.asarray(nn.softmax(X, where=where))
    np.testing.assert_allclose(
        found, y * (weights - (y * weights).sum(-1, keepdims=True)), atol=1e-6
    )


def test_softmax_of_large_numbers():
    x = np.float32([1e4, 1e4 - 1, -1e30])
    np.testing.assert_allclose(nn.softmax(x), special.softmax(x.astype(float)), rtol=1e-6)
    assert np.all(np.isfinite(jax.jacobian(nn.softmax)(x)))
    assert np.all(np.isfinite(jax.grad(lambda x: nn.log_softmax(x)[0])(x)))


@pytest.mark.parametrize("axis", [None, *AXES])
@pytest.mark.parametrize("keepdims", [False, True])
def test_logsumexp(axis, keepdims):
    expected = special.logsumexp(X, axis, keepdims=keepdims)
    np.testing.assert_allclose(nn.logsumexp(X, axis, keepdims=keepdims), expected, rtol=1e-6)
    found, sign = nn.logsumexp(X, axis, b=X, keepdims=keepdims, return_sign=True)
    expected, wanted = special.logsumexp(X, axis, b=X, keepdims=keepdims, return_sign=True)
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    np.testing.assert_array_equal(sign, wanted)
    mean = nn.logmeanexp(X, axis, keepdims=keepdims)
    np.testing.assert_allclose(mean, np.log(np.mean(np.exp(X), axis, keepdims=keepdims)), rtol=1e-5)


def test_logsumexp_at_the_ends():
    inf = np.inf
    for values, expected in (
        ([-inf, -inf], -inf),
        ([inf, 1.0], inf),
        ([-inf, 2.0], 2.0),
        ([1e5, 1e5], 1e5 + np.log(2)),
    ):
        assert nn.logsumexp(np.float32(values)) == np.float32(expected)
    slope = jax.grad(nn.logsumexp)(np.float32([-inf, 2.0]))
    np.testing.assert_array_equal(slope, [0, 1])
    found = nn.logsumexp(X, 1, where=WHERE)
    assert found[1] == -inf
    np.testing.assert_allclose(
        found[0], special.logsumexp(np.where(WHERE, X, -inf), 1)[0], rtol=1e-6
    )
    mean = nn.logmeanexp(X, 1, where=WHERE)
    np.testing.assert_allclose(mean[0], np.log(np.mean(np.exp(X[0][WHERE[0]]))), rtol=1e-6)


@pytest.mark.parametrize("algorithm", ["fast", "stable"])
def test_standardize(algorithm):
    found = nn.standardize(X, algorithm=algorithm, epsilon=0.0)
    expected = (X - X.mean(-1, keepdims=True)) / X.std(-1, keepdims=True)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    given = nn.standardize(X, mean=1.0, variance=4.0, epsilon=0.0)
    np.testing.assert_allclose(given, (X - 1) / 2, rtol=1e-6)
    with pytest.raises(ValueError, match="'fast' or 'stable'; got 'slow'"):
        nn.standardize(X, algorithm="slow")


def test_one_hot():
    places = np.array([[0, 1, 5], [-1, 2, 3]])
    expected = (places[..., None] == np.arange(4)).astype(np.float32)
    found = nn.one_hot(places, 4)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, expected)
    first = nn.one_hot(places, 4, axis=0, dtype="int8")
    assert first.dtype == np.int8
    np.testing.assert_array_equal(first, np.moveaxis(expected, -1, 0))
    assert nn.one_hot(2, 4).tolist() == [0, 0, 1, 0]
    assert nn.one_hot(places, 0).shape == (2, 3, 0)
    mapped = jax.jit(jax.vmap(lambda x: nn.one_hot(x, 4)))(places)
    np.testing.assert_array_equal(mapped, expected)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: nn.one_hot(np.arange(3), 2.5), "num_classes is an integer; got 2.5"),
        (lambda: nn.one_hot(np.arange(3), 4, axis=3), "axis 3 is outside 2 axes"),
    ],
)
def test_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call()
