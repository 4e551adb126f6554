"""Mutable references: `jax.ref`'s names."""

from gradax.core.refs import Ref as Ref
from gradax.numpy.references import addupdate as addupdate
from gradax.numpy.references import empty_ref as empty_ref
from gradax.numpy.references import free_ref as free_ref
from gradax.numpy.references import freeze as freeze
from gradax.numpy.references import get as get
from gradax.numpy.references import new_ref as new_ref
from gradax.numpy.references import put as set  # noqa: F401  JAX's name
from gradax.numpy.references import swap as swap

AbstractRef = Ref
