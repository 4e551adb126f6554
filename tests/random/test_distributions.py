"""Shapes, dtypes, errors, and whether samples have their distributions (Kolmogorov-Smirnov)."""

import numpy as np
import pytest
from scipy import stats

import gradax
from gradax import random

KEY = random.key(3)
N = 4000
F32 = np.float32

CONTINUOUS = {
    "uniform": (lambda k, s: random.uniform(k, s, minval=-1.0, maxval=3.0), stats.uniform(-1, 4)),
    "normal": (random.normal, stats.norm()),
    "truncated": (
        lambda k, s: random.truncated_normal(k, -1.0, 2.0, s),
        stats.truncnorm(-1, 2),
    ),
    "exponential": (random.exponential, stats.expon()),
    "gumbel": (random.gumbel, stats.gumbel_r()),
    "gumbel high": (lambda k, s: random.gumbel(k, s, mode="high"), stats.gumbel_r()),
    "laplace": (random.laplace, stats.laplace()),
    "cauchy": (random.cauchy, stats.cauchy()),
    "logistic": (random.logistic, stats.logistic()),
    "lognormal": (lambda k, s: random.lognormal(k, 0.5, s), stats.lognorm(0.5)),
    "maxwell": (random.maxwell, stats.maxwell()),
    "pareto": (lambda k, s: random.pareto(k, 2.0, s), stats.pareto(2)),
    "rayleigh": (lambda k, s: random.rayleigh(k, 2.0, s), stats.rayleigh(0, 2)),
    "triangular": (
        lambda k, s: random.triangular(k, -1.0, 0.5, 2.0, s),
        stats.triang(0.5, -1, 3),
    ),
    "wald": (lambda k, s: random.wald(k, 2.0, s), stats.invgauss(2)),
    "weibull": (lambda k, s: random.weibull_min(k, 2.0, 1.5, s), stats.weibull_min(1.5, 0, 2)),
    "gamma": (lambda k, s: random.gamma(k, 2.5, s), stats.gamma(2.5)),
    "gamma small": (lambda k, s: random.gamma(k, 0.2, s), stats.gamma(0.2)),
    "loggamma": (lambda k, s: random.loggamma(k, 0.2, s), stats.loggamma(0.2)),
    "beta": (lambda k, s: random.beta(k, 0.5, 2.0, s), stats.beta(0.5, 2)),
    "chisquare": (lambda k, s: random.chisquare(k, 3.0, s), stats.chi2(3)),
    "f": (lambda k, s: random.f(k, 3.0, 5.0, s), stats.f(3, 5)),
    "t": (lambda k, s: random.t(k, 3.0, s), stats.t(3)),
    "generalized_normal": (
        lambda k, s: random.generalized_normal(k, 3.0, s),
        stats.gennorm(3),
    ),
}

DISCRETE = {
    "bernoulli": (lambda k, s: random.bernoulli(k, 0.3, s), stats.bernoulli(0.3)),
    "bernoulli high": (lambda k, s: random.bernoulli(k, 0.3, s, "high"), stats.bernoulli(0.3)),
    "randint": (lambda k, s: random.randint(k, s, -3, 9), stats.randint(-3, 9)),
    "geometric": (lambda k, s: random.geometric(k, 0.3, s), stats.geom(0.3)),
    "poisson": (lambda k, s: random.poisson(k, 4.0, s), stats.poisson(4)),
    "poisson large": (lambda k, s: random.poisson(k, 30.0, s), stats.poisson(30)),
    "binomial": (lambda k, s: random.binomial(k, 8, 0.3, s), stats.binom(8, 0.3)),
    "binomial mirrored": (lambda k, s: random.binomial(k, 8, 0.8, s), stats.binom(8, 0.8)),
    "binomial large": (lambda k, s: random.binomial(k, 100, 0.4, s), stats.binom(100, 0.4)),
    "categorical": (
        lambda k, s: random.categorical(k, np.log(F32([0.2, 0.5, 0.3])), shape=s),
        stats.rv_discrete(values=([0, 1, 2], [0.2, 0.5, 0.3])),
    ),
    "choice": (
        lambda k, s: random.choice(k, 3, s, p=F32([0.2, 0.5, 0.3])),
        stats.rv_discrete(values=([0, 1, 2], [0.2, 0.5, 0.3])),
    ),
}


@pytest.mark.parametrize("newer", [False, True])
@pytest.mark.parametrize("name", CONTINUOUS)
def test_continuous(name, newer):
    draw, distribution = CONTINUOUS[name]
    with gradax.threefry_partitionable(newer):
        found = np.asarray(draw(KEY, (N,)))
    assert found.dtype == np.float32
    assert stats.kstest(found, distribution.cdf).pvalue > 0.001


