"""Values between grid points, nearest codes and integrals of samples against SciPy."""

import numpy as np
import pytest
from scipy import integrate as reference_integrate
from scipy import interpolate as reference_interpolate
from scipy import ndimage as reference
from scipy.cluster import vq as reference_vq

import gradax as jax
from gradax.scipy import integrate, interpolate, ndimage
from gradax.scipy.cluster import vq

RNG = np.random.default_rng(0)
IMAGE = RNG.normal(size=(5, 6))
PLACES = [RNG.uniform(-9, 12, size=(7, 11)), RNG.uniform(-9, 12, size=(7, 11))]


@pytest.fixture(autouse=True)
def wide():
    with jax.enable_x64(True):
        yield


@pytest.mark.parametrize("mode", ["constant", "nearest", "wrap", "mirror", "reflect"])
@pytest.mark.parametrize("order", [0, 1])
def test_map_coordinates(order, mode):
    found = ndimage.map_coordinates(IMAGE, PLACES, order, mode, cval=0.5)
    # Ours wrap by the number of elements, which SciPy calls grid-wrap; what lies between an
    # element and cval is SciPy's grid-constant.
    grid = {"wrap": "grid-wrap", "constant": "grid-constant"}.get(mode, mode)
    expected = reference.map_coordinates(IMAGE, PLACES, order=order, mode=grid, cval=0.5)
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-12)
    whole = [np.arange(-7, 12).astype(float)[:, None] + np.zeros(18), np.arange(-7.0, 11) + 0]
    places = np.broadcast_arrays(*whole)
    found = ndimage.map_coordinates(IMAGE, places, order, mode)
    expected = reference.map_coordinates(IMAGE, places, order=order, mode=grid)
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-12)


def test_map_coordinates_of_integers():
    image = np.arange(30).reshape(5, 6)
    found = ndimage.map_coordinates(image, [[1.5, 2.2], [0.3, 4.9]], 1)
    assert found.dtype == image.dtype
    np.testing.assert_array_equal(found, [9, 18])


def test_map_coordinates_transformed():
    f = lambda image, t: ndimage.map_coordinates(image, [t, 2 * t], 1).sum()
    t = np.array([0.3, 1.4])
    slope = jax.jit(jax.grad(f, argnums=1))(IMAGE, t)
    h = 1e-6
    for k in range(2):
        step = h * np.eye(2)[k]
        expected = (f(IMAGE, t + step) - f(IMAGE, t - step)) / (2 * h)
        np.testing.assert_allclose(slope[k], expected, rtol=1e-6)
    weights = jax.grad(f)(IMAGE, t)
    np.testing.assert_allclose(weights.sum(), 2)
    mapped = jax.vmap(lambda t: f(IMAGE, t))(np.stack([t, t + 0.1]))
    np.testing.assert_allclose(mapped, [f(IMAGE, t), f(IMAGE, t + 0.1)])


@pytest.mark.parametrize("method", ["linear", "nearest"])
@pytest.mark.parametrize("fill", [np.nan, 3.0, None])
def test_interpolation_on_grids(method, fill):
    points = (np.array([0.0, 1, 2.5, 4]), np.array([-1.0, 0.5, 3]))
    values = RNG.normal(size=(4, 3, 2))
    options = {"method": method, "bounds_error": False, "fill_value": fill}
    found = interpolate.RegularGridInterpolator(points, values, **options)
    expected = reference_interpolate.RegularGridInterpolator(points, values, **options)
    at = np.concatenate([RNG.uniform(-2, 5, size=(40, 2)), [[0, -1], [4, 3], [np.nan, 1]]])
    np.testing.assert_allclose(found(at), expected(at), rtol=1e-9, atol=1e-12)
    at = at.reshape(43, 1, 2)
    np.testing.assert_allclose(jax.jit(lambda f, x: f(x))(found, at), expected(at), rtol=1e-9)
    both = (at[..., 0], at[..., 1])
    np.testing.assert_allclose(found(both), expected(both), rtol=1e-9)


def test_slopes_of_interpolation():
    f = interpolate.RegularGridInterpolator((np.arange(4.0),), np.arange(4.0) ** 2)
    np.testing.assert_allclose(jax.grad(lambda x: f(x[None])[0])(np.array([1.3])), [3])


@pytest.mark.parametrize("shape", [(), (3,)])
def test_vector_quantization(shape):
    obs, codes = RNG.normal(size=(20, *shape)), RNG.normal(size=(5, *shape))
    found, expected = vq.vq(obs, codes), reference_vq.vq(obs, codes)
    np.testing.assert_array_equal(found[0], expected[0])
    np.testing.assert_allclose(found[1], expected[1])


def test_trapezoids():
    x = np.sort(RNG.normal(size=6))
    np.testing.assert_allclose(
        integrate.trapezoid(IMAGE, x), reference_integrate.trapezoid(IMAGE, x)
    )


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: ndimage.map_coordinates(IMAGE, PLACES[:1], 1), ValueError, "for 2 dim.*got 1"),
        (lambda: ndimage.map_coordinates(IMAGE, PLACES, 2), NotImplementedError, "got 2"),
        (lambda: ndimage.map_coordinates(IMAGE, PLACES, 1, "x"), NotImplementedError, "got 'x'"),
        (
            lambda: interpolate.RegularGridInterpolator((np.arange(5),), IMAGE, "cubic"),
            ValueError,
            "got 'cubic'",
        ),
        (
            lambda: interpolate.RegularGridInterpolator((np.arange(4),), IMAGE),
            ValueError,
            "one vector of points",
        ),
        (
            lambda: interpolate.RegularGridInterpolator((-np.arange(5),), IMAGE),
            ValueError,
            "increase",
        ),
        (
            lambda: interpolate.RegularGridInterpolator((np.arange(5),), IMAGE)(np.ones((3, 2))),
            ValueError,
            "points have 1 coordinates",
        ),
        (lambda: vq.vq(IMAGE, IMAGE[:, :3]), ValueError, "rows of one length"),
    ],
)
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call()
