"""Minimization: `jax.scipy.optimize`'s names."""

from gradax.scipy.optimize.minimization import OptimizeResults as OptimizeResults
from gradax.scipy.optimize.minimization import minimize as minimize
