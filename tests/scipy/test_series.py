"""Hypergeometric, Bessel and Faddeeva's functions, harmonics, against SciPy."""

import numpy as np
import pytest
from scipy import special as reference

import gradax as jax
from gradax.scipy import special
from gradax.test_util import check_grads

TOLERANCE = {np.float32: 5e-5, np.float64: 1e-10}


@pytest.fixture(params=[np.float32, np.float64])
def dtype(request):
    with jax.enable_x64(request.param is np.float64):
        yield request.param


def close(found, expected, dtype, floor=1.0):
    assert np.shape(found) == np.shape(expected)
    tol = TOLERANCE[dtype]
    np.testing.assert_allclose(found, expected, rtol=tol, atol=tol * floor)


def test_hyp1f1(dtype):
    x = np.linspace(-40, 40, 33).astype(dtype)
    for a, b in ((1.5, 2.5), (1.0, 2.0), (0.3, 5.0)):
        close(special.hyp1f1(a, b, x), reference.hyp1f1(a, b, x.astype(float)), dtype, 1e-3)
    check_grads(special.hyp1f1, (dtype(1), dtype(2), dtype(3)), 1)


def test_hyp2f1(dtype):
    x = np.linspace(-5, 0.99, 41).astype(dtype)
    # Where c - a - b is no integer, or x is at most 0.9.
    for abc in ((0.5, 1.5, 2.7), (2.3, 0.2, 4.0), (-2.0, 1.0, 3.0), (0.5, 0.5, 1.5)):
        close(special.hyp2f1(*abc, x), reference.hyp2f1(*abc, x.astype(float)), dtype)
    near = x[np.abs(x) < 0.9]
    close(special.hyp2f1(1.0, 2.0, 3.0, near), reference.hyp2f1(1, 2, 3, near.astype(float)), dtype)
    close(special.hyp2f1(1.0, 2.0, 4.0, 1.0), 3.0, dtype)
    assert special.hyp2f1(1.0, 2.0, 3.0, 1.0) == np.inf
    assert np.isnan(special.hyp2f1(1.0, 2.0, 3.0, 2.0))
    check_grads(special.hyp2f1, tuple(map(dtype, (1, 2, 3.3, 0.4))), 1)


def test_owens_t(dtype):
    slopes = np.array([-10, -2, -1, -0.3, 0, 0.3, 1, 2, 10, np.inf])
    h, a = (x.astype(dtype) for x in np.meshgrid(np.linspace(-5, 5, 21), slopes))
    close(special.owens_t(h, a), reference.owens_t(h.astype(float), a.astype(float)), dtype, 1e-3)
    check_grads(special.owens_t, (dtype(1), dtype(0.5)), 2)


def test_wofz(dtype):
    x, y = np.meshgrid(np.linspace(-8, 8, 33), np.linspace(-2, 8, 21))
    z = (x + 1j * y).astype(np.complex64 if dtype is np.float32 else np.complex128)
    close(special.wofz(z), reference.wofz(z.astype(complex)), dtype)
    real = np.linspace(-5, 5, 21).astype(dtype)
    close(special.wofz(real), reference.wofz(real.astype(float)), dtype, 1e-9)
    check_grads(special.wofz, (dtype(1) + dtype(0.5) * 1j,), 2)


def test_bessel_jn(dtype):
    z = np.array([[0, 1e-3, 0.5, 2, 10], [24.9, 25, 30, 100, -3]]).astype(dtype)
    expected = np.stack([reference.jv(k, z.astype(float)) for k in range(7)])
    found = special.bessel_jn(z, v=6)
    tol = 1e-6 if dtype is np.float32 else 1e-12
    np.testing.assert_allclose(found, expected, rtol=0, atol=tol)
    check_grads(lambda x: special.bessel_jn(x, v=3), (z[:, 2:],), 1)
    with pytest.raises(TypeError, match="integer order"):
        special.bessel_jn(z, v=1.5)


def test_sph_harm_y(dtype):
    n = np.array([0, 1, 2, 3, 5, 8, 8, 8, 20, 3])
    m = np.array([0, -1, 2, 0, -3, 8, -8, 4, 7, -3])
    theta, phi = (np.linspace(*ends, 10).astype(dtype) for ends in ((0.1, 3), (0, 6)))
    expected = reference.sph_harm_y(n, m, theta.astype(float), phi.astype(float))
    close(special.sph_harm_y(n, m, theta, phi), expected, dtype)
    found = jax.jit(lambda k: special.sph_harm_y(k, 2, 0.3, 0.4, n_max=5))(3)
    close(found, reference.sph_harm_y(3, 2, 0.3, 0.4), dtype)
    check_grads(lambda t, p: special.sph_harm_y(n, m, t, p).real, (theta, phi), 1)
    with pytest.raises(NotImplementedError, match="diff_n"):
        special.sph_harm_y(n, m, theta, phi, diff_n=1)
