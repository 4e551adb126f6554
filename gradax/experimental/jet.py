"""Derivatives of any order along a curve: `jax.experimental.jet`'s name."""

from gradax.api.jet import jet as jet
