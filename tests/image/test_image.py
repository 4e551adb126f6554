"""Resizing images: what interpolation keeps, and values that JAX gave."""

import numpy as np
import pytest

import gradax as jax
from gradax import image

SMOOTH = ("linear", "cubic", "lanczos3", "lanczos5")
X = np.random.default_rng(0).normal(size=(2, 7, 5, 3)).astype(np.float32)
RAMP = np.arange(6, dtype=np.float32)


@pytest.mark.parametrize("method", ["nearest", *SMOOTH, "bilinear", "bicubic", "triangle"])
def test_the_same_size_changes_nothing(method):
    np.testing.assert_array_equal(image.resize(X, X.shape, method), X)


@pytest.mark.parametrize("method", ["nearest", *SMOOTH])
@pytest.mark.parametrize("shape", [(2, 14, 10, 3), (2, 3, 2, 3), (2, 9, 4, 3), (4, 7, 5, 1)])
def test_constants_stay(method, shape):
    found = image.resize(np.full_like(X, 2.5), shape, method)
    assert found.shape == shape
    np.testing.assert_allclose(found, np.full(shape, 2.5), rtol=1e-5)


# JAX's, of 0 … 5.
KNOWN = {
    ("nearest", 9): [0, 1, 1, 2, 3, 3, 4, 5, 5],
    ("linear", 9): [0, 0.5, 1.1666666, 1.8333333, 2.5, 3.1666667, 3.8333335, 4.5, 5],
    ("linear", 3): [0.71428573, 2.5, 4.2857146],
}


@pytest.mark.parametrize(("method", "n"), KNOWN)
def test_known_values(method, n):
    np.testing.assert_allclose(image.resize(RAMP, (n,), method), KNOWN[method, n], rtol=1e-5)


@pytest.mark.parametrize("method", ["linear", "cubic"])
def test_ramps_stay_inside(method):
    found = np.asarray(image.resize(RAMP, (12,), method))
    np.testing.assert_allclose(found[4:8], (np.arange(12) / 2 - 0.25)[4:8], rtol=1e-5)


def test_nearest_keeps_the_dtype_and_others_make_floats():
    whole = np.arange(6, dtype=np.int32)
    assert image.resize(whole, (3,), "nearest").dtype == np.int32
    assert image.resize(whole, (3,), "linear").dtype == np.float32


def test_antialiasing_sees_every_pixel():
    spike = np.zeros(8, np.float32)
    spike[3] = 1
    assert np.all(np.asarray(image.resize(spike, (2,), "linear", antialias=False)) == 0)
    assert np.asarray(image.resize(spike, (2,), "linear"))[0] > 0.1


@pytest.mark.parametrize("method", SMOOTH)
def test_translation_by_whole_pixels(method):
    found = image.scale_and_translate(
        RAMP, (6,), (0,), np.ones(1, np.float32), np.full(1, 2.0, np.float32), method
    )
    np.testing.assert_allclose(found, [0, 0, 0, 1, 2, 3], atol=1e-6)


def test_scaling_is_resizing():
    scale = np.array([14 / 7, 10 / 5], np.float32)
    found = image.scale_and_translate(X, (2, 14, 10, 3), (1, 2), scale, np.zeros(2), "cubic")
    np.testing.assert_allclose(found, image.resize(X, (2, 14, 10, 3), "cubic"), atol=1e-5)


def test_transformed():
    resize = lambda x: image.resize(x, (9, 4, 3), "cubic")
    # Positions up to 7 are float32, whose ulp there is 5e-7, and cubic weights fall as fast as 1.3.
    np.testing.assert_allclose(jax.jit(jax.vmap(resize))(X), [resize(x) for x in X], atol=4e-6)
    slope = jax.grad(lambda x: resize(x).sum())(X[0])
    h = np.zeros_like(X[0])
    h[2, 3, 1] = 1
    np.testing.assert_allclose(slope[2, 3, 1], resize(h).sum(), rtol=1e-5)
    shift = lambda t: image.scale_and_translate(
        RAMP, (6,), (0,), np.ones(1, np.float32), t, "linear"
    )[3]
    np.testing.assert_allclose(jax.grad(shift)(np.full(1, 0.3, np.float32)), [-1], rtol=1e-5)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: image.resize(X, X.shape, "odd"), "the method is one of nearest, linear"),
        (lambda: image.resize(X, (2, 3), "linear"), r"has 4 axes as the image has; got \(2, 3\)"),
        (
            lambda: image.scale_and_translate(X, X.shape, (1,), [1.0], [0.0], "nearest"),
            "is for resize only",
        ),
        (
            lambda: image.scale_and_translate(
                X, (2, 7, 6, 3), (1,), np.ones(1), np.zeros(1), "linear"
            ),
            "Incompatible shapes for scale_and_translate",
        ),
    ],
)
def test_errors(call, message):
    with pytest.raises((ValueError, TypeError), match=message):
        call()
