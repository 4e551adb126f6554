"""Convolutions and reductions over windows."""

import numpy as np

from gradax.lax.conv_shapes import ConvDimensionNumbers, conv_dimension_numbers
from gradax.lax.convolution import ConvGeneralDilated
from gradax.lax.windows import (
    ReduceWindowMax,
    ReduceWindowMin,
    ReduceWindowSum,
    SelectAndGatherAdd,
    SelectAndScatterAdd,
)
from tests.ops.sample import COMPLEXES, EDGES, FLOATS, Sample, arr, given

NHWC = conv_dimension_numbers((0,) * 4, (0,) * 4, ("NHWC", "HWIO", "NHWC"))
NCHW = conv_dimension_numbers((0,) * 4, (0,) * 4, None)
MIXED = conv_dimension_numbers((0,) * 4, (0,) * 4, ("WNCH", "OHIW", "HCNW"))
NHC = conv_dimension_numbers((0,) * 3, (0,) * 3, ("NHC", "HIO", "NHC"))
FLAT = ConvDimensionNumbers((0, 1), (0, 1), (0, 1))


def conv(strides, pads, numbers, lhs=None, rhs=None, groups=1, batches=1, preferred=None):
    """Make a convolution."""
    one = (1,) * len(strides)
    numbers = (strides, pads, lhs or one, rhs or one, numbers, groups, batches, None, preferred)
    return ConvGeneralDilated(*numbers)


SAME = ((1, 1), (1, 1))
NONE = ((0, 0), (0, 0))
ODD = ((2, 0), (-1, 3))

SAMPLES = [
    Sample(conv((1, 1), SAME, NHWC), arr((2, 5, 6, 3)), arr((3, 3, 3, 4)),
           dtypes=(*FLOATS, *COMPLEXES, "int32")),
    Sample(conv((2, 1), ODD, NCHW), arr((2, 3, 6, 5)), arr((4, 3, 3, 2))),
    Sample(conv((1, 2), ODD, MIXED, (2, 1), (1, 2)), arr((6, 2, 4, 5)), arr((3, 3, 4, 2))),
    Sample(conv((1, 1), SAME, NHWC, (2, 3), (2, 1)), arr((1, 4, 4, 3)), arr((2, 3, 3, 4)),
           name="dilated"),
    Sample(conv((1, 1), NONE, NHWC), arr((2, 4, 4, 12)), arr((1, 1, 12, 5)), name="pointwise"),
    Sample(conv((1, 1), SAME, NHWC, groups=2), arr((2, 4, 4, 8)), arr((3, 3, 4, 6)), name="groups"),
    Sample(conv((2, 2), SAME, NHWC, groups=4), arr((1, 5, 5, 4)), arr((3, 3, 1, 8)),
           name="depthwise"),
    Sample(conv((1, 1), SAME, NHWC, batches=2), arr((4, 4, 4, 3)), arr((3, 3, 3, 6)),
           name="batch groups"),
    Sample(conv((1,), ((2, 2),), NHC), arr((1, 9, 1)), arr((3, 1, 1)), name="signal"),
    Sample(conv((1,), ((2, 2),), NHC, (2,)), arr((1, 9, 1)), arr((3, 1, 1)), name="signal, holes"),
    Sample(conv((1, 1, 1), (*NONE, (1, 0)), conv_dimension_numbers((0,) * 5, (0,) * 5, None)),
           arr((1, 3, 3, 4, 3)), arr((2, 3, 2, 2, 2)), name="volume"),
    Sample(conv((1, 1, 1, 1), (*NONE, *NONE), conv_dimension_numbers((0,) * 6, (0,) * 6, None)),
           arr((1, 2, 3, 3, 2, 2)), arr((2, 2, 2, 2, 2, 1)), name="four axes"),
    Sample(conv((), (), FLAT), arr((3, 11)), arr((4, 11)), name="no space"),
    Sample(conv((1, 1), NONE, NHWC), arr((1, 2, 2, 3)), arr((3, 3, 3, 2)), name="no places"),
    Sample(conv((1, 1), SAME, NHWC, preferred=np.dtype(np.float32)), arr((1, 4, 4, 3)),
           arr((3, 3, 3, 2)), name="wider", dtypes=("bfloat16",), differentiable=False),
]  # fmt: skip

