"""Sorting and the largest elements."""

from gradax.lax.sorting import Sort, TopK
from tests.ops.sample import COMPLEXES, EDGES, FLOATS, INTS, Sample, arr, given, ints

TIES = [[2.0, 1.0, 2.0, 1.0, 3.0], [0.0, -0.0, 0.0, -1.0, 0.0]]

SAMPLES = [
    Sample(Sort(1), arr((3, 7), kind="distinct"), dtypes=(*FLOATS, *INTS, *COMPLEXES, "bool")),
    Sample(Sort(0), arr((7, 3), kind="distinct")),
    Sample(Sort(0), given(EDGES), name="edges", differentiable=False),
    Sample(Sort(0), arr((0, 3)), name="empty"),
    Sample(Sort(1), arr((3, 9), kind="distinct"), arr((3, 9)), dtypes=("float32", "bfloat16")),
    Sample(Sort(1), given(TIES), ints((2, 5), 0, 9), name="ties", differentiable=False),
    Sample(Sort(0, True, 2), ints((12,), 0, 3), arr((12,), kind="distinct"), arr((12,)),
           name="two keys"),
    Sample(TopK(3, 1), arr((2, 8), kind="distinct"), dtypes=(*FLOATS, *INTS)),
    Sample(TopK(2, 0), arr((6, 3), kind="distinct")),
    Sample(TopK(11, 0), given(EDGES), name="edges", differentiable=False),
    Sample(TopK(4, 1), given(TIES), name="ties", differentiable=False),
    Sample(TopK(0, 0), arr((4,)), name="none"),
]  # fmt: skip
