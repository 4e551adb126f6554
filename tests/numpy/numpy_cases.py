"""The table of test_against_numpy.py: functions, operands and arguments."""

from __future__ import annotations

import numpy as np
from numpy_operands import (
    Case,
    case,
    cplx,
    holey,
    natural,
    positive,
    real,
    rising,
    special,
    truth,
    unit,
    untrimmed_division,
    whole,
)

UNARY = [
    "sin",
    "cos",
    "tan",
    "arctan",
    "sinh",
    "cosh",
    "tanh",
    "arcsinh",
    "exp",
    "exp2",
    "expm1",
    "sqrt",
    "cbrt",
    "square",
    "absolute",
    "fabs",
    "sign",
    "floor",
    "ceil",
    "trunc",
    "rint",
    "negative",
    "positive",
    "reciprocal",
    "degrees",
    "radians",
    "isnan",
    "isinf",
    "isfinite",
    "signbit",
    "logical_not",
    "conjugate",
    "real",
    "imag",
    "isposinf",
    "isneginf",
    "iscomplex",
    "isreal",
    "sinc",
    "i0",
    "angle",
    "spacing",
    "nan_to_num",
    "log",
    "log2",
    "log10",
    "log1p",
]
BOUNDED = ["arcsin", "arccos", "arctanh"]
BINARY = [
    "add",
    "subtract",
    "multiply",
    "divide",
    "floor_divide",
    "remainder",
    "fmod",
    "maximum",
    "minimum",
    "fmax",
    "fmin",
    "arctan2",
    "copysign",
    "hypot",
    "logaddexp",
    "logaddexp2",
    "nextafter",
    "heaviside",
    "equal",
    "not_equal",
    "less",
    "less_equal",
    "greater",
    "greater_equal",
    "logical_and",
    "logical_or",
    "logical_xor",
    "float_power",
]
REDUCTIONS = [
    "sum",
    "prod",
    "mean",
    "std",
    "var",
    "max",
    "min",
    "all",
    "any",
    "ptp",
    "count_nonzero",
    "median",
]
NAN_REDUCTIONS = [
    "nansum",
    "nanprod",
    "nanmean",
    "nanstd",
    "nanvar",
    "nanmax",
    "nanmin",
    "nanmedian",
]
INTEGER = ["bitwise_and", "bitwise_or", "bitwise_xor", "gcd", "lcm"]


def elementwise() -> list[Case]:
    """Functions of elements, over values, dtypes and broadcasting."""
    out = [case(n, real(4, 5), tol=1e-5) for n in UNARY]
    out += [case(n, special(40), tol=1e-5) for n in UNARY if n not in ("i0", "sinc", "spacing")]
    out += [case(n, whole(6), tol=1e-5) for n in UNARY if n not in ("i0", "reciprocal", "spacing")]
    out += [case(n, unit(7), tol=1e-5) for n in BOUNDED]
    out += [case("arccosh", positive(7), reference=lambda x: np.arccosh(x))]
    of_complex = ("exp", "log", "sqrt", "sin", "cos", "tanh", "absolute", "angle")
    out += [case(n, cplx(5), tol=1e-5) for n in of_complex]
    out += [case(n, positive(3, 4), positive(3, 4)) for n in BINARY]
    out += [case(n, real(3, 1), real(4), tol=1e-5) for n in BINARY if n != "float_power"]
    out += [case(n, special(50), special(50)) for n in BINARY if n not in ("hypot", "float_power")]
    skipped = ("arctan2", "copysign", "hypot", "nextafter", "heaviside", "float_power", "logaddexp")
    out += [
        case(n, whole(20), whole(20, low=1))
        for n in BINARY
        if n not in skipped and n != "logaddexp2"
    ]
    out += [case(n, whole(20), whole(20)) for n in INTEGER]
    out += [case(n, whole(9), whole(9, low=0, high=5)) for n in ("left_shift", "right_shift")]
    out += [case("invert", whole(5)), case("bitwise_count", natural(5))]
    out += [case("power", positive(5), real(5), tol=1e-5), case("power", real(6), 3)]
    out += [case("power", whole(6), whole(6, low=0, high=5)), case("power", real(4), whole(4))]
    out += [case("ldexp", real(5), whole(5)), case("clip", real(9), -1.0, 1.0)]
    out += [case("frexp", special(30)), case("modf", real(9)), case("divmod", real(9), 0.7)]
    out += [case("round", real(9), 2), case("round", whole(9, low=-99, high=99), -1)]
    out += [case("where", truth(3, 4), real(4), 0.0), case("select", [truth(5)], [real(5)], 7.0)]
    out += [case("isclose", special(30), special(30)), case("allclose", real(4), real(4))]
    out += [case("array_equal", real(4), real(4)), case("array_equiv", real(1), real(3))]
    out += [case("unwrap", real(20, low=-9, high=9), tol=1e-5), case("real", cplx(3))]
    out += [case("nan_to_num", special(20), nan=1.0, posinf=2.0)]
    return out