PLAIN = ((1, 2, 2, 1), (1, 2, 2, 1), ((0, 0), (0, 0), (0, 0), (0, 0)), (1,) * 4, (1,) * 4)
OVERLAP = ((3, 3), (2, 1), ((1, 1), (1, 0)), (1, 1), (1, 1))
HOLES = ((2, 2), (1, 2), ((1, 2), (0, 1)), (2, 1), (2, 2))
LARGE = ((5, 6), (3, 1), ((2, 2), (3, 0)), (1, 1), (1, 1))
# Holes whose period divides the window, as in the derivative of a mean over parts.
SPREAD = ((2, 4), (1, 1), ((1, 1), (0, 2)), (2, 2), (1, 1))
SHIFTED = ((3, 2), (1, 1), ((4, -1), (-1, 4)), (3, 2), (1, 1))
NEGATIVE = ((2, 2), (1, 1), ((-1, 0), (0, -1)), (1, 1), (1, 1))
LINE = ((3,), (1,), ((1, 1),), (1,), (1,))

WINDOWS = {
    "plain": (PLAIN, (2, 4, 6, 3), (2, 2, 3, 3)),
    "overlap": (OVERLAP, (5, 4), (3, 3)),
    "holes": (HOLES, (3, 5), (6, 2)),
    "large": (LARGE, (8, 5), (3, 3)),
    "negative": (NEGATIVE, (4, 4), (2, 2)),
}
for _name, (_window, _shape, _places) in WINDOWS.items():
    _x = arr(_shape, kind="distinct")
    # Windows that see nothing but holes give infinities, which have no differences.
    _smooth = _name != "holes"
    _float = FLOATS if _name == "plain" else ("float32",)
    SAMPLES += [
        Sample(ReduceWindowSum(*_window), arr(_shape), name=_name, dtypes=(*_float, "int32")),
        Sample(ReduceWindowMax(*_window), _x, name=_name, dtypes=(*_float, "int32", "uint8"),
               differentiable=_smooth),
        Sample(ReduceWindowMin(*_window), _x, name=_name, dtypes=(*_float, "int32"),
               differentiable=_smooth),
        Sample(SelectAndGatherAdd(*_window, "ge"), arr(_shape), _x, name=_name),
        Sample(SelectAndGatherAdd(*_window, "le"), arr(_shape), _x, name=_name),
        Sample(SelectAndScatterAdd(*_window, "ge"), arr(_places), _x, name=_name),
        Sample(SelectAndScatterAdd(*_window, "le"), arr(_places), _x, name=_name),
    ]  # fmt: skip
SAMPLES += [
    Sample(ReduceWindowSum(*SPREAD), arr((3, 4)), name="spread", dtypes=("float32", "int32")),
    Sample(ReduceWindowSum(*SHIFTED), arr((3, 4)), name="shifted", dtypes=("float32", "int32")),
    Sample(ReduceWindowMax(*LINE), given(EDGES), name="edges", differentiable=False),
    Sample(ReduceWindowMin(*LINE), given(EDGES), name="edges", differentiable=False),
    Sample(ReduceWindowMax(*LINE), arr((6,), "bool"), name="bool"),
    Sample(SelectAndScatterAdd(*LINE, "ge"), arr((11,)), given(EDGES), name="edges",
           differentiable=(0,)),
    Sample(SelectAndScatterAdd(*LINE, "ge"), arr((4,)), given([-np.inf, 1, 1, -np.inf]),
           name="ties", differentiable=(0,)),
]  # fmt: skip
