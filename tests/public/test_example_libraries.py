"""Layers and optimizers."""

import numpy as np
import pytest

import gradax as jax
import gradax.numpy as jnp
from gradax import random
from gradax.example_libraries import optimizers, stax

X = np.array([[1.0, -2.0], [0.5, 3.0]], np.float32)
G = np.array([[0.1, 0.2], [-0.3, 0.4]], np.float32)
RATE = 0.1


def run(name, *args, steps=2):
    init, update, params = getattr(optimizers, name)(RATE, *args)
    state = init({"w": X})
    for i in range(steps):
        state = jax.jit(update)(i, {"w": G}, state)
    return np.asarray(params(state)["w"])


def test_optimizers_follow_their_formulas():
    np.testing.assert_allclose(run("sgd"), X - 2 * RATE * G, rtol=1e-6)
    np.testing.assert_allclose(run("momentum", 0.9), X - RATE * (G + 1.9 * G), rtol=1e-6)
    v = 0.9 * G + G
    np.testing.assert_allclose(
        run("nesterov", 0.9), X - RATE * (0.9 * G + G) - RATE * (0.9 * v + G), rtol=1e-6
    )
    # Equal gradients: both means are the gradient itself, and the step its sign.
    np.testing.assert_allclose(run("adam"), X - 2 * RATE * np.sign(G), rtol=1e-4)
    np.testing.assert_allclose(run("adamax"), X - 2 * RATE * np.sign(G), rtol=1e-4)
    root = np.sqrt(0.1 * G * G + 1e-8)
    np.testing.assert_allclose(run("rmsprop", steps=1), X - RATE * G / root, rtol=1e-5)
    np.testing.assert_allclose(run("rmsprop_momentum", steps=1), X - RATE * G / root, rtol=1e-5)
    np.testing.assert_allclose(run("adagrad", steps=1), X - RATE * 0.1 * np.sign(G), rtol=1e-5)
    np.testing.assert_allclose(run("sm3", steps=1), X - RATE * 0.1 * np.sign(G), rtol=1e-5)


def test_states_are_packed_and_checked():
    init, update, _ = optimizers.adam(RATE)
    state = init({"w": X})
    again = optimizers.pack_optimizer_state(optimizers.unpack_optimizer_state(state))
    assert jax.tree.structure(again) == jax.tree.structure(state)
    with pytest.raises(TypeError, match="gradients are of the tree"):
        update(0, [G], state)
    with pytest.raises(TypeError, match="step size"):
        optimizers.sgd(np.ones(2))


def test_schedules():
    decay = optimizers.piecewise_constant([3, 6], [1.0, 2.0, 3.0])
    assert [float(decay(i)) for i in (0, 4, 9)] == [1, 2, 3]
    np.testing.assert_allclose(optimizers.exponential_decay(0.1, 10, 0.5)(20), 0.025)
    np.testing.assert_allclose(optimizers.inverse_time_decay(0.1, 10, 0.5, True)(15), 0.1 / 1.5)
    np.testing.assert_allclose(optimizers.polynomial_decay(0.1, 10, 0.01)(99), 0.01, rtol=1e-6)
    np.testing.assert_allclose(optimizers.l2_norm(optimizers.clip_grads([X, G], 1.0)), 1, rtol=1e-6)


def test_shapes_of_layers_are_those_of_results():
    net_init, net_apply = stax.serial(
        stax.Conv(4, (3, 3), padding="SAME"), stax.BatchNorm(), stax.Relu,
        stax.MaxPool((2, 2), (2, 2)), stax.AvgPool((2, 2), padding="SAME"), stax.SumPool((2, 2)),
        stax.ConvTranspose(3, (2, 2), (2, 2)), stax.Flatten, stax.FanOut(2),
        stax.parallel(stax.Dense(5), stax.serial(stax.Dense(5), stax.Tanh)), stax.FanInSum,
        stax.FanOut(2), stax.parallel(stax.Identity, stax.Gelu), stax.FanInConcat(),
        stax.Dropout(0.7), stax.shape_dependent(lambda shape: stax.Dense(shape[-1] // 2)),
        stax.LogSoftmax,
    )  # fmt: skip
    shape, params = net_init(random.PRNGKey(0), (2, 8, 8, 3))
    out = net_apply(params, np.ones((2, 8, 8, 3), np.float32), rng=random.PRNGKey(1))
    assert shape == out.shape == (2, 5)
    np.testing.assert_allclose(jnp.exp(out).sum(1), 1, rtol=1e-5)


def test_dropout_keeps_a_part():
    _, apply = stax.Dropout(0.75)
    out = apply((), np.ones(10000, np.float32), rng=random.PRNGKey(0))
    assert abs(float((out > 0).mean()) - 0.75) < 0.02 and abs(float(out.mean()) - 1) < 0.03
    with pytest.raises(ValueError, match="expected a key"):
        apply((), X)
    assert stax.Dropout(0.5, mode="test")[1]((), X, rng=0) is X


def test_average_at_the_edge_counts_elements_that_are_there():
    init, apply = stax.AvgPool((2, 2), padding="SAME")
    x = np.ones((1, 3, 3, 1), np.float32)
    np.testing.assert_array_equal(apply((), x), x)
    assert init(None, x.shape)[0] == x.shape
