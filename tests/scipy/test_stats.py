"""Distributions and statistics of samples against SciPy."""

import numpy as np
import pytest
from scipy import stats as reference

import gradax as jax
from gradax.scipy import stats

RNG = np.random.default_rng(0)
X = np.concatenate([RNG.normal(size=200) * 3, [-30, 30, 0, 1, -1.0]])
Q = np.concatenate([np.linspace(0, 1, 21), [-0.1, 1.1, 1e-10]])
K = np.arange(-2, 25).astype(float)
FUNCTIONS = ("logpdf", "pdf", "cdf", "logcdf", "sf", "logsf", "ppf", "isf")

CONTINUOUS = {
    "norm": (),
    "uniform": (),
    "expon": (),
    "laplace": (),
    "logistic": (),
    "cauchy": (),
    "gumbel_l": (),
    "gumbel_r": (),
    "pareto": (2.5,),
    "gamma": (2.3,),
    "chi2": (3.0,),
    "beta": (2.0, 3.5),
    "t": (4.0,),
    "truncnorm": (-1.0, 2.0),
}
DISCRETE = {
    "bernoulli": (0.25,),
    "binom": (12, 0.3),
    "nbinom": (4.5, 0.3),
    "betabinom": (12, 2.0, 3.0),
    "geom": (0.3,),
    "poisson": (4.2,),
}


@pytest.fixture(autouse=True)
def wide():
    with jax.enable_x64(True):
        yield


def cases(table, functions):
    return [
        (name, function)
        for name in table
        for function in functions
        if hasattr(getattr(stats, name), function)
    ]


@pytest.mark.parametrize(("name", "function"), cases(CONTINUOUS, FUNCTIONS))
def test_continuous(name, function):
    at = Q if function in ("ppf", "isf") else X
    parameters = (*CONTINUOUS[name], 0.3, 1.7)
    found = getattr(getattr(stats, name), function)(at, *parameters)
    with np.errstate(all="ignore"):
        expected = getattr(getattr(reference, name), function)(at, *parameters)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-300)


@pytest.mark.parametrize(("name", "function"), cases(DISCRETE, ("logpmf", "pmf", "cdf", "ppf")))
def test_discrete(name, function):
    at = Q if function == "ppf" else K
    found = getattr(getattr(stats, name), function)(at, *DISCRETE[name])
    expected = getattr(getattr(reference, name), function)(at, *DISCRETE[name])
    np.testing.assert_allclose(found, expected, rtol=1e-10)


@pytest.mark.parametrize("name", ["norm", "gamma", "beta", "t", "truncnorm", "cauchy", "logistic"])
def test_scores(name):
    x = np.linspace(0.05, 0.95, 9)
    parameters = CONTINUOUS[name]
    slope = jax.vmap(jax.grad(lambda x: getattr(stats, name).logpdf(x, *parameters)))(x)
    f, h = getattr(reference, name).logpdf, 1e-6
    expected = (f(x + h, *parameters) - f(x - h, *parameters)) / (2 * h)
    np.testing.assert_allclose(slope, expected, rtol=1e-6, atol=1e-8)


def test_far_tails():
    assert np.isfinite(stats.norm.logcdf(-1e3))
    np.testing.assert_allclose(
        stats.truncnorm.logpdf(9.5, 9.0, 10.0), reference.truncnorm.logpdf(9.5, 9, 10), rtol=1e-9
    )
    np.testing.assert_allclose(
        stats.truncnorm.logcdf(9.1, 9.0, np.inf), reference.truncnorm.logcdf(9.1, 9, np.inf),
        rtol=1e-8,
    )  # fmt: skip


def test_others():
    np.testing.assert_allclose(stats.gennorm.logpdf(X, 1.5), reference.gennorm.logpdf(X, 1.5))
    np.testing.assert_allclose(stats.gennorm.cdf(X, 1.5), reference.gennorm.cdf(X, 1.5), atol=1e-15)
    around = X[:200] / 4
    np.testing.assert_allclose(
        stats.vonmises.logpdf(around, 2.5), reference.vonmises.logpdf(around, 2.5)
    )
    np.testing.assert_allclose(
        stats.wrapcauchy.logpdf(X, 0.4), reference.wrapcauchy.logpdf(X, 0.4), rtol=1e-9
    )
    means = np.array([0.0, 0.3, 5, 10, 50, 100, 101, 1000])
    expected = [reference.poisson.entropy(m) for m in means]
    np.testing.assert_allclose(stats.poisson.entropy(means), expected, rtol=1e-6, atol=1e-12)