def reductions() -> list[Case]:
    """Reductions over axes, masks and dtypes."""
    out: list[Case] = []
    for n in REDUCTIONS:
        out += [case(n, real(3, 4, 2)), case(n, whole(3, 4), axis=0), case(n, real(3, 4), axis=1)]
        out += [case(n, real(2, 3, 4), axis=(0, 2)), case(n, real(3, 4), axis=-1, keepdims=True)]
    for n in ("sum", "mean", "std", "var", "all", "any"):
        out += [case(n, real(3, 4), where=np.array([True, False, True, True]))]
    for n in ("max", "min", "prod", "sum"):
        out += [case(n, real(3, 4), initial=1.5), case(n, truth(4))]
    out += [case(n, holey(4, 5)) for n in NAN_REDUCTIONS]
    out += [case(n, holey(4, 5), axis=1) for n in NAN_REDUCTIONS]
    out += [case(n, real(4, 5), axis=a) for n in ("argmax", "argmin") for a in (None, 0, 1)]
    out += [case(n, holey(4, 5), axis=1) for n in ("nanargmax", "nanargmin")]
    out += [
        case("var", cplx(5)),
        case("var", real(5), ddof=1),
        case("std", real(3, 4), axis=0, ddof=1),
    ]
    out += [case("average", real(3, 4), axis=0, weights=np.array([1.0, 2.0, 3.0], np.float32))]
    for q in (0.3, np.array([0.0, 0.25, 1.0], np.float32)):
        out += [case("quantile", real(4, 5), q, axis=1), case("nanquantile", holey(4, 5), q)]
    for method in ("linear", "lower", "higher", "midpoint", "nearest"):
        out += [case("percentile", real(11), 37.0, method=method)]
    out += [
        case("cumsum", real(3, 4), axis=1),
        case("cumsum", whole(3, 4)),
        case("cumprod", real(5)),
    ]
    out += [case("nancumsum", holey(6)), case("nancumprod", holey(6)), case("cumsum", truth(5))]
    out += [case("diff", real(3, 5)), case("diff", real(5), n=2), case("diff", truth(5))]
    out += [case("diff", real(3, 5), axis=0, prepend=1.0, append=2.0), case("ediff1d", real(4))]
    out += [case("ediff1d", real(4), to_end=9.0, to_begin=8.0), case("gradient", real(6), 2.0)]
    out += [case("gradient", real(4, 5)), case("gradient", real(6), rising(6), tol=1e-4)]
    out += [case("trapezoid", real(6)), case("trapezoid", real(6), rising(6))]
    out += [case("cov", real(3, 9)), case("corrcoef", real(3, 9)), case("cov", real(9), real(9))]
    out += [case("cov", real(3, 5), aweights=np.arange(1.0, 6.0, dtype=np.float32))]
    return out


