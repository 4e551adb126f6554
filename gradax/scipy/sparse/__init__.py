"""Sparse linear algebra: `jax.scipy.sparse`'s names."""

from gradax.scipy.sparse import linalg as linalg
