"""`Array`: the class that users name, of arrays in memory and of tracers that stand for them."""

from __future__ import annotations

from abc import ABC

from gradax import native
from gradax.core.tracer import Tracer


# What arrays can do is defined on both classes by the operator table.
class Array(ABC):  # noqa: B024
    """An array: immutable, of one dtype and any number of axes.

    `isinstance(x, gradax.Array)` holds for arrays and, while a function is traced, for what stands
    for them. Arrays are made by functions such as `gradax.numpy.array`, not by this class.
    """

    def __new__(cls) -> Array:
        """Refuse: arrays are made by functions."""
        raise TypeError("gradax.Array cannot be made directly; use gradax.numpy.array(…)")


Array.register(native.Array)
Array.register(Tracer)