@pytest.mark.parametrize("newer", [False, True])
@pytest.mark.parametrize("name", DISCRETE)
def test_discrete(name, newer):
    draw, distribution = DISCRETE[name]
    with gradax.threefry_partitionable(newer):
        found = np.asarray(draw(KEY, (N,))).astype(int)
    values = np.arange(found.min(), found.max() + 1)
    expected = distribution.pmf(values) * N
    is_common = expected > 8
    counts = np.bincount(found - found.min())
    observed = [*counts[is_common], counts[~is_common].sum()]
    wanted = [*expected[is_common], N - expected[is_common].sum()]
    if wanted[-1] < 1:
        observed, wanted = observed[:-1], np.asarray(wanted[:-1]) * N / sum(wanted[:-1])
        observed = np.asarray(observed) * sum(wanted) / sum(observed)
    assert stats.chisquare(observed, wanted).pvalue > 0.001


@pytest.mark.parametrize("dtype", ["float64", "float16", "bfloat16"])
@pytest.mark.parametrize("name", ["uniform", "normal", "exponential", "gumbel", "laplace"])
def test_other_floats(name, dtype):
    with gradax.enable_x64(True):
        found = getattr(random, name)(KEY, (N,), dtype)
        assert found.dtype == np.dtype(dtype) if dtype != "bfloat16" else found.dtype.name == dtype
        values = np.asarray(found.astype("float64"))
    # Short floats are all on a coarse grid; spread them over its cells before the comparison.
    if dtype != "float64":
        digits = 8 if dtype == "bfloat16" else 11
        values = values + (np.random.default_rng(0).random(N) - 0.5) * 2.0 ** (1 - digits)
    assert stats.kstest(values, CONTINUOUS[name][1].cdf if name != "uniform" else
                        stats.uniform().cdf).statistic < 0.06  # fmt: skip


def test_complex_normals():
    found = np.asarray(random.normal(KEY, (N,), "complex64"))
    assert stats.kstest(found.real * np.sqrt(2), "norm").pvalue > 0.001
    assert stats.kstest(found.imag * np.sqrt(2), "norm").pvalue > 0.001
    assert abs(np.corrcoef(found.real, found.imag)[0, 1]) < 0.05


@pytest.mark.parametrize("method", ["cholesky", "eigh", "svd"])
def test_multivariate_normal(method):
    mean, cov = F32([1.0, -2.0]), F32([[2.0, 0.5], [0.5, 1.0]])
    found = np.asarray(random.multivariate_normal(KEY, mean, cov, (N,), method=method))
    np.testing.assert_allclose(found.mean(0), mean, atol=0.1)
    np.testing.assert_allclose(np.cov(found.T), cov, atol=0.15)
    assert random.multivariate_normal(KEY, np.zeros((3, 2), F32), cov).shape == (3, 2)


def test_dirichlet_and_multinomial():
    alpha = F32([1.0, 2.0, 3.0])
    found = np.asarray(random.dirichlet(KEY, alpha, (N,)))
    np.testing.assert_allclose(found.sum(-1), 1, rtol=1e-5)
    np.testing.assert_allclose(found.mean(0), alpha / 6, atol=0.02)
    p = F32([0.2, 0.3, 0.5])
    counts = np.asarray(random.multinomial(KEY, 20, p, shape=(500, 3)))
    assert np.all(counts.sum(-1) == 20)
    np.testing.assert_allclose(counts.mean(0), 20 * p, atol=0.4)


def test_ball_and_orthogonal():
    found = np.asarray(random.ball(KEY, 3, shape=(N,)))
    radius = np.linalg.norm(found, axis=-1)
    assert stats.kstest(radius**3, "uniform").pvalue > 0.001
    q = np.asarray(random.orthogonal(KEY, 4, (2,)))
    np.testing.assert_allclose(q @ np.swapaxes(q, 1, 2), np.broadcast_to(np.eye(4), (2, 4, 4)),
                               atol=1e-5)  # fmt: skip


@pytest.mark.parametrize("n", [0, 1, 2, 100, 70_000])
def test_permutations_are_permutations(n):
    found = np.asarray(random.permutation(KEY, n))
    np.testing.assert_array_equal(np.sort(found), np.arange(n))
    assert n < 100 or np.abs(np.corrcoef(found, np.arange(n))[0, 1]) < 0.3