def test_multivariate():
    alpha = np.array([1.0, 2.0, 3.0])
    points = RNG.dirichlet(alpha, 5).T
    expected = reference.dirichlet.logpdf(points, alpha)
    np.testing.assert_allclose(stats.dirichlet.logpdf(points, alpha), expected)
    np.testing.assert_allclose(stats.dirichlet.logpdf(points[:2], alpha), expected)
    counts, p = np.array([[3, 4, 5], [1, 1, 9], [12, 0, 0]]), np.array([0.2, 0.3, 0.5])
    np.testing.assert_allclose(
        stats.multinomial.logpmf(counts, 12, p), reference.multinomial.logpmf(counts, 12, p)
    )


def test_multivariate_normal():
    a = RNG.normal(size=(3, 3))
    cov, mean, y = a @ a.T + np.eye(3), RNG.normal(size=3), RNG.normal(size=(7, 3))
    normal, expected = stats.multivariate_normal, reference.multivariate_normal
    np.testing.assert_allclose(normal.logpdf(y, mean, cov), expected.logpdf(y, mean, cov))
    np.testing.assert_allclose(normal.pdf(y, mean, 2.0), expected.pdf(y, mean, 2.0))
    np.testing.assert_allclose(normal.logpdf(y[:, 0], 1.0, 2.0), expected.logpdf(y[:, 0], 1.0, 2.0))
    mapped = jax.vmap(lambda y: normal.logpdf(y, mean, cov))(y)
    np.testing.assert_allclose(mapped, expected.logpdf(y, mean, cov))


@pytest.mark.parametrize(
    "options",
    [{}, {"bw_method": "silverman"}, {"bw_method": 0.3}, {"weights": RNG.random(30)}],
)
def test_density_estimates(options):
    data, points = RNG.normal(size=(2, 30)), RNG.normal(size=(2, 6))
    found = stats.gaussian_kde(data, **options)
    expected = reference.gaussian_kde(data, **options)
    np.testing.assert_allclose(found(points), expected(points))
    np.testing.assert_allclose(found.logpdf(points), expected.logpdf(points))
    mean, cov = np.array([0.3, -0.2]), np.array([[1.0, 0.2], [0.2, 2.0]])
    np.testing.assert_allclose(
        found.integrate_gaussian(mean, cov), expected.integrate_gaussian(mean, cov)
    )
    np.testing.assert_allclose(found.integrate_kde(found), expected.integrate_kde(expected))
    assert found.resample(jax.random.key(0), (4,)).shape == (2, 4)
    np.testing.assert_allclose(jax.jit(lambda k, p: k.pdf(p))(found, points), expected(points))


def test_density_estimate_of_a_line():
    data = RNG.normal(size=40)
    found, expected = stats.gaussian_kde(data), reference.gaussian_kde(data)
    np.testing.assert_allclose(found.integrate_box_1d(-1, 0.5), expected.integrate_box_1d(-1, 0.5))


@pytest.mark.parametrize("axis", [0, 1, None])
def test_statistics_of_samples(axis):
    x = RNG.integers(0, 5, (6, 7))
    np.testing.assert_array_equal(stats.mode(x, axis).mode, reference.mode(x, axis).mode)
    np.testing.assert_array_equal(
        stats.mode(x, axis, keepdims=True).count, reference.mode(x, axis, keepdims=True).count
    )
    np.testing.assert_allclose(stats.sem(x, axis), reference.sem(x, axis))
    for method in ("average", "min", "max", "dense", "ordinal"):
        found = stats.rankdata(x, method, axis=axis)
        np.testing.assert_array_equal(found, reference.rankdata(x, method, axis=axis))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: stats.rankdata(X, "odd"), ValueError, "the method is one of"),
        (lambda: stats.mode(X, nan_policy="omit"), NotImplementedError, "nan_policy='omit'"),
        (lambda: stats.mode(X, nan_policy="x"), ValueError, "got 'x'"),
        (lambda: stats.dirichlet.logpdf(X[:5], X[:3]), ValueError, "dirichlet.logpdf: got x"),
        (lambda: stats.gaussian_kde(1.0), ValueError, "one or two axes"),
        (lambda: stats.gaussian_kde(X, "x"), ValueError, "bw_method is"),
    ],
)
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call()
