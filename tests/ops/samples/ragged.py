"""Products of groups of rows, random bits, wishes of layout."""

import numpy as np

from gradax.lax.ragged import RaggedDot
from gradax.lax.random_bits import RandomAlgorithm, RngBitGenerator, RngUniform
from gradax.lax.sharding_constraint import ShardingConstraint
from gradax.sharding import Mesh, NamedSharding, PartitionSpec
from tests.ops.sample import Sample, arr, given

BOTH = ("float32", "float64", "int32", "complex64", "bfloat16")
SIZES = given([[2, 0, 3], [1, 4, 9]], "int32")
STATE = given([1, 2, 0xFFFFFFFF, 4], "uint32")
SHAPES = (((5,), "uint32"), ((3, 5), "uint8"), ((2, 3), "uint64"), ((), "uint16"))
NO_BATCH = {"batch": "each entry of a batch needs bits of its own"}
ALGORITHMS = (RandomAlgorithm.RNG_PHILOX, RandomAlgorithm.RNG_THREE_FRY)


def on_one_device() -> NamedSharding:
    """Make a sharding that needs no devices."""
    return NamedSharding(Mesh(np.array([None], object), ("x",)), PartitionSpec("x"))


SAMPLES = [
    Sample(RaggedDot(False), arr((2, 6, 3)), arr((3, 2, 3, 4)), SIZES, dtypes=BOTH),
    Sample(RaggedDot(True), arr((2, 6, 3)), arr((2, 6, 4)), SIZES, dtypes=BOTH),
    Sample(RaggedDot(False, np.dtype(np.float32)), arr((2, 6, 3)), arr((3, 2, 3, 4)), SIZES,
           dtypes=("bfloat16",), name="wider",
           differentiable=False),
    Sample(RaggedDot(False), arr((2, 6, 3)), arr((0, 2, 3, 4)), given(np.zeros((2, 0)), "int32")),
    Sample(ShardingConstraint(on_one_device()), arr((2, 3)), dtypes=("float32", "int32")),
    *(
        Sample(RngBitGenerator(shape, np.dtype(dtype), algorithm), STATE, skip=NO_BATCH,
               name=f"{algorithm} {dtype}")
        for algorithm in ALGORITHMS
        for shape, dtype in SHAPES
    ),
    *(
        Sample(RngUniform((7,)), given(1, dtype), given(5, dtype), name=dtype, skip=NO_BATCH,
               differentiable=False)
        for dtype in ("float32", "float64", "int32", "bfloat16")
    ),
]  # fmt: skip
