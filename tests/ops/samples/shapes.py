"""Operations that change shapes, and the sum that transposes broadcasting."""

from gradax.lax.shapes import BroadcastInDim, ReduceSum, Reshape, Squeeze, Transpose
from tests.ops.sample import FLOATS, NUMBERS, Sample, arr

SAMPLES = [
    Sample(BroadcastInDim((2, 3, 4), (1,)), arr((3,)), dtypes=(*NUMBERS, "bool")),
    Sample(BroadcastInDim((2, 3, 4), (0, 2)), arr((2, 1)), name="repeat"),
    Sample(BroadcastInDim((2, 3), ()), arr(()), name="scalar"),
    Sample(BroadcastInDim((0, 3), (1,)), arr((3,)), name="empty"),
    Sample(BroadcastInDim((2, 1, 3), (0, 2)), arr((2, 3)), name="new axis"),
    Sample(Reshape((4, 6)), arr((2, 3, 4)), dtypes=(*NUMBERS, "bool")),
    Sample(Reshape(()), arr((1, 1)), name="to scalar"),
    Sample(Reshape((0, 5)), arr((3, 0)), name="empty"),
    Sample(Squeeze((0, 2)), arr((1, 3, 1, 2))),
    Sample(Squeeze((1,)), arr((3, 1)), dtypes=("int32", "bool")),
    Sample(Transpose((2, 0, 1)), arr((2, 3, 4)), dtypes=(*NUMBERS, "bool")),
    Sample(Transpose((1, 0)), arr((65, 130)), name="tiles", skip={"second_order": "size"}),
    Sample(Transpose(()), arr(()), name="scalar"),
    Sample(ReduceSum((1,)), arr((3, 5)), dtypes=(*FLOATS, "complex64", "int32")),
    Sample(ReduceSum((0, 2)), arr((4, 3, 20)), dtypes=FLOATS),
    Sample(ReduceSum(()), arr((3,)), name="no axes"),
    Sample(ReduceSum((0,)), arr((0, 3)), name="empty"),
    Sample(ReduceSum((0,)), arr((1000,)), name="long"),
]
