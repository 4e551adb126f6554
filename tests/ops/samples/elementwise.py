"""Elementwise operations: arithmetic, comparisons, elementary and special functions, bits."""

import numpy as np

from gradax.core.op import Op
from gradax.lax import arithmetic as ar
from gradax.lax import bits
from gradax.lax import comparison as co
from gradax.lax import complex_parts as cp
from gradax.lax import convert as cv
from gradax.lax import elementary as el
from gradax.lax import gamma as ga
from gradax.lax import incomplete as inc
from gradax.lax import rounding as ro
from gradax.lax import special as sp
from gradax.lax import trigonometric as tr
from tests.ops.sample import COMPLEXES, EDGES, FLOATS, INTS, NUMBERS, Sample, arr, given, ints

INEXACT = (*FLOATS, *COMPLEXES)
SHAPE = (3, 5)


def unary(op: Op, kind: str, dtypes=INEXACT, **options) -> list[Sample]:
    """Return samples of a function of one operand: a kind of numbers, and special values."""
    reals = [d for d in dtypes if d not in COMPLEXES and np.dtype(getattr(np, d, "f")).kind != "i"]
    edges = [
        Sample(op, given(EDGES), name="edges", dtypes=reals[:3], differentiable=False, **options)
    ]
    return [
        Sample(op, arr(SHAPE, kind=kind), dtypes=dtypes, **options),
        Sample(op, arr((), kind=kind), dtypes=dtypes[:1], name="scalar", **options),
        *(edges if reals else ()),
    ]


def binary(op: Op, kinds=("normal", "normal"), dtypes=NUMBERS, **options) -> list[Sample]:
    """Return samples of a function of two operands: of one shape, and one of rank 0."""
    x, y = kinds
    return [
        Sample(op, arr(SHAPE, kind=x), arr(SHAPE, kind=y), dtypes=dtypes, **options),
        Sample(op, arr((), kind=x), arr(SHAPE, kind=y), dtypes=dtypes[:1], **options),
        Sample(op, arr(SHAPE, kind=x), arr((), kind=y), dtypes=dtypes[:1], **options),
    ]


def edges(op: Op, dtypes=("float32", "float64"), **options) -> Sample:
    """Return the sample of every pair of special values."""
    pairs = np.meshgrid(EDGES, EDGES)
    return Sample(
        op, given(pairs[0]), given(pairs[1]), name="edges", dtypes=dtypes, differentiable=False,
        **options,
    )  # fmt: skip


INTEGER_EDGES = np.array([0, 1, -1, 5, -7, 2**31 - 1, -(2**31)])
INTEGER_PAIRS = np.meshgrid(INTEGER_EDGES, INTEGER_EDGES)


def integer_edges(op: Op) -> Sample:
    """Return the sample of pairs of extreme integers."""
    x, y = INTEGER_PAIRS
    return Sample(op, given(x, "int32"), given(y, "int32"), name="integer edges")


ARITHMETIC = [
    *unary(ar.Neg(), "normal", NUMBERS),
    *binary(ar.Add()), integer_edges(ar.Add()),
    *binary(ar.AddAny()),
    *binary(ar.Sub()), integer_edges(ar.Sub()),
    *binary(ar.Mul()), integer_edges(ar.Mul()), edges(ar.Mul()),
    *binary(ar.Div(), ("normal", "positive")), integer_edges(ar.Div()), edges(ar.Div()),
    *binary(ar.Rem(), ("between", "positive"), ("float32", "float64", "int32", "uint8")),
    integer_edges(ar.Rem()), edges(ar.Rem()),
    *binary(ar.Max(), ("distinct", "normal"), ("float32", "bfloat16", "int32", "uint8")),
    Sample(ar.Max(), arr(SHAPE), arr(SHAPE), dtypes=("complex64", "bool"), differentiable=False),
    edges(ar.Max()), integer_edges(ar.Max()),
    *binary(ar.Min(), ("distinct", "normal"), ("float32", "bfloat16", "int32", "uint8")),
    Sample(ar.Min(), arr(SHAPE), arr(SHAPE), dtypes=("complex64", "bool"), differentiable=False),
    edges(ar.Min()), integer_edges(ar.Min()),
    *(
        Sample(ar.IntegerPow(y), arr(SHAPE, kind="positive"), dtypes=(*FLOATS, "complex64"),
               name=f"y{y}")
        for y in (0, 1, 2, 3, 7, -1, -2, -3)
    ),
    Sample(ar.IntegerPow(5), ints(SHAPE, -9, 9), name="integer"),
    *unary(el.Square(), "normal", NUMBERS),
]  # fmt: skip

