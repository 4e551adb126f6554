"""Random numbers from explicit keys: `jax.random`'s names and streams."""

import typing as _typing

from gradax.lazy import export as _export

if _typing.TYPE_CHECKING:
    from gradax.random.bits import bernoulli as bernoulli
    from gradax.random.bits import bits as bits
    from gradax.random.bits import randint as randint
    from gradax.random.bits import uniform as uniform
    from gradax.random.continuous import cauchy as cauchy
    from gradax.random.continuous import double_sided_maxwell as double_sided_maxwell
    from gradax.random.continuous import logistic as logistic
    from gradax.random.continuous import lognormal as lognormal
    from gradax.random.continuous import maxwell as maxwell
    from gradax.random.continuous import multivariate_normal as multivariate_normal
    from gradax.random.continuous import orthogonal as orthogonal
    from gradax.random.continuous import pareto as pareto
    from gradax.random.continuous import rayleigh as rayleigh
    from gradax.random.continuous import triangular as triangular
    from gradax.random.continuous import wald as wald
    from gradax.random.continuous import weibull_min as weibull_min
    from gradax.random.counts import binomial as binomial
    from gradax.random.counts import geometric as geometric
    from gradax.random.counts import multinomial as multinomial
    from gradax.random.counts import poisson as poisson
    from gradax.random.counts import rademacher as rademacher
    from gradax.random.distributions import categorical as categorical
    from gradax.random.distributions import exponential as exponential
    from gradax.random.distributions import gumbel as gumbel
    from gradax.random.distributions import laplace as laplace
    from gradax.random.distributions import normal as normal
    from gradax.random.distributions import truncated_normal as truncated_normal
    from gradax.random.gamma import ball as ball
    from gradax.random.gamma import beta as beta
    from gradax.random.gamma import chisquare as chisquare
    from gradax.random.gamma import dirichlet as dirichlet
    from gradax.random.gamma import f as f
    from gradax.random.gamma import gamma as gamma
    from gradax.random.gamma import generalized_normal as generalized_normal
    from gradax.random.gamma import loggamma as loggamma
    from gradax.random.gamma import t as t
    from gradax.random.keys import PRNGKey as PRNGKey
    from gradax.random.keys import clone as clone
    from gradax.random.keys import fold_in as fold_in
    from gradax.random.keys import key as key
    from gradax.random.keys import key_data as key_data
    from gradax.random.keys import key_dtype as key_dtype
    from gradax.random.keys import key_impl as key_impl
    from gradax.random.keys import split as split
    from gradax.random.keys import wrap_key_data as wrap_key_data
    from gradax.random.permutations import choice as choice
    from gradax.random.permutations import permutation as permutation

_EXPORTS = """
    gradax.random.bits: bernoulli bits randint uniform
    gradax.random.continuous: cauchy double_sided_maxwell logistic lognormal maxwell
        multivariate_normal orthogonal pareto rayleigh triangular wald weibull_min
    gradax.random.counts: binomial geometric multinomial poisson rademacher
    gradax.random.distributions: categorical exponential gumbel laplace normal truncated_normal
    gradax.random.gamma: ball beta chisquare dirichlet f gamma generalized_normal loggamma t
    gradax.random.keys: PRNGKey clone fold_in key key_data key_dtype key_impl split wrap_key_data
    gradax.random.permutations: choice permutation
"""

if not _typing.TYPE_CHECKING:  # with `__getattr__`, no misspelt name would be found
    __getattr__, __dir__ = _export(__name__, _EXPORTS)
