"""Integrals of samples: `jax.scipy.integrate`'s names."""

from gradax.numpy import trapezoid as trapezoid