COMPARISONS = [
    *(
        s
        for cls in (co.Lt, co.Le, co.Gt, co.Ge)
        for s in (*binary(cls(), dtypes=("float32", "int32", "uint8", "bool")), edges(cls()))
    ),
    *(
        s
        for cls in (co.Eq, co.Ne)
        for s in (
            *binary(cls(), dtypes=("float32", "int32", "complex64", "bool")),
            edges(cls()),
            Sample(cls(), ints(SHAPE, 0, 2), ints(SHAPE, 0, 2)),
        )
    ),
    Sample(co.SelectN(), arr(SHAPE, "bool"), arr(SHAPE), arr(SHAPE), dtypes=NUMBERS),
    Sample(co.SelectN(), arr((), "bool"), arr(SHAPE), arr(SHAPE), name="one for all"),
    Sample(co.SelectN(), ints(SHAPE, -1, 4), arr(SHAPE), arr(SHAPE), arr(SHAPE), name="three"),
    Sample(co.SelectN(), arr(SHAPE, "bool"), arr(SHAPE), name="one case"),
    Sample(co.Clamp(), arr(SHAPE, kind="unit"), arr(SHAPE), arr(SHAPE, kind="positive"),
           dtypes=("float32", "bfloat16", "int32")),
    Sample(co.Clamp(), given(-0.5), arr(SHAPE), given(0.7), name="scalar bounds"),
    Sample(co.Clamp(), given(0.5), arr(SHAPE), given(-0.7), name="crossed",
           differentiable=(1,)),
]  # fmt: skip

ELEMENTARY = [
    *unary(el.Exp(), "normal"),
    *unary(el.Exp2(), "normal"),
    *unary(el.Expm1(), "normal"),
    *unary(el.Log(), "positive"),
    *unary(el.Log1p(), "positive"),
    *unary(el.Logistic(), "normal"),
    *unary(el.Sqrt(), "positive"),
    *unary(el.Rsqrt(), "positive"),
    *unary(el.Cbrt(), "positive", FLOATS),
    *binary(el.Pow(), ("positive", "normal"), INEXACT),
    edges(el.Pow()),
    Sample(el.Pow(), arr(SHAPE), ints(SHAPE, -3, 4), dtypes=("float32", "complex64"),
           name="whole powers"),
    Sample(el.Pow(), given([0.0, 0.0, 2.0]), given([0, 2, 0], "int32"), name="powers of zero",
           skip={"second_order": "the power of zero bends there"}),
    *unary(tr.Sin(), "normal"),
    *unary(tr.Cos(), "normal"),
    *unary(tr.Tan(), "unit"),
    *unary(tr.Asin(), "unit"),
    *unary(tr.Acos(), "unit"),
    *unary(tr.Atan(), "normal"),
    *binary(tr.Atan2(), dtypes=FLOATS),
    edges(tr.Atan2()),
    *unary(tr.Sinh(), "normal"),
    *unary(tr.Cosh(), "normal"),
    *unary(tr.Tanh(), "normal"),
    *unary(tr.Asinh(), "normal"),
    *unary(tr.Acosh(), "above_one"),
    *unary(tr.Atanh(), "unit"),
]  # fmt: skip

SPECIAL = [
    *unary(sp.Erf(), "normal", FLOATS),
    *unary(sp.Erfc(), "normal", FLOATS),
    *unary(sp.ErfInv(), "unit", FLOATS),
    *unary(sp.BesselI0e(), "positive", FLOATS),
    *unary(sp.BesselI1e(), "positive", FLOATS),
    *unary(ga.Lgamma(), "positive", FLOATS),
    *unary(ga.Digamma(), "positive", FLOATS),
    Sample(ga.Polygamma(), given([[0], [1], [2], [3]] * np.ones((1, 5))),
           arr((4, 5), kind="positive"), dtypes=("float32", "float64"), differentiable=(1,)),
    Sample(ga.Zeta(), arr(SHAPE, kind="above_one"), arr(SHAPE, kind="positive"),
           dtypes=("float32", "float64", "bfloat16"), differentiable=(1,)),
    *(
        Sample(op, arr(SHAPE, kind="positive"), arr(SHAPE, kind="positive"), dtypes=FLOATS,
               skip={"second_order": "the derivative by a has no derivative"})
        for op in (inc.Igamma(), inc.Igammac())
    ),
    *(
        Sample(op, arr(SHAPE, kind="positive"), arr(SHAPE, kind="positive"), dtypes=FLOATS,
               differentiable=False)
        for op in (inc.IgammaGradA(), inc.RandomGammaGrad())
    ),
    Sample(inc.RegularizedIncompleteBeta(), arr(SHAPE, kind="positive"),
           arr(SHAPE, kind="positive"), arr(SHAPE, kind="probability"),
           dtypes=("float32", "float64"), differentiable=(2,)),
]  # fmt: skip

