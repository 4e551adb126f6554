"""Reductions and windows by functions that a user gives."""

from typing import Any

import numpy as np

from gradax.core import Aval
from gradax.lax.arithmetic import Add, Max, Mul
from gradax.lax.computation import stage_computation
from gradax.lax.folding import Reduce, ReduceWindow
from tests.ops.sample import Sample, arr

SCALAR = Aval((), np.float32)
DOUBLE = Aval((), np.float64)


def near_product(x: Any, y: Any) -> Any:
    """Combine associatively and commutatively: x + y + x y."""
    return Add()(Add()(x, y), Mul()(x, y))


def sum_and_product(x: Any, y: Any) -> Any:
    """Combine pairs."""
    return Add()(x[0], y[0]), Mul()(x[1], y[1])


ONE = stage_computation(near_product, [DOUBLE], False)
TWO = stage_computation(sum_and_product, [DOUBLE, DOUBLE], True)
MAX = stage_computation(lambda x, y: Max()(x, y), [DOUBLE], False)
SMALL = ((2, 3), (1, 2), ((1, 1), (0, 0)), (1, 1), (1, 1))
HOLES = ((2, 2), (2, 1), ((1, 0), (-1, 2)), (2, 1), (1, 2))
LARGE = ((4, 5), (1, 2), ((1, 1), (0, 2)), (1, 1), (1, 1))
F64 = ("float64",)
MAPPED = {"batch": "initial values of a general reduction cannot be mapped"}

SAMPLES = [
    Sample(Reduce(ONE, (0,)), arr((5, 3)), arr(), dtypes=F64, skip=MAPPED),
    Sample(Reduce(ONE, (0, 2)), arr((2, 3, 3)), arr(), dtypes=F64, skip=MAPPED),
    Sample(Reduce(ONE, (0,)), arr((0, 3)), arr(), dtypes=F64, name="empty", skip=MAPPED),
    Sample(Reduce(TWO, (1,)), arr((3, 4)), arr((3, 4)), arr(), arr(), dtypes=F64, skip=MAPPED),
    Sample(ReduceWindow(*SMALL, ONE), arr((4, 6)), arr(), dtypes=F64, skip=MAPPED),
    Sample(ReduceWindow(*HOLES, ONE), arr((4, 6)), arr(), dtypes=F64, name="holes", skip=MAPPED),
    Sample(ReduceWindow(*LARGE, MAX), arr((4, 6)), arr(), dtypes=F64, name="large", skip=MAPPED),
    Sample(ReduceWindow(*SMALL, TWO), arr((4, 6)), arr((4, 6)), arr(), arr(), dtypes=F64,
           skip=MAPPED),
]  # fmt: skip
