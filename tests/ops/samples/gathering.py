"""Samples of gathers and scatters."""

import numpy as np

from gradax.core.aval import Aval
from gradax.core.staging import stage
from gradax.lax.arithmetic import Mul
from gradax.lax.gathering import Gather, ScatterAdd
from gradax.lax.placement import GatherDimensionNumbers, GatherScatterMode, as_scatter_numbers
from gradax.lax.scattering import (
    Scatter,
    ScatterApply,
    ScatterMax,
    ScatterMin,
    ScatterMul,
    ScatterSub,
)
from tests.ops.sample import NUMBERS, Sample, arr, given, ints

CLIP = GatherScatterMode.CLIP
FILL = GatherScatterMode.FILL_OR_DROP
PROMISE = GatherScatterMode.PROMISE_IN_BOUNDS
ONE_HOT = GatherScatterMode.ONE_HOT
MODES = {"clip": CLIP, "fill": FILL, "one_hot": ONE_HOT}

ROWS = GatherDimensionNumbers((1,), (0,), (0,))
COLUMNS = GatherDimensionNumbers((0,), (1,), (1,))
POINTS = GatherDimensionNumbers((), (0, 1), (0, 1))
SWAPPED = GatherDimensionNumbers((), (0, 1), (1, 0))
BOXES = GatherDimensionNumbers((0, 2), (), (0, 1))
SPANS = GatherDimensionNumbers((1,), (), (0,))
ONE_ROW = GatherDimensionNumbers((0,), (0,), (0,))
WHOLE = GatherDimensionNumbers((0, 1), (), ())
BATCHED = GatherDimensionNumbers((2,), (1,), (1,), (0,), (0,))
CROSSED = GatherDimensionNumbers((1,), (), (2,), (0, 1), (2, 0))

# Some of them outside on either side, some twice.
PLACES = given([[2], [-1], [0], [7], [2], [4], [-9]], "int32")
INSIDE = given([[2], [0], [3], [2]], "int32")
DISTINCT = given([[2], [0], [3]], "int32")
PAIRS = given([[[0, 1], [4, 5]], [[-1, 2], [2, 9]], [[3, 3], [0, 1]]], "int32")
CORNERS = given([[0, 1], [3, 4], [-1, 0]], "int32")


def gathers() -> list[Sample]:
    out = []
    for name, mode in MODES.items():
        tail = (False, False, mode)
        samples = [
            ("rows", Gather(ROWS, (1, 3), *tail), arr((5, 3)), PLACES),
            ("columns", Gather(COLUMNS, (3, 1), *tail), arr((3, 5)), PLACES),
            ("points", Gather(POINTS, (1, 1), *tail), arr((5, 6)), PAIRS),
            ("swapped", Gather(SWAPPED, (1, 1), *tail), arr((6, 5)), PAIRS),
            ("boxes", Gather(BOXES, (2, 3), *tail), arr((5, 7)), CORNERS),
            ("spans", Gather(SPANS, (3,), *tail), arr((6,)), PLACES),
            ("one", Gather(ONE_ROW, (1, 3), *tail), arr((5, 3)), given([4], "int32")),
            ("outside", Gather(ONE_ROW, (1, 3), *tail), arr((5, 3)), given([5], "int32")),
            ("whole", Gather(WHOLE, (5, 3), *tail), arr((5, 3)), given(np.zeros(0), "int32")),
            ("batched", Gather(BATCHED, (1, 1, 2), *tail), arr((3, 4, 2)),
             ints((3, 5, 1), -2, 6)),
            ("crossed", Gather(CROSSED, (1, 1, 2), *tail), arr((2, 3, 5)),
             ints((3, 4, 2, 1), -2, 6)),
        ]  # fmt: skip
        out += [Sample(op, *args, name=f"{name}-{n}") for n, op, *args in samples]
    return out


