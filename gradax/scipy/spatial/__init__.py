"""Geometry: `jax.scipy.spatial`'s names."""

from gradax.scipy.spatial import transform as transform
