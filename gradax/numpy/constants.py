"""Constants, and the names that stand for NumPy's own objects."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.exceptions import ComplexWarning as ComplexWarning

from gradax.core.array import Array
from gradax.dtypes import bool_, complex64, complex128, float32, float64

e: Final = float(np.e)
pi: Final = float(np.pi)
euler_gamma: Final = float(np.euler_gamma)
inf: Final = float("inf")
nan: Final = float("nan")
newaxis: Final = None

ndarray: Final = Array
bool: Final = bool_
single: Final = float32
double: Final = float64
csingle: Final = complex64
cdouble: Final = complex128

dtype: Final = np.dtype
character: Final = np.character
flexible: Final = np.flexible
object_: Final = np.object_
s_: Final[Any] = np.s_
index_exp: Final[Any] = np.index_exp


def iterable(y: Any) -> Any:
    """Tell whether `y` can be iterated over."""
    return np.iterable(y)


def can_cast(from_: Any, to: Any, casting: Any = "safe") -> Any:
    """Tell whether a dtype can be converted to another under a rule of NumPy's."""
    return np.can_cast(from_, np.dtype(to), casting)