def linear_scatters() -> list[Sample]:
    out = []
    for make in (Scatter, ScatterAdd, ScatterSub):
        for name, mode in {"clip": CLIP, "drop": FILL, "promise": PROMISE}.items():
            cases = [
                ("rows", ROWS, arr((5, 3)), PLACES, arr((7, 3))),
                ("columns", COLUMNS, arr((3, 5)), PLACES, arr((3, 7))),
                ("points", POINTS, arr((5, 6)), PAIRS, arr((3, 2))),
                ("boxes", BOXES, arr((5, 7)), CORNERS, arr((2, 3, 3))),
                ("one", ONE_ROW, arr((5, 3)), given([4], "int32"), arr((3,))),
                ("outside", ONE_ROW, arr((5, 3)), given([5], "int32"), arr((3,))),
                ("whole", WHOLE, arr((5, 3)), given(np.zeros(0), "int32"), arr((4, 2))),
                ("batched", BATCHED, arr((3, 4, 2)), ints((3, 5, 1), -2, 6), arr((3, 5, 2))),
                ("crossed", CROSSED, arr((2, 3, 5)), ints((3, 4, 2, 1), -2, 6), arr((3, 2, 4, 2))),
            ]
            for case, numbers, *args in cases:
                op = make(as_scatter_numbers(numbers), False, False, mode)
                out.append(Sample(op, *args, name=f"{name}-{case}"))
        unique = make(as_scatter_numbers(ROWS), False, True)
        args = arr((5, 3)), DISTINCT, arr((3, 3))
        out.append(Sample(unique, *args, name="unique", dtypes=NUMBERS))
    return out


def other_scatters() -> list[Sample]:
    out = []
    numbers = as_scatter_numbers(ROWS)
    for make in (ScatterMul, ScatterMin, ScatterMax):
        for name, mode in {"clip": CLIP, "drop": FILL}.items():
            args = arr((5, 3)), PLACES, arr((7, 3))
            out.append(Sample(make(numbers, False, False, mode), *args, name=name))
        args = arr((5, 3)), DISTINCT, arr((3, 3))
        real = [d for d in NUMBERS if d != "complex64"]
        kinds = NUMBERS if make is ScatterMul else real
        out.append(Sample(make(numbers, False, True), *args, name="unique", dtypes=kinds))
    bools = arr((5, 3), "bool"), PLACES, arr((7, 3), "bool")
    makers = (Scatter, ScatterMin, ScatterMax)
    out += [Sample(make(numbers), *bools, name="bool") for make in makers]
    zero = given(np.zeros((7, 3)), "float32")
    out.append(Sample(ScatterMul(numbers), arr((5, 3)), PLACES, zero, name="zeros", skip={
        "second_order": "the derivative by factors that are zero and meet is of first order",
    }))  # fmt: skip
    triple = stage(lambda a: (Mul()(a, np.float32(3)),), [Aval((), np.float32)]).jaxpr
    for name, mode in {"clip": CLIP, "drop": FILL}.items():
        op = ScatterApply(numbers, False, False, mode, (7, 3), triple)
        why = dict.fromkeys(("jvp", "vjp", "second_order"), "declared unsupported")
        out.append(Sample(op, arr((5, 3)), PLACES, name=f"apply-{name}", differentiable=False,
                          skip=why))  # fmt: skip
    return out


SAMPLES: list[Sample] = [
    *gathers(),
    *linear_scatters(),
    *other_scatters(),
    *(
        Sample(Gather(ROWS, (1, 3), False, False, PROMISE), arr((5, 3)), INSIDE, name="promise",
               dtypes=[d]) for d in (*NUMBERS, "bool")
    ),
    Sample(Gather(ROWS, (1, 3), mode=FILL, fill_value=7), arr((5, 3)), PLACES, name="filled",
           dtypes=NUMBERS),
    *(
        Sample(Gather(ROWS, (1, 3), mode=FILL), arr((5, 3)), PLACES, name="default",
               dtypes=[d]) for d in (*NUMBERS, "bool", "int8")
    ),
    Sample(Gather(ROWS, (1, 3), mode=CLIP), arr((5, 3)), ints((4, 1), 0, 200, "uint8"),
           name="unsigned"),
    Sample(Gather(ROWS, (0, 3), mode=FILL), arr((0, 3)), ints((2, 1), 0, 2), name="of_nothing"),
    Sample(ScatterAdd(as_scatter_numbers(ROWS)), arr((0, 3)), ints((2, 1), 0, 2), arr((2, 3)),
           name="of_nothing"),
    Sample(Gather(ROWS, (1, 0), mode=FILL), arr((5, 0)), ints((2, 1), 0, 2), name="nothing"),
    Sample(Gather(ROWS, (1, 3), mode=FILL), arr((5, 3)), ints((0, 1), 0, 2), name="no_places"),
]  # fmt: skip
