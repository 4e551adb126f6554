"""Clusters: `jax.scipy.cluster`'s names."""

from gradax.scipy.cluster import vq as vq
