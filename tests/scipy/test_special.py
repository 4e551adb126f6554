"""Special functions against SciPy in double precision, their derivatives against differences."""

import numpy as np
import pytest
from scipy import special as reference

import gradax as jax
from gradax.scipy import special

INF = np.inf
X = np.concatenate([np.linspace(-30, 30, 121), [-1e3, 1e3, -1e-3, 1e-3, 1e-10, INF, -INF, np.nan]])
SMALL = np.linspace(-24.3, 24.9, 77)
POSITIVE = np.concatenate([np.linspace(0.01, 60, 150), [1e-8, 1e3, INF]])
P = np.concatenate([np.linspace(0, 1, 101), 10.0 ** -np.arange(1, 300, 13), [1 - 1e-9]])
A, B = np.meshgrid(np.linspace(0.1, 20, 15), np.linspace(0.1, 30, 14))
ABX = tuple(np.meshgrid(np.linspace(0.1, 20, 8), np.linspace(0.1, 30, 7), np.linspace(0, 1, 9)))
N = np.arange(6)[:, None]

ARGUMENTS = {
    "bernoulli": (20,),
    "beta": (A, B),
    "betainc": ABX,
    "betaln": (A, B),
    "boxcox": (A, B / 10 - 1),
    "boxcox1p": (A, B / 10 - 1),
    "comb": (np.arange(20)[:, None], np.arange(20)),
    "dawsn": (X,),
    "digamma": (POSITIVE,),
    "entr": (X,),
    "erf": (X,),
    "erfc": (X,),
    "erfcx": (X,),
    "erfinv": (np.linspace(-1, 1, 101),),
    "exp1": (POSITIVE,),
    "expi": (X,),
    "expit": (X,),
    "expn": (N, POSITIVE),
    "factorial": (np.arange(-1, 20),),
    "gamma": (SMALL,),
    "gammainc": (A, B),
    "gammaincc": (A, B),
    "gammaln": (POSITIVE,),
    "gammasgn": (X,),
    "i0": (SMALL,),
    "i0e": (X,),
    "i1": (SMALL,),
    "i1e": (X,),
    "kl_div": (A, B),
    "log_ndtr": (X,),
    "log_softmax": (SMALL,),
    "logit": (P,),
    "logsumexp": (SMALL,),
    "multigammaln": (np.linspace(3, 10, 9), 3),
    "ndtr": (X,),
    "ndtri": (P,),
    "poch": (A, B / 4),
    "polygamma": (N[:5], POSITIVE),
    "rel_entr": (A - 0.1, B - 0.1),
    "softmax": (SMALL,),
    "spence": (POSITIVE,),
    "xlog1py": (A - 0.1, B - 0.1),
    "xlogy": (A - 0.1, B - 0.1),
    "zeta": (A + 1.05, B),
}


@pytest.fixture
def wide():
    with jax.enable_x64(True):
        yield


@pytest.mark.parametrize("name", ARGUMENTS)
def test_values(name, wide):
    arguments = ARGUMENTS[name]
    found = np.asarray(getattr(special, name)(*arguments))
    with np.errstate(all="ignore"):
        expected = getattr(reference, name)(*arguments)
    assert found.shape == np.shape(expected)
    np.testing.assert_allclose(found, expected, rtol=2e-11, atol=1e-300)


PAIRS = {
    "fresnel": np.concatenate([np.linspace(-9, 9, 181), [1e-8, 40.0, INF, -INF, np.nan]]),
    "sici": np.concatenate([np.linspace(0.05, 40, 180), [0, -1.5, -9, 1e-8, INF, -INF, np.nan]]),
}


@pytest.mark.parametrize("name", PAIRS)
def test_pairs_of_values(name, wide):
    x = PAIRS[name]
    for found, expected in zip(getattr(special, name)(x), getattr(reference, name)(x), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=3e-14)
    with jax.enable_x64(False):
        narrow = getattr(special, name)(x.astype(np.float32))
    for found, expected in zip(
        narrow, getattr(reference, name)(x.astype(np.float32).astype(float)), strict=True
    ):
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, expected, rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("name", PAIRS)
def test_slopes_of_pairs(name, which, wide):
    x, h = np.linspace(0.3, 7, 40), 1e-5
    slope = jax.vmap(jax.grad(lambda x: getattr(special, name)(x)[which]))(x)
    f = lambda x: getattr(reference, name)(x)[which]
    np.testing.assert_allclose(slope, (f(x + h) - f(x - h)) / (2 * h), rtol=1e-6, atol=1e-8)


