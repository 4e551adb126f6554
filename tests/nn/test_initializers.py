"""Initializers: their variances, bounds, structure, dtypes and errors."""

import numpy as np
import pytest

import gradax as jax
from gradax.nn import initializers

KEY = jax.random.key(3)
SHAPE = (60, 100)


@pytest.mark.parametrize(
    ("name", "variance"),
    [
        ("glorot_uniform", 2 / 160),
        ("glorot_normal", 2 / 160),
        ("xavier_uniform", 2 / 160),
        ("lecun_uniform", 1 / 60),
        ("lecun_normal", 1 / 60),
        ("he_uniform", 2 / 60),
        ("he_normal", 2 / 60),
        ("kaiming_normal", 2 / 60),
    ],
)
def test_variances(name, variance):
    found = np.asarray(getattr(initializers, name)()(KEY, SHAPE))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found.var(), variance, rtol=0.06)
    assert abs(found.mean()) < 0.1 * np.sqrt(variance)
    bound = {"uniform": np.sqrt(3), "normal": 2 / 0.8796}[name.split("_")[1]] * np.sqrt(variance)
    assert np.abs(found).max() <= bound * 1.0001


@pytest.mark.parametrize(
    ("mode", "fan"),
    [("fan_in", 15), ("fan_out", 30), ("fan_avg", 22.5), ("fan_geo_avg", np.sqrt(450))],
)
def test_modes_count_the_receptive_field(mode, fan):
    init = initializers.variance_scaling(2.0, mode, "normal")
    found = init(KEY, (3, 5, 10))
    drawn = jax.random.normal(KEY, (3, 5, 10))
    np.testing.assert_allclose(found, drawn * np.float32(np.sqrt(2 / fan)), rtol=1e-6)


def test_axes():
    init = initializers.variance_scaling(
        1.0, "fan_out", "uniform", in_axis=1, out_axis=2, batch_axis=0
    )
    drawn = jax.random.uniform(KEY, (3, 4, 5), minval=-1)
    np.testing.assert_allclose(init(KEY, (3, 4, 5)), drawn * np.float32(np.sqrt(3 / 5)), rtol=1e-6)


@pytest.mark.parametrize("distribution", ["truncated_normal", "normal", "uniform"])
def test_complex_variances(distribution):
    init = initializers.variance_scaling(1.0, "fan_in", distribution)
    found = np.asarray(init(KEY, SHAPE, "complex64"))
    np.testing.assert_allclose((abs(found) ** 2).mean(), 1 / 60, rtol=0.06)


def test_simple_ones():
    np.testing.assert_array_equal(initializers.zeros(KEY, (2, 3)), np.zeros((2, 3)))
    assert initializers.ones(KEY, (2,), "bfloat16").dtype.name == "bfloat16"
    assert initializers.constant(7)(KEY, (2,)).tolist() == [7, 7]
    assert initializers.constant(7, "int32")(KEY, (2,)).dtype == np.int32
    uniform = np.asarray(initializers.uniform(0.5)(KEY, SHAPE))
    assert uniform.min() >= 0 and 0.49 < uniform.max() < 0.5
    np.testing.assert_allclose(initializers.normal(0.1)(KEY, SHAPE).std(), 0.1, rtol=0.05)
    cut = np.asarray(initializers.truncated_normal(0.1, lower=-1.0, upper=0.5)(KEY, SHAPE))
    assert cut.min() >= -0.1 and cut.max() <= 0.05


@pytest.mark.parametrize("shape", [(4, 6), (6, 4), (3, 4, 5), (5, 5)])
def test_orthogonal(shape):
    found = np.asarray(initializers.orthogonal(2.0)(KEY, shape)).reshape(-1, shape[-1])
    product = found @ found.T if found.shape[0] < found.shape[1] else found.T @ found
    np.testing.assert_allclose(product, 4 * np.eye(len(product)), atol=1e-5)


def test_delta_orthogonal():
    found = np.array(initializers.delta_orthogonal()(KEY, (3, 3, 4, 8)))
    centre = found[1, 1]
    np.testing.assert_allclose(centre @ centre.T, np.eye(4), atol=1e-5)
    found[1, 1] = 0
    assert not found.any()


def test_under_jit():
    init = initializers.he_normal()
    np.testing.assert_array_equal(jax.jit(lambda k: init(k, (3, 4)))(KEY), init(KEY, (3, 4)))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: initializers.he_normal()(KEY, (3,)), r"at least two axes; got shape \(3,\)"),
        (lambda: initializers.orthogonal()(KEY, (3,)), "at least two axes"),
        (lambda: initializers.delta_orthogonal()(KEY, (3, 3, 8, 4)), "delta_orthogonal"),
        (lambda: initializers.variance_scaling(1.0, "fan", "normal"), "the mode is one of"),
        (lambda: initializers.variance_scaling(1.0, "fan_in", "beta"), "the distribution is one"),
    ],
)
def test_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call()