def shapes() -> list[Case]:
    """Changes of shape, joining and splitting."""
    out = [case("reshape", real(3, 4), s) for s in ((4, 3), (-1,), (2, -1, 2))]
    out += [case("reshape", real(3, 4), (4, 3), order="F"), case("ravel", real(2, 3), order="F")]
    out += [
        case("ravel", real(2, 3)),
        case("transpose", real(2, 3, 4)),
        case("squeeze", real(1, 3, 1)),
    ]
    out += [case("transpose", real(2, 3, 4), (1, 2, 0)), case("swapaxes", real(2, 3, 4), 0, -1)]
    out += [case("moveaxis", real(2, 3, 4), 0, -1), case("moveaxis", real(2, 3, 4), (0, 1), (2, 0))]
    out += [case("rollaxis", real(2, 3, 4), 2), case("rollaxis", real(2, 3, 4), 0, 3)]
    out += [case("expand_dims", real(2, 3), a) for a in (0, -1, (0, 3))]
    out += [case(n, real(3)) for n in ("atleast_1d", "atleast_2d", "atleast_3d")]
    out += [
        case("broadcast_to", real(3, 1), (2, 3, 4)),
        case("broadcast_arrays", real(3, 1), real(4)),
    ]
    out += [case("flip", real(2, 3)), case("flip", real(2, 3), 1), case("fliplr", real(2, 3))]
    out += [case("rot90", real(2, 3), k) for k in range(4)] + [case("flipud", real(2, 3))]
    out += [
        case("concatenate", [real(2, 3), real(1, 3)]),
        case("concatenate", [real(2), real(3)], None),
    ]
    out += [case("stack", [real(2), real(2)], axis=1), case("hstack", [real(2), real(3)])]
    out += [case("vstack", [real(3), real(2, 3)]), case("dstack", [real(3), real(3)])]
    out += [case("column_stack", [real(3), real(3, 2)]), case("append", real(2, 2), real(3))]
    out += [
        case("split", real(6, 2), 3),
        case("split", real(6), [1, 4]),
        case("array_split", real(7), 3),
    ]
    out += [
        case("hsplit", real(2, 4), 2),
        case("vsplit", real(4, 2), 2),
        case("dsplit", real(1, 2, 4), 2),
    ]
    out += [
        case("tile", real(2, 3), 2),
        case("tile", real(3), (2, 2)),
        case("tile", real(2, 1), (1, 3)),
    ]
    out += [case("repeat", real(2, 3), 2), case("repeat", real(2, 3), 2, axis=0)]
    out += [
        case("repeat", real(2, 3), np.array([1, 0, 2]), axis=1),
        case("resize", real(5), (3, 4)),
    ]
    return out + editing() + padding()


def editing() -> list[Case]:
    """Elements moved, added and taken away."""
    out = [
        case("roll", real(5), 2),
        case("roll", real(3, 4), -1, axis=0),
        case("roll", real(3, 4), 5),
    ]
    out += [
        case("roll", real(3, 4), (1, 2), axis=(0, 1)),
        case("trim_zeros", np.array([0, 1, 0, 2, 0])),
    ]
    out += [case("insert", real(5), 2, 9.0), case("insert", real(3, 4), 1, 9.0, axis=1)]
    out += [case("insert", real(5), [1, 3], np.array([7.0, 8.0], np.float32))]
    out += [case("delete", real(5), 2)]
    out += [case("delete", real(3, 4), [0, 2], axis=1), case("delete", real(6), slice(1, 4))]
    out += [
        case("insert", real(3, 4), 1, real(4), axis=0),
        case("insert", real(3, 4), 1, real(3), axis=1),
    ]
    return out


def padding() -> list[Case]:
    """Padding in every mode."""
    widths = ((2, 1), (3, 5))
    out = [
        case("pad", real(3, 4), 2),
        case("pad", real(3, 4), widths, constant_values=((1, 2), (3, 4))),
    ]
    for mode in ("edge", "wrap", "reflect", "symmetric", "linear_ramp"):
        out += [case("pad", real(3, 4), widths, mode)]
    for mode in ("maximum", "minimum", "mean", "median"):
        out += [
            case("pad", real(3, 4), widths, mode),
            case("pad", real(3, 4), 1, mode, stat_length=2),
        ]
    for mode in ("reflect", "symmetric"):
        out += [case("pad", real(4), 3, mode, reflect_type="odd")]
    out += [case("pad", real(5), 2, "linear_ramp", end_values=(3.0, -4.0))]
    return out