# Where the differences of SciPy's values are good for a derivative.
SMOOTH = {
    "dawsn": SMALL / 4,
    "digamma": POSITIVE[:150],
    "entr": np.linspace(0.1, 9, 30),
    "erf": SMALL / 8,
    "erfc": SMALL / 8,
    "erfcx": SMALL / 8,
    "erfinv": np.linspace(-0.95, 0.95, 30),
    "exp1": POSITIVE[:40],
    "expi": np.linspace(0.2, 50, 60),
    "expit": SMALL / 3,
    # Without the pole at -3.
    "gamma": np.delete(SMALL / 4, 19),
    "gammaln": POSITIVE[:100],
    "i0": SMALL / 3,
    "i0e": SMALL / 3,
    "i1": SMALL / 3,
    "i1e": SMALL / 3,
    "log_ndtr": SMALL,
    "logit": np.linspace(0.05, 0.95, 30),
    "ndtr": SMALL / 5,
    "ndtri": np.linspace(0.01, 0.99, 30),
    "spence": np.linspace(0.05, 5, 40),
}


@pytest.mark.parametrize("name", SMOOTH)
def test_derivatives(name, wide):
    x = SMOOTH[name]
    found = jax.vmap(jax.grad(getattr(special, name)))(x)
    h = 1e-5 * np.maximum(abs(x), 0.1)
    f = getattr(reference, name)
    expected = (f(x + h) - f(x - h)) / (2 * h)
    np.testing.assert_allclose(found, expected, rtol=2e-6, atol=1e-9)


@pytest.mark.parametrize("name", ["xlogy", "xlog1py", "beta", "betaln", "poch", "rel_entr"])
@pytest.mark.parametrize("which", [0, 1])
def test_derivatives_of_two(name, which, wide):
    arguments = [np.linspace(0.3, 4, 20), np.linspace(0.5, 3, 20)]
    slope = jax.vmap(jax.grad(getattr(special, name), argnums=which))(*arguments)
    h = 1e-6
    low, high = (
        getattr(reference, name)(*(a + s * h * (i == which) for i, a in enumerate(arguments)))
        for s in (-1, 1)
    )
    np.testing.assert_allclose(slope, (high - low) / (2 * h), rtol=1e-6, atol=1e-9)


def test_derivatives_at_the_limits(wide):
    assert jax.grad(special.i0)(0.0) == 0
    assert jax.grad(special.i1)(0.0) == 0.5
    assert jax.grad(special.spence)(1.0) == -1
    assert jax.grad(special.xlogy, 1)(0.0, 3.0) == 0
    # Our logarithm is within 1 ulp, not rounded correctly.
    np.testing.assert_allclose(jax.grad(special.xlogy)(0.0, 3.0), np.log(3.0), rtol=2.3e-16)


@pytest.mark.parametrize("name", sorted(set(ARGUMENTS) - {"bernoulli", "comb", "zeta", "expi"}))
def test_single_precision(name):
    arguments = [
        a.astype(np.float32) if isinstance(a, np.ndarray) and a.dtype == float else a
        for a in ARGUMENTS[name]
    ]
    found = np.asarray(getattr(special, name)(*arguments))
    assert found.dtype == np.float32
    with np.errstate(all="ignore"):
        expected = getattr(reference, name)(*arguments)
        size = np.abs(expected) * 3e-4 + 1e-5
        close = np.abs(found - expected) <= size
    huge = np.abs(expected) > 1e37
    assert np.all(close | huge | (found == expected) | np.isnan(expected))


def test_broadcasting_and_integers():
    assert special.gammaln(3).dtype == np.float32
    assert special.beta(np.ones((3, 1)), np.ones(4)).shape == (3, 4)
    assert special.logsumexp(np.zeros((2, 3)), axis=1).shape == (2,)
    assert special.multigammaln(np.ones((2, 3)) * 4, 2).shape == (2, 3)
    np.testing.assert_allclose(special.softmax(np.eye(2), axis=0).sum(0), [1, 1], rtol=1e-6)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: special.multigammaln(3.0, 0), ValueError, "d is a positive integer; got 0"),
        (lambda: special.bernoulli(-1), ValueError, "n is an integer from 0; got -1"),
        (lambda: special.factorial(3, exact=True), NotImplementedError, "math.factorial"),
        (lambda: special.zeta(2.0), NotImplementedError, "q=1"),
        (lambda: special.log_ndtr(1.0, series_order=31), ValueError, "from 0 to 30; got 31"),
        (lambda: special.gammaln(1j), TypeError, "float dtypes; got complex"),
    ],
)
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call()
