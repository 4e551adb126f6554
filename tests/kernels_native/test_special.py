"""Functions of two and three arguments, against SciPy's."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.special

from .calls import call, code

POLYGAMMA, ZETA, IGAMMA, IGAMMAC, IGAMMA_SLOPE, SAMPLE_SLOPE, BETAINC = range(7)


def special(function, *ins, n_threads=2):
    out = np.full_like(ins[0], 7)
    call("special", ins, [out], [function, code(ins[0]), ins[0].size], n_threads)
    return out


def draw(low, high, dtype, n=1000, seed=0):
    return np.random.default_rng(seed).uniform(low, high, n).astype(dtype)


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize(
    ("function", "oracle", "first", "second"),
    [
        (POLYGAMMA, scipy.special.polygamma, None, (0.1, 30)),
        (ZETA, scipy.special.zeta, (1.1, 20), (0.1, 30)),
        (IGAMMA, scipy.special.gammainc, (0.1, 60), (0, 90)),
        (IGAMMAC, scipy.special.gammaincc, (0.1, 60), (0, 90)),
    ],
)
def test_two_arguments(function, oracle, first, second, dtype):
    x = draw(*first, dtype) if first else np.arange(1000).astype(dtype) % 5
    y = draw(*second, dtype, seed=1)
    got = special(function, x, y)
    for n_threads in (1, 5):
        np.testing.assert_array_equal(special(function, x, y, n_threads=n_threads), got)
    degree = x.astype(np.int64) if function == POLYGAMMA else x.astype(np.float64)
    want = oracle(degree, y.astype(np.float64))
    # Where functions of the gamma family are tiny, SciPy's own are not better than this.
    rtol = 1e-6 if dtype == "f4" else 1e-10
    np.testing.assert_allclose(got, want.astype(dtype), rtol=rtol, atol=1e-13)


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_betainc(dtype):
    ins = draw(0.1, 40, dtype), draw(0.1, 40, dtype, seed=1), draw(0, 1, dtype, seed=2)
    want = scipy.special.betainc(*(x.astype(np.float64) for x in ins))
    rtol = 1e-6 if dtype == "f4" else 1e-10
    np.testing.assert_allclose(special(BETAINC, *ins), want.astype(dtype), rtol=rtol, atol=1e-30)


def test_slopes_by_the_shape():
    a, x, step = draw(0.5, 20, "f8"), draw(0.1, 25, "f8", seed=1), 1e-5
    above, below = (scipy.special.gammainc(a + s * step, x) for s in (1, -1))
    slope = (above - below) / (2 * step)
    np.testing.assert_allclose(special(IGAMMA_SLOPE, a, x), slope, rtol=1e-5, atol=1e-8)
    density = np.exp((a - 1) * np.log(x) - x - scipy.special.gammaln(a))
    samples = special(SAMPLE_SLOPE, a, x)
    likely = density > 1e-3
    np.testing.assert_allclose(samples[likely], (-slope / density)[likely], rtol=1e-4, atol=1e-6)