def creation() -> list[Case]:
    """Arrays that follow a rule."""
    out = [
        case("arange", 5),
        case("arange", 2, 9, 2),
        case("arange", 0.0, 1.0, 0.25),
        case("arange", 5, 0, -2),
    ]
    out += [case("linspace", -3, 3, 7), case("linspace", 0.0, 1.0, 5, endpoint=False)]
    out += [case("linspace", real(2), real(2), 4, axis=1), case("logspace", 0, 2, 5)]
    out += [
        case("geomspace", 1, 1000, 4, tol=1e-5),
        case("eye", 3),
        case("eye", 2, 4, 1),
        case("identity", 3),
    ]
    out += [case("tri", 3, 4, -1), case("tril", real(3, 4), 1), case("triu", real(2, 3, 3), -1)]
    out += [case("diag", real(4), k) for k in (-1, 0, 2)] + [
        case("diag", real(3, 4), k) for k in (-1, 0, 2)
    ]
    out += [
        case("diagonal", real(2, 3, 4), 1, 1, 2),
        case("diagflat", real(2, 2)),
        case("vander", real(4), 3),
    ]
    out += [
        case("vander", real(3), increasing=True),
        case("indices", (2, 3)),
        case("full", (2, 3), 7.0),
    ]
    out += [case("meshgrid", real(3), real(2)), case("meshgrid", real(3), real(2), indexing="ij")]
    out += [case("zeros_like", real(2)), case("ones_like", whole(2)), case("full_like", real(2), 3)]
    out += [case("tril_indices", 4), case("triu_indices", 3, 1), case("diag_indices", 3)]
    out += [case(n, 8) for n in ("bartlett", "blackman", "hamming", "hanning")]
    out += [case("kaiser", 8, 3.0, tol=1e-5)]
    return out


def products() -> list[Case]:
    """Products and sums of products."""
    dots = [((3,), (3,)), ((2, 3), (3,)), ((2, 3), (3, 4)), ((2, 3), (4, 3, 5)), ((), (3,))]
    matmuls = [((3,), (3,)), ((3,), (3, 4)), ((4, 2, 3), (3,)), ((3,), (4, 3, 2))]
    matmuls += [((5, 2, 3), (3, 4)), ((5, 2, 3), (1, 3, 4)), ((2, 3), (5, 3, 4))]
    matmuls += [((6, 1, 2, 3), (5, 3, 4)), ((1, 5, 2, 3), (6, 1, 3, 2))]
    out = [case("dot", real(*a), real(*b), tol=1e-5) for a, b in dots]
    out += [case("matmul", real(*a), real(*b), tol=1e-5) for a, b in matmuls]
    out += [case("inner", real(2, 3), real(4, 3), tol=1e-5), case("outer", real(2), real(2, 2))]
    out += [case("vdot", cplx(2, 3), cplx(2, 3), tol=1e-5), case("kron", real(2, 3), real(2))]
    out += [case("tensordot", real(2, 3, 4), real(4, 3, 2), ((2, 1), (0, 1)), tol=1e-5)]
    out += [
        case("tensordot", real(2, 3), real(2, 3), 2, tol=1e-5),
        case("cross", real(4, 3), real(3)),
    ]
    out += [
        case("trace", real(3, 4), 1),
    ]
    for text, *shape in (
        ("ij,jk->ik", (2, 3), (3, 4)), ("ij,kj", (2, 3), (4, 3)), ("ii->i", (3, 3)), ("ii", (3, 3)),
        ("bij,bjk->bik", (5, 2, 3), (5, 3, 4)), ("i,j->ij", (2,), (3,)),
        ("...ij->...ji", (2, 3, 4)),
        ("ij,jk,kl->il", (2, 3), (3, 4), (4, 5)), ("...i,...i", (2, 3), (3,)), ("ij->", (2, 3)),
        ("abc,bcd,de,ef->af", (2, 3, 4), (3, 4, 5), (5, 2), (2, 3)), ("ij,ij->j", (2, 3), (2, 3)),
        ("i->", (4,)), ("ij,j->ij", (2, 3), (3,)), ("iji->j", (2, 3, 2)),
    ):  # fmt: skip
        out += [case("einsum", text, *(real(*s) for s in shape), tol=1e-5)]
    out += [case("convolve", real(5), real(3), m, tol=1e-5) for m in ("full", "same", "valid")]
    out += [case("correlate", real(5), real(3), m, tol=1e-5) for m in ("full", "same", "valid")]
    out += [case("correlate", real(3), real(5), m, tol=1e-5) for m in ("full", "same", "valid")]
    out += [
        case("interp", real(9), rising(5), real(5), tol=1e-4),
        case("polyval", real(3), real(4), tol=1e-5),
    ]
    out += [case("interp", real(9), rising(5), real(5), left=0.0, right=1.0, tol=1e-4)]
    out += [
        case("polyadd", real(3), real(2)),
        case("polysub", real(2), real(3)),
        case("polyder", real(5)),
    ]
    out += [
        case("polymul", real(3), real(2)),
        case("polyint", real(4)),
        case("polyder", real(5), 2),
    ]
    out += [case("polyint", real(3), 2, k=[1.0, 2.0]), case("poly", real(3), tol=1e-5)]
    out += [
        case("polydiv", real(5), positive(3), tol=1e-4, reference=untrimmed_division),
        case("polyfit", rising(9), real(9), 2, tol=1e-3),
    ]
    return out


