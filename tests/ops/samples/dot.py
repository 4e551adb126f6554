"""Products of arrays."""

import numpy as np

from gradax.lax.dot import DotGeneral
from tests.ops.sample import COMPLEXES, FLOATS, NUMBERS, Sample, arr

MATMUL = (((1,), (0,)), ((), ()))
VECTORS = (((0,), (0,)), ((), ()))
OUTER = (((), ()), ((), ()))
BATCHED = (((2,), (1,)), ((0,), (0,)))
F32 = np.dtype(np.float32)
I32 = np.dtype(np.int32)

SAMPLES = [
    Sample(DotGeneral(MATMUL), arr((3, 4)), arr((4, 5)), dtypes=(*NUMBERS, "bool")),
    Sample(DotGeneral(MATMUL), arr((6, 12)), arr((12, 17)), name="library",
           dtypes=(*FLOATS, *COMPLEXES, "int32", "uint8", "bool")),
    Sample(DotGeneral(VECTORS), arr((40,)), arr((40,)), dtypes=FLOATS),
    Sample(DotGeneral(OUTER), arr((3, 2)), arr((4,))),
    Sample(DotGeneral(MATMUL), arr((30, 40)), arr((40, 1)), name="column"),
    Sample(DotGeneral((((0,), (0,)), ((), ()))), arr((20, 7)), arr((20, 6)), name="left"),
    Sample(DotGeneral((((1,), (1,)), ((), ()))), arr((7, 20)), arr((6, 20)), name="right"),
    Sample(DotGeneral(BATCHED), arr((2, 3, 4)), arr((2, 4, 2))),
    Sample(DotGeneral(BATCHED), arr((2, 9, 11)), arr((2, 11, 8)), name="library"),
    Sample(DotGeneral((((0,), (3,)), ((2, 1), (0, 2)))), arr((10, 2, 3, 9)), arr((3, 8, 2, 10)),
           name="mixed axes"),
    Sample(DotGeneral((((0, 2), (3, 1)), ((1,), (0,)))), arr((2, 2, 3, 2)), arr((2, 3, 4, 2))),
    Sample(DotGeneral((((2, 1), (0, 1)), ((), ()))), arr((9, 4, 5)), arr((5, 4, 8)),
           name="two sums"),
    Sample(DotGeneral(MATMUL), arr((0, 4)), arr((4, 5)), name="no rows"),
    Sample(DotGeneral(MATMUL), arr((3, 0)), arr((0, 5)), name="no terms"),
    Sample(DotGeneral(MATMUL, None, F32), arr((4, 12)), arr((12, 16)), name="wider",
           dtypes=("bfloat16", "float16"), differentiable=False),
    Sample(DotGeneral(MATMUL, None, I32), arr((4, 12)), arr((12, 16)), name="wider",
           dtypes=("int8", "uint8")),
    Sample(DotGeneral(MATMUL), arr((4, 12), "bfloat16"), arr((12, 16)), name="two dtypes"),
    Sample(DotGeneral(MATMUL), arr((4, 12)), arr((12, 16)), name="quarter precision",
           dtypes=("float8_e4m3fn",), differentiable=False),
]  # fmt: skip