BITS = [
    *(
        Sample(op, arr(SHAPE, kind="bits"), arr(SHAPE, kind="bits"), dtypes=(*INTS, "bool"))
        for op in (bits.And(), bits.Or(), bits.Xor())
    ),
    Sample(bits.Not(), arr(SHAPE, kind="bits"), dtypes=(*INTS, "bool")),
    *(
        Sample(op, arr(SHAPE, kind="bits"), ints(SHAPE, -2, 40, dtype), dtypes=(dtype,))
        for op in (bits.ShiftLeft(), bits.ShiftRightLogical(), bits.ShiftRightArithmetic())
        for dtype in INTS
    ),
    Sample(bits.PopulationCount(), arr(SHAPE, kind="bits"), dtypes=INTS),
    Sample(bits.Clz(), arr(SHAPE, kind="bits"), dtypes=INTS),
    *(
        Sample(op, given(-7, "int32"), name="scalar")
        for op in (bits.Not(), bits.PopulationCount(), bits.Clz())
    ),
    *(
        Sample(op, given(-7, "int32"), given(3, "int32"), name="scalars")
        for op in (bits.And(), bits.ShiftLeft(), bits.ShiftRightLogical(),
                   bits.ShiftRightArithmetic(), bits.Mulhi())
    ),
    Sample(bits.Clz(), given([0, 1, -1, 2**31 - 1], "int32"), name="edges"),
    Sample(bits.Mulhi(), arr(SHAPE, kind="bits"), arr(SHAPE, kind="bits"),
           dtypes=(*INTS, "uint64")),
]  # fmt: skip

ROUNDING = [
    *unary(ro.Abs(), "between", ("float32", "float64", "bfloat16", "int32", "complex64")),
    *unary(ro.Sign(), "between", ("float32", "bfloat16", "int32", "uint8")),
    Sample(ro.Sign(), arr(SHAPE), dtypes=("complex64",), differentiable=False),
    *unary(ro.Floor(), "between", FLOATS),
    *unary(ro.Ceil(), "between", FLOATS),
    *unary(ro.Round(ro.RoundingMethod.AWAY_FROM_ZERO), "between", FLOATS),
    *unary(ro.Round(ro.RoundingMethod.TO_NEAREST_EVEN), "between", FLOATS),
    *unary(ro.IsFinite(), "normal", FLOATS),
    *binary(ro.Nextafter(), dtypes=FLOATS, differentiable=False),
    edges(ro.Nextafter()),
    Sample(ro.ReducePrecision(5, 10), arr((4, 50), kind="wide"), dtypes=("float32", "float64"),
           differentiable=False),
    Sample(ro.ReducePrecision(8, 7), given(EDGES), dtypes=("float32", "bfloat16", "float16"),
           name="edges", differentiable=False),
    Sample(ro.ReducePrecision(11, 52), arr(SHAPE), dtypes=("float64",), name="all of it"),
    Sample(ro.ReducePrecision(5, 3), given(1.3), name="scalar", differentiable=False),
    *unary(cp.Real(), "normal", COMPLEXES),
    *unary(cp.Imag(), "normal", COMPLEXES),
    *binary(cp.Complex(), dtypes=("float32", "float64")),
    Sample(cp.Conj(np.dtype(np.complex64)), arr(SHAPE, "complex64")),
    Sample(cp.Conj(np.dtype(np.float32)), arr(SHAPE), name="real"),
]  # fmt: skip

DTYPES = ("bool", "int8", "int32", "int64", "uint8", "uint32", "float32", "float64", "bfloat16",
          "float16", "complex64", "complex128")  # fmt: skip
CONVERSIONS = [
    *(
        Sample(cv.ConvertElementType(np.dtype(getattr(np, target, None) or "float32")),
               arr((4, 6), kind="between"), name=f"to {target}", dtypes=DTYPES,
               differentiable=False)
        for target in DTYPES if target != "bfloat16"
    ),
    Sample(cv.ConvertElementType(np.dtype(np.float64)), arr(SHAPE), name="widen"),
    Sample(cv.ConvertElementType(np.dtype(np.complex128)), arr(SHAPE), name="to complex"),
    Sample(cv.ConvertElementType(np.dtype(np.int32)),
           given([0.0, -0.5, 2.9, -2.9, 3e9, -3e9, np.inf, -np.inf, np.nan]), name="saturating",
           differentiable=False),
    Sample(cv.BitcastConvertType(np.dtype(np.int32)), arr(SHAPE), differentiable=False),
    Sample(cv.BitcastConvertType(np.dtype(np.int32)), given(1.5), name="scalar",
           differentiable=False),
    Sample(cv.BitcastConvertType(np.dtype(np.uint8)), arr(SHAPE), name="narrow",
           differentiable=False),
    Sample(cv.BitcastConvertType(np.dtype(np.float32)), arr((3, 4), "uint8", "bits"), name="wide",
           differentiable=False),
]  # fmt: skip

SAMPLES = [*ARITHMETIC, *COMPARISONS, *ELEMENTARY, *SPECIAL, *BITS, *ROUNDING, *CONVERSIONS]