def searching() -> list[Case]:
    """Sorting, searching, counting, sets, and elements by place."""
    out = [case("sort", real(3, 4), axis=a) for a in (None, 0, 1)] + [case("sort", special(20))]
    out += [case("argsort", real(3, 4), axis=a) for a in (None, 0, 1)] + [case("sort", whole(9))]
    out += [case("lexsort", [whole(9, low=0, high=3), real(9)]), case("sort_complex", real(5))]
    for side in ("left", "right"):
        out += [
            case("searchsorted", rising(7), real(3, 4), side),
            case("searchsorted", np.arange(5), whole(9), side),
        ]
    out += [
        case("searchsorted", np.array([1.0, np.nan, np.nan]), np.array([np.nan, 0.0, 2.0]), "right")
    ]
    out += [case("digitize", real(9), rising(4)), case("digitize", real(9), rising(4), right=True)]
    out += [case("bincount", whole(20, low=0)), case("bincount", whole(9, low=0), minlength=15)]
    out += [
        case("histogram", real(50)),
        case("histogram", real(50), 5, (-1, 2)),
        case("histogram", real(50), rising(4)),
    ]
    out += [case("histogram", real(50), density=True), case("histogram2d", real(30), real(30), 4)]
    out += [case("unique", whole(20)), case("unique", whole(9, 2, high=-7), axis=0)]
    out += [case("unique", whole(20), return_index=True, return_inverse=True, return_counts=True)]
    sets = ["union1d", "intersect1d", "setdiff1d", "setxor1d", "isin"]
    out += [case(n, whole(9), whole(9)) for n in sets]
    out += [case("intersect1d", whole(9), whole(9), return_indices=True)]
    out += [
        case("take", real(3, 4), whole(5, low=0, high=3), axis=0),
        case("take", real(3, 4), whole(5)),
    ]
    out += [case("take_along_axis", real(3, 4), whole(3, 2, low=-4, high=4), axis=1)]
    out += [
        case("nonzero", whole(4, 5, low=0, high=2)),
        case("argwhere", whole(4, 5, low=0, high=2)),
    ]
    out += [case("flatnonzero", truth(9)), case("compress", truth(4), real(4, 3), axis=0)]
    out += [
        case("extract", truth(3, 4), real(3, 4)),
        case("choose", whole(5, low=0, high=3), [real(5)] * 3),
    ]
    out += [case("unravel_index", whole(5, low=0), (3, 4)), case("ix_", whole(2), whole(3))]
    out += [case("ravel_multi_index", [whole(4, low=0, high=3), whole(4, low=0, high=4)], (3, 4))]
    out += [case("packbits", truth(3, 10), axis=1), case("packbits", truth(20), bitorder="little")]
    out += [case("unpackbits", natural(3)), case("unpackbits", natural(3, 2), axis=1, count=11)]
    out += [case("tril_indices_from", real(3, 4)), case("diag_indices_from", real(3, 3))]
    return out


CASES = [*elementwise(), *reductions(), *shapes(), *creation(), *products(), *searching()]
