"""Samples of slices, paddings, joins and new arrays."""

import numpy as np

from gradax.lax.barriers import Copy, OptimizationBarrier, StopGradient
from gradax.lax.creation import Iota
from gradax.lax.dynamic_slicing import DynamicSlice, DynamicUpdateSlice
from gradax.lax.joining import Concatenate, Split
from gradax.lax.naming import Name
from gradax.lax.open_sizes import CountOpen, SizeOf
from gradax.lax.slicing import Pad, Rev, Slice
from tests.ops.sample import NUMBERS, Sample, arr, given

CONSTANT = {"second_order": "its derivative is zero"}
COUNTED = {"batch": "a mask selects as many elements of each example as it has, which none holds"}
NO_OPERANDS = {"batch": "it has no operands", "jvp": "it has no operands"}


def start(value: int, dtype: str = "int32"):
    return given(value, dtype)


SAMPLES: list[Sample] = [
    Sample(Slice((1, 0), (4, 6)), arr((5, 7)), dtypes=(*NUMBERS, "bool")),
    Sample(Slice((1, 0), (5, 7), (2, 3)), arr((5, 7)), name="strided", dtypes=NUMBERS),
    Sample(Slice((2, 1), (2, 4), (3, 1)), arr((5, 7)), name="empty"),
    Sample(Slice((), ()), arr(()), name="scalar"),
    Sample(Slice((0, 4), (8, 21), (1, 4)), arr((8, 33)), name="long"),
    Sample(Pad(((1, 2, 0), (0, 3, 0))), arr((3, 4)), arr(()), dtypes=(*NUMBERS, "bool")),
    Sample(Pad(((1, 2, 2), (0, 0, 1))), arr((3, 4)), arr(()), name="interior", dtypes=NUMBERS),
    Sample(Pad(((-1, 2, 0), (3, -2, 0))), arr((3, 4)), arr(()), name="cropped"),
    Sample(Pad(((-1, -2, 2), (-3, 1, 1))), arr((3, 4)), arr(()), name="cropped_interior"),
    Sample(Pad(((-2, -2, 0),)), arr((4,)), arr(()), name="nothing_left"),
    Sample(Pad(((2, 1, 3),)), arr((0,)), arr(()), name="of_nothing"),
    Sample(Pad(((-4, 5, 0),)), arr((3,)), arr(()), name="past_the_end"),
    Sample(Pad(()), arr(()), arr(()), name="scalar"),
    Sample(Rev((0,)), arr((5, 3)), dtypes=(*NUMBERS, "bool")),
    Sample(Rev((0, 2)), arr((2, 3, 4)), name="two"),
    Sample(Concatenate(0), arr((2, 3)), arr((1, 3)), arr((4, 3)), dtypes=(*NUMBERS, "bool")),
    Sample(Concatenate(1), arr((2, 3)), arr((2, 0)), arr((2, 4)), name="with_empty"),
    Sample(Concatenate(2), arr((2, 3, 1)), arr((2, 3, 2)), name="last"),
    Sample(Split((1, 3, 0), 1), arr((3, 4)), dtypes=(*NUMBERS, "bool")),
    Sample(Split((5, 7), 0), arr((12, 2)), name="rows"),
    Sample(DynamicSlice((2, 3)), arr((4, 5)), start(1), start(2), dtypes=(*NUMBERS, "bool")),
    Sample(DynamicSlice((2, 3)), arr((4, 5)), start(9), start(-7), name="clamped"),
    Sample(DynamicSlice((2,)), arr((4,)), start(200, "uint8"), name="unsigned"),
    Sample(DynamicSlice((2,)), arr((4,)), start(2**63 + 5, "uint64"), name="huge"),
    Sample(DynamicSlice((0, 3)), arr((4, 5)), start(1), start(2), name="empty"),
    Sample(DynamicSlice(()), arr(()), name="scalar"),
    Sample(DynamicUpdateSlice(), arr((4, 5)), arr((2, 3)), start(1), start(2), dtypes=NUMBERS),
    Sample(DynamicUpdateSlice(), arr((4, 5)), arr((2, 3)), start(9), start(-7), name="clamped"),
    Sample(DynamicUpdateSlice(), arr((4,), "bool"), arr((2,), "bool"), start(1), name="bool"),
    Sample(DynamicUpdateSlice(), arr((4, 5)), arr((0, 3)), start(1), start(2), name="empty"),
    Sample(DynamicUpdateSlice(), arr(()), arr(()), name="scalar"),
    Sample(Iota(np.dtype(np.int32), (5,), 0), skip=NO_OPERANDS),
    Sample(Iota(np.dtype(np.float32), (3, 4, 2), 1), name="float", skip=NO_OPERANDS),
    Sample(Iota(np.dtype(np.complex64), (3, 4), 0), name="complex", skip=NO_OPERANDS),
    Sample(Iota(np.dtype(np.uint8), (300,), 0), name="wraps", skip=NO_OPERANDS),
    Sample(SizeOf(7, np.dtype(np.int32)), skip=NO_OPERANDS),
    Sample(CountOpen(4), arr((3, 4)), dtypes=("bool",), skip=COUNTED),
    Sample(Copy(), arr((3, 4)), dtypes=NUMBERS),
    Sample(Name("hidden"), arr((3, 4)), dtypes=NUMBERS),
    Sample(OptimizationBarrier(), arr((3,)), arr((2, 2))),
    Sample(StopGradient(), arr((3, 4)), differentiable=False, skip=CONSTANT),
]