def test_independent_permutations_keep_each_column():
    x = np.arange(12.0).reshape(4, 3)
    found = np.asarray(random.permutation(KEY, x, independent=True))
    np.testing.assert_array_equal(np.sort(found, 0), x)


def test_distinct_choices_are_distinct():
    for p in (None, np.full(20, 0.05, F32)):
        found = np.asarray(random.choice(KEY, 20, (4, 5), replace=False, p=p))
        assert len(set(found.ravel())) == 20


def test_integers_reach_both_ends():
    for dtype in ("int8", "uint8"):
        info = np.iinfo(dtype)
        found = np.asarray(random.randint(KEY, (9000,), info.min, int(info.max) + 1, dtype))
        assert (found.min(), found.max()) == (info.min, info.max)
    found = np.asarray(random.randint(KEY, (99,), 0, 2**32, "uint32"))
    assert found.max() > 2**31
    with gradax.enable_x64(True):
        found = np.asarray(random.randint(KEY, (99,), -(2**63), 2**63, "int64"))
        assert found.min() < -(2**62) and found.max() > 2**62


def test_edges_of_counts():
    wrong = np.asarray(random.binomial(KEY, F32([-1, 5, 5, np.nan]), F32([0.1, -0.1, 1.5, 0.5])))
    assert np.all(np.isnan(wrong))
    ends = np.asarray(random.binomial(KEY, F32([5, 5, np.inf]), F32([0.0, 1.0, 0.5])))
    np.testing.assert_array_equal(ends, [0, 5, np.inf])
    assert random.poisson(KEY, 0.0) == 0


SHAPES = [(), (3,), (2, 0), (4, 5)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    "draw",
    [
        random.uniform,
        random.normal,
        lambda k, s: random.randint(k, s, 0, 5),
        lambda k, s: random.gamma(k, 2.0, s),
        lambda k, s: random.poisson(k, 2.0, s),
        lambda k, s: random.choice(k, 5, s),
        lambda k, s: random.bernoulli(k, 0.5, s),
        random.rademacher,
        random.cauchy,
    ],
)
def test_shapes(draw, shape):
    assert draw(KEY, shape).shape == shape


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: random.normal(KEY, (-1,)), ValueError, "sizes must not be negative"),
        (lambda: random.normal(KEY, 2.5), TypeError, "a shape is a sequence of integers; got 2.5"),
        (lambda: random.normal(KEY, (2,), "int32"), TypeError, "float or complex dtype; got int32"),
        (
            lambda: random.uniform(KEY, (2,), "complex64"),
            TypeError,
            "floating dtype; got complex64",
        ),
        (lambda: random.bits(KEY, (2,), "int8"), TypeError, "unsigned integer dtype; got int8"),
        (lambda: random.randint(KEY, (2,), 0.5, 3), TypeError, "bounds are integers; got f32"),
        (lambda: random.randint(KEY, (2,), 0, 3, "float32"), TypeError, "integer dtype"),
        (
            lambda: random.uniform(KEY, (2,), minval=np.zeros(3)),
            ValueError,
            r"shape \(3,\) do not broadcast to the shape \(2,\)",
        ),
        (
            lambda: random.beta(KEY, np.ones(2), np.ones(3)),
            ValueError,
            r"Incompatible shapes for random.beta: got \(2,\) and \(3,\)",
        ),
        (lambda: random.bernoulli(KEY, 0.5, mode="x"), ValueError, "'low' or 'high'"),
        (lambda: random.bernoulli(KEY, KEY), TypeError, "p is a float; got key<fry>"),
        (lambda: random.choice(KEY, 3, (4,), replace=False), ValueError, "4 draws without"),
        (lambda: random.choice(KEY, 0, (4,)), ValueError, "nothing to choose from"),
        (lambda: random.choice(KEY, 3, p=np.ones(2)), ValueError, "for each of 3 elements"),
        (lambda: random.permutation(KEY, 2.5), TypeError, "an integer or an array"),
        (lambda: random.permutation(KEY, np.ones((2, 3)), 2), ValueError, "axis 2 is outside"),
        (lambda: random.categorical(KEY, np.ones((2, 3)), 5), ValueError, "axis 5 is outside"),
        (
            lambda: random.categorical(KEY, np.ones((2, 3)), shape=(3,)),
            ValueError,
            r"must end in the batch shape \(2,\)",
        ),
        (
            lambda: random.multivariate_normal(KEY, np.ones(2), np.ones((3, 3))),
            ValueError,
            "Incompatible shapes for random.multivariate_normal",
        ),
    ],
)
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call()
