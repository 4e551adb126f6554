"""Reductions, arguments of extrema, cumulative operations."""

import numpy as np

from gradax.lax.cumulative import Cumlogsumexp, Cummax, Cummin, Cumprod, Cumsum
from gradax.lax.reductions import (
    ArgMax,
    ArgMin,
    ReduceAnd,
    ReduceMax,
    ReduceMin,
    ReduceOr,
    ReduceProd,
    ReduceXor,
)
from tests.ops.sample import COMPLEXES, EDGES, FLOATS, INTS, NUMBERS, Sample, arr, given

I32 = np.dtype(np.int32)
TIES = [[1.0, 3.0, 3.0], [np.nan, 2.0, np.nan], [-np.inf, -np.inf, -np.inf], [0.0, -0.0, 0.0]]
WITH_ZEROS = [[1.5, 0.0, 2.0], [0.0, 0.0, 3.0], [-1.0, 2.0, 0.5]]

SAMPLES = [
    Sample(ReduceMax((1,)), arr((3, 4), kind="distinct"), dtypes=(*FLOATS, *INTS, "bool")),
    Sample(ReduceMax((0, 2)), arr((2, 3, 4), kind="distinct")),
    Sample(ReduceMax((0,)), arr((0, 3)), name="empty", dtypes=("float32", "int32")),
    Sample(ReduceMax((0,)), given(EDGES), name="edges", differentiable=False),
    Sample(ReduceMin((0,)), arr((3, 4), kind="distinct"), dtypes=(*FLOATS, *INTS, "bool")),
    Sample(ReduceMin((0,)), arr((0, 3)), name="empty", dtypes=("float32", "uint8")),
    Sample(ReduceMin((0,)), given(EDGES), name="edges", differentiable=False),
    Sample(ReduceProd((1,)), arr((3, 4)), dtypes=NUMBERS),
    Sample(ReduceProd((0, 1)), given(WITH_ZEROS), name="zeros"),
    Sample(ReduceProd((1,)), given(WITH_ZEROS), name="zeros"),
    Sample(ReduceProd((0, 2)), arr((2, 3, 4))),
    Sample(ReduceAnd((0,)), arr((3, 4), kind="bits"), dtypes=("bool", "int32", "uint8")),
    Sample(ReduceOr((0, 1)), arr((3, 4), kind="bits"), dtypes=("bool", "int32", "uint8")),
    Sample(ReduceXor((1,)), arr((3, 4), kind="bits"), dtypes=("bool", "int32", "uint8")),
    Sample(ArgMax((1,), I32), arr((3, 5)), dtypes=(*FLOATS, *INTS, "bool")),
    Sample(ArgMax((0,), np.dtype(np.int8)), arr((5, 2, 3))),
    Sample(ArgMax((1,), I32), given(TIES), name="ties"),
    Sample(ArgMin((0,), I32), arr((3, 5)), dtypes=(*FLOATS, *INTS, "bool")),
    Sample(ArgMin((1,), np.dtype(np.uint32)), given(TIES), name="ties"),
    Sample(Cumsum(0), arr((4, 3)), dtypes=NUMBERS),
    Sample(Cumsum(1, True), arr((2, 5, 2)), dtypes=(*FLOATS, *COMPLEXES)),
    Sample(Cumsum(0), arr((0, 3)), name="empty"),
    Sample(Cumprod(1), arr((3, 5), kind="positive"), dtypes=NUMBERS),
    Sample(Cumprod(0, True), given(WITH_ZEROS), name="zeros"),
    Sample(Cummax(1), arr((3, 5), kind="distinct"), dtypes=(*FLOATS, *INTS)),
    Sample(Cummax(0, True), arr((5, 3), kind="distinct")),
    Sample(Cummax(0), given(EDGES), name="edges", differentiable=False),
    Sample(Cummin(1), arr((3, 5), kind="distinct"), dtypes=(*FLOATS, *INTS)),
    Sample(Cummin(1, True), arr((3, 5), kind="distinct")),
    Sample(Cumlogsumexp(1), arr((3, 5)), dtypes=FLOATS),
    Sample(Cumlogsumexp(0, True), arr((5, 3))),
    Sample(Cumlogsumexp(0), given([-np.inf, -np.inf, 0.0, 2.0, np.inf, 1.0]), name="edges",
           differentiable=False),
]  # fmt: skip
