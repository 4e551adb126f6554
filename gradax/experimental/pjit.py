"""`pjit`, the older name of `jit`."""

from gradax.api.jit import jit as pjit

__all__ = ["pjit"]
