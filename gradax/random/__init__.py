"""Random numbers from explicit keys: `jax.random`'s names and streams."""

from gradax.random.bits import bernoulli as bernoulli
from gradax.random.bits import bits as bits
from gradax.random.bits import randint as randint
from gradax.random.bits import uniform as uniform
from gradax.random.distributions import categorical as categorical
from gradax.random.distributions import exponential as exponential
from gradax.random.distributions import gumbel as gumbel
from gradax.random.distributions import laplace as laplace
from gradax.random.distributions import normal as normal
from gradax.random.distributions import truncated_normal as truncated_normal
from gradax.random.keys import PRNGKey as PRNGKey
from gradax.random.keys import clone as clone
from gradax.random.keys import fold_in as fold_in
from gradax.random.keys import key as key
from gradax.random.keys import key_data as key_data
from gradax.random.keys import key_impl as key_impl
from gradax.random.keys import split as split
from gradax.random.keys import wrap_key_data as wrap_key_data
from gradax.random.permutations import choice as choice
from gradax.random.permutations import permutation as permutation
