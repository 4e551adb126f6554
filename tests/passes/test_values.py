"""Hard values and shapes, the same at every level: dtypes, extremes, empty and large ranks."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from typing import Any

import ml_dtypes
import numpy as np
import pytest

import gradax
from gradax import lax

from .levels import VARIANTS, Array, check_exact

BF16, F16 = np.dtype(ml_dtypes.bfloat16), np.dtype(np.float16)
F8 = [np.dtype(getattr(ml_dtypes, f"float8_{n}")) for n in ("e4m3fn", "e5m2", "e4m3b11fnuz")]
FLOATS = [np.dtype(np.float32), np.dtype(np.float64), BF16, F16]
INTS = [np.dtype(f"{s}int{n}") for s in ("", "u") for n in (8, 16, 32, 64)]
COMPLEX = [np.dtype(np.complex64), np.dtype(np.complex128)]
BOOL = np.dtype(np.bool_)
EDGES = (0.0, -0.0, 1.0, -1.0, 0.5, -2.5, 3.5, np.inf, -np.inf, np.nan, 300.0, -70000.0, 1e10, 1e-7)
FIRST = VARIANTS[:1]


def edges(dtype: np.dtype[Any], n: int = 19) -> Array:
    """Return extreme values of a dtype."""
    with np.errstate(all="ignore"):
        if dtype == BOOL:
            return np.resize([True, False, False], n)
        if dtype.kind in "iu":
            low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
            values = [0, 1, 2, 3, 7, high, high - 1, low, low + 1, high // 2, high // 3 + 1]
            return np.resize(np.asarray(values, dtype), n)
        if dtype.kind == "c":
            return (np.resize(EDGES, n) + 1j * np.resize(EDGES[::-1], n)).astype(dtype)
        return np.resize(np.asarray(EDGES).astype(dtype), n)


def small(dtype: np.dtype[Any], shape: tuple[int, ...], seed: int = 0) -> Array:
    """Return small whole numbers, of which sums are exact."""
    rng = np.random.default_rng(seed)
    low = 0 if dtype == BOOL or dtype.name[0] == "u" else -3
    x = rng.integers(low, 2 if dtype == BOOL else 4, shape)
    if dtype.kind == "c":
        return (x + 1j * rng.integers(-3, 4, shape)).astype(dtype)
    return np.asarray(x).astype(dtype)


def subsets(n: int) -> list[tuple[int, ...]]:
    """Return all subsets of the axes."""
    return [c for k in range(n + 1) for c in combinations(range(n), k)]


@pytest.mark.parametrize("dtype", [*FLOATS, *INTS, *COMPLEX, BOOL, *F8], ids=str)
def test_conversions(dtype: np.dtype[Any]) -> None:
    """Every dtype to every other; floats to integers saturate."""
    targets = [*FLOATS, *INTS, BOOL, *F8]
    if dtype.kind == "c":
        targets = [*COMPLEX, BOOL]
    elif dtype not in F8:
        targets += COMPLEX
    check_exact(
        lambda x, y: [lax.convert_element_type(v, t) for v in (x, y) for t in targets],
        edges(dtype), edges(dtype, 1).reshape(()), variants=FIRST,
    )  # fmt: skip


@pytest.mark.parametrize("dtype", [*FLOATS, *INTS, BOOL], ids=str)
def test_elementwise_extremes(dtype: np.dtype[Any]) -> None:
    """Arithmetic, comparisons and bits at the edges of a type, against each other."""
    x = edges(dtype)
    pairs = np.repeat(x, len(x)), np.tile(x, len(x))
    names = ["eq", "ne", "lt", "le", "gt", "ge", "min", "max"]
    if dtype != BOOL:
        names += ["add", "sub", "mul", "div", "rem"]
    if dtype.kind in "iub":
        names += ["bitwise_and", "bitwise_or", "bitwise_xor"]
    if dtype.kind in "iu":
        names += ["shift_left", "shift_right_logical", "shift_right_arithmetic"]
    of_floats = ("neg", "abs", "sign", "floor", "ceil", "sqrt", "is_finite", "round")
    unary = {
        "i": ("neg", "abs", "sign", "bitwise_not", "population_count", "clz"),
        "u": ("neg", "bitwise_not", "population_count", "clz"),
        "b": ("bitwise_not",),
    }.get(dtype.kind, of_floats)
    if dtype in (BF16, F16):  # their zeros' signs are NumPy's choice
        names = [n for n in names if n not in ("min", "max")]

    def run(a: Any, b: Any) -> Any:
        out = [getattr(lax, n)(a, b) for n in names]
        return [*out, *(getattr(lax, n)(a) for n in unary), lax.select(lax.lt(a, b), b, a)]

    with np.errstate(all="ignore"):
        check_exact(run, *pairs, variants=VARIANTS[1:])


@pytest.mark.parametrize("dtype", [*FLOATS, *INTS, *COMPLEX, BOOL], ids=str)
@pytest.mark.parametrize("sizes", [(1, 2, 3), (15, 1, 2), (2, 16, 1), (3, 17), (100, 2), (2, 100)])
def test_reductions(dtype: np.dtype[Any], sizes: tuple[int, ...]) -> None:
    """Every reduction over every subset of the axes."""
    names = ["reduce_sum", "reduce_max", "reduce_min", "reduce_prod"]
    if dtype == BOOL:
        names = ["reduce_and", "reduce_or", "reduce_max", "reduce_min"]
    elif dtype.kind == "c":
        names = ["reduce_sum", "reduce_prod"]
    elif dtype.kind in "iu":
        names += ["reduce_and", "reduce_or", "reduce_xor"]
    x = small(dtype, sizes)
    units = np.where(small(np.dtype(np.int32), sizes, 1) > 0, 1, -1 if dtype.kind != "u" else 1)
    y = units.astype(dtype)

    def run(x: Any, y: Any) -> Any:
        operand = {"reduce_prod": y}
        return [getattr(lax, n)(operand.get(n, x), a) for n in names for a in subsets(len(sizes))]

    check_exact(run, x, y, variants=VARIANTS[sum(sizes) % 3 :][:1])


LARGE = [(70_001,), (2, 40_000), (40_000, 2), (3, 25_000, 2), (1, 66_000, 1), (9, 9_000)]


@pytest.mark.parametrize("shape", LARGE, ids=str)
@pytest.mark.parametrize("name", ["int32", "float32", "bfloat16", "complex64"])
def test_reductions_in_blocks(name: str, shape: tuple[int, ...]) -> None:
    """Large reductions to few points are cut; whatever is reduced, of whatever layout."""
    dtype = np.dtype(getattr(ml_dtypes, name, name))
    x = small(dtype, shape)
    axes = [a for a in subsets(len(shape)) if np.prod([shape[k] for k in a]) > 20_000]

    def run(x: Any) -> Any:
        turned = lax.transpose(x, tuple(reversed(range(x.ndim))))
        out = [lax.reduce_sum(x, a) for a in axes]
        out.append(lax.reduce_sum(lax.rev(turned, (0,)), tuple(range(x.ndim))))
        if dtype.kind == "c":
            return out
        where = [k for k, n in enumerate(shape) if n > 20_000]
        return [*out, *(lax.reduce_max(x, a) for a in axes),
                *(f(x, a, np.int32) for f in (lax.argmax, lax.argmin) for a in where)]  # fmt: skip

    if name == "bfloat16":  # exact sums of few numbers
        x = np.where(np.arange(x.size).reshape(shape) % 997 == 0, x, np.zeros_like(x))
    check_exact(run, x, variants=VARIANTS[len(shape) % 3 :][:1])


def test_reductions_of_several_operands() -> None:
    """A fold of pairs: complex numbers with their positions."""

    def larger(a: Any, b: Any) -> Any:
        (x, i), (y, j) = a, b
        ties = lax.bitwise_and(lax.eq(lax.real(y), lax.real(x)), lax.lt(j, i))
        take = lax.bitwise_or(lax.gt(lax.real(y), lax.real(x)), ties)
        return lax.select(take, y, x), lax.select(take, j, i)

    def run(x: Any) -> Any:
        at = lax.reshape(lax.iota(np.int32, x.size), x.shape)
        inits = (np.complex64(-100), np.int32(2**31 - 1))
        return [lax.reduce((x, at), inits, larger, axes) for axes in ((1,), (0, 1), (0,))]

    check_exact(run, small(COMPLEX[0], (5, 37)))


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
def test_extrema_of_nan(dtype: np.dtype[Any]) -> None:
    """NaN wins; of equals the first is chosen."""
    x = np.resize(np.asarray([1, 1, np.nan, 3, 3, -np.inf, np.inf, 2, np.nan, 0]), (7, 33))
    x = np.concatenate([x, np.full((2, 33), np.inf), np.full((2, 33), -np.inf), np.ones((2, 33))])
    functions = [lax.reduce_max, lax.reduce_min]
    arguments = [lax.argmax, lax.argmin]

    def run(x: Any) -> Any:
        best = [f(x, (axis,)) for f in functions for axis in (0, 1)]
        where = [f(x, axis, i) for f in arguments for axis in (0, 1) for i in (np.int32, np.int64)]
        cumulative = [f(x, axis, back) for f in (lax.cummax, lax.cummin) for axis in (0, 1)
                      for back in (False, True)]  # fmt: skip
        return [*best, *where, *cumulative]

    check_exact(run, x.astype(dtype))


@pytest.mark.parametrize("dtype", [np.dtype(np.int8), np.dtype(np.uint64), BOOL], ids=str)
def test_positions_of_integers(dtype: np.dtype[Any]) -> None:
    x = small(dtype, (5, 40))
    check_exact(lambda x: [f(x, a, np.int32) for f in (lax.argmax, lax.argmin) for a in (0, 1)], x)


@pytest.mark.parametrize("dtype", [*FLOATS, np.dtype(np.int8), np.dtype(np.uint64)], ids=str)
def test_cumulative(dtype: np.dtype[Any]) -> None:
    """Cumulative operations along every axis, both ways; sizes around a vector's."""

    def run(*arrays: Any) -> Any:
        return [f(x, a, back) for x in arrays for f in (lax.cumsum, lax.cummax, lax.cummin)
                for a in range(x.ndim) for back in (False, True)]  # fmt: skip

    check_exact(run, small(dtype, (3, 17, 2)), small(dtype, (1,)), small(dtype, (2, 1)),
                variants=FIRST)  # fmt: skip


def shapes_with_zero(x: Any) -> list[Any]:
    """Apply operations to an empty array."""
    n = x.ndim
    first = x.shape[0] if n else 1
    return [
        lax.add(x, x), lax.neg(x), lax.rev(x, tuple(range(n))), lax.reshape(x, (0, 3)),
        lax.transpose(x, tuple(reversed(range(n)))), lax.broadcast_in_dim(x, (2, *x.shape),
        tuple(range(1, n + 1))), lax.concatenate([x, x], 0), lax.cumsum(x, 0), lax.sort(x, 0),
        *(f(x, a) for f in (lax.reduce_sum, lax.reduce_max, lax.reduce_prod) for a in subsets(n)),
        lax.pad(x, np.asarray(5, x.dtype)[()], [(2, 1, 0)] * n), lax.slice(x, [0] * n, x.shape),
        lax.dynamic_slice(x, [np.int32(0)] * n, x.shape),
        lax.dynamic_update_slice(x, x, [np.int32(0)] * n),
        lax.convert_element_type(x, np.int32), lax.dot_general(x, x, (((0,), (0,)), ((), ()))),
        lax.dot_general(x, x, (((n - 1,), (n - 1,)), ((), ()))), lax.scan(
            lambda c, r: (c, lax.neg(r)), lax.full((), 1, np.int32), x, length=first)[1],
    ]  # fmt: skip


@pytest.mark.parametrize("shape", [(0,), (0, 3), (3, 0), (2, 0, 3), (0, 0)], ids=str)
def test_empty(shape: tuple[int, ...]) -> None:
    """Arrays without elements go everywhere."""
    check_exact(shapes_with_zero, np.zeros(shape, np.float32), variants=FIRST)


@pytest.mark.parametrize("dtype", [*FLOATS[:3], INTS[2], COMPLEX[0], BOOL], ids=str)
def test_rank_0(dtype: np.dtype[Any]) -> None:
    """Scalars go everywhere."""

    def run(x: Any, y: Any) -> Any:
        row = lax.broadcast_in_dim(x, (3,), ())
        out = [x, lax.reshape(x, (1, 1)), row, lax.transpose(x, ()), lax.rev(x, ()),
               lax.concatenate([lax.reshape(x, (1,)), lax.reshape(y, (1,))], 0),
               lax.dynamic_slice(row, [np.int32(2)], (1,)), lax.select(lax.eq(x, y), x, y),
               lax.dynamic_update_slice(row, lax.reshape(y, (1,)), [np.int32(-7)]),
               lax.pad(x, y, ()), lax.slice(x, (), ())]  # fmt: skip
        return out if dtype == BOOL else [*out, lax.add(x, y), lax.mul(row, row),
                                          lax.reduce_sum(x, ())]  # fmt: skip

    check_exact(run, small(dtype, ()), small(dtype, (), 1))


def test_eight_axes() -> None:
    x = small(FLOATS[0], (2, 1, 3, 2, 1, 2, 3, 2))
    order = (7, 2, 0, 5, 1, 3, 6, 4)

    def run(x: Any) -> Any:
        return [lax.transpose(x, order), lax.add(x, lax.rev(x, (0, 2, 7))),
                *(lax.reduce_sum(x, a) for a in ((0, 2, 4, 6), (1, 3, 5, 7), (7,), (0,), (3, 4))),
                lax.transpose(lax.add(lax.transpose(x, order), np.float32(1)), order),
                lax.cumsum(x, 6), lax.reshape(lax.transpose(x, order), (12, 12))]  # fmt: skip

    check_exact(run, x)


def test_broadcasts_in_every_position() -> None:
    """Each subset of the axes of an operand is stretched, the others kept."""
    shape = (3, 17, 5)
    arrays = [small(FLOATS[0], tuple(shape[k] for k in kept), i)
              for i, kept in enumerate(subsets(3))]  # fmt: skip

    def run(*arrays: Any) -> Any:
        wide = [lax.broadcast_in_dim(x, shape, kept)
                for x, kept in zip(arrays, subsets(3), strict=True)]  # fmt: skip
        total = wide[0]
        for x in wide[1:]:
            total = lax.sub(lax.mul(total, np.float32(0.5)), x)
        return [total, *wide, lax.reduce_sum(total, (1,))]

    check_exact(run, *arrays)


def test_pads() -> None:
    """Padding outside, between and negative; of pads of pads the parts read through."""
    x = small(FLOATS[0], (5, 18))
    configs = [
        ((0, 0, 0), (1, 2, 0)),
        ((2, 1, 1), (0, 0, 2)),
        ((-1, -2, 0), (3, -4, 0)),
        ((-1, 2, 2), (-3, -3, 3)),
        ((-5, 0, 0), (0, 0, 0)),
        ((9, -2, 0), (-18, 5, 0)),
    ]

    def run(x: Any) -> Any:
        out = [lax.pad(x, np.float32(7), c) for c in configs]
        twice = [lax.pad(lax.mul(lax.add(y, np.float32(1)), y), np.float32(-2), configs[0])
                 for y in out]  # fmt: skip
        sums = [lax.reduce_sum(lax.pad(lax.add(x, np.float32(3)), np.float32(0), c), (0,))
                for c in configs]  # fmt: skip
        return [*out, *twice, *sums, lax.rev(twice[1], (0, 1))]

    check_exact(run, x)


def test_large_integers() -> None:
    """64-bit integers beyond 2**53, and unsigned ones beyond 2**63."""
    x = np.asarray([2**53 + 1, -(2**62) - 3, 2**63 - 1, -(2**63), 7, -7], np.int64)
    y = np.asarray([2**64 - 1, 2**63, 2**63 + 11, 3, 0, 10**19], np.uint64)

    def run(x: Any, y: Any) -> Any:
        arithmetic = (lax.add, lax.sub, lax.mul, lax.div, lax.rem, lax.mulhi)
        order, reductions = (lax.max, lax.min, lax.lt), (lax.reduce_sum, lax.reduce_max)
        out = [f(v, lax.rev(v, (0,))) for v in (x, y) for f in (*arithmetic, *order)]
        out += [f(v, (0,)) for v in (x, y) for f in (*reductions, lax.reduce_min)]
        out += [lax.convert_element_type(x, np.uint64), lax.convert_element_type(y, np.int64)]
        return [*out, lax.sort(x, 0), lax.sort(y, 0), lax.cumsum(x, 0), lax.cummax(y, 0),
                lax.add(x, np.int64(2**62 + 1)), lax.argmax(y, 0, np.int64)]  # fmt: skip

    check_exact(run, x, y)


@pytest.mark.parametrize("dtype", [*FLOATS, *COMPLEX, INTS[0], BOOL], ids=str)
def test_scatters(dtype: np.dtype[Any]) -> None:
    """Updates at equal places, outside and inside, in order."""
    x, updates = small(dtype, (6, 5)), small(dtype, (9, 5), 1)
    at = np.asarray([0, 3, 3, -1, 5, 6, 0, 3, 2], np.int32).reshape(9, 1)
    unique = np.asarray([4, 0, 5], np.int32).reshape(3, 1)
    numbers = lax.ScatterDimensionNumbers((1,), (0,), (0,))
    points = lax.ScatterDimensionNumbers((), (0, 1), (0, 1))
    functions = [lax.scatter]
    if dtype != BOOL:
        functions += [lax.scatter_add, lax.scatter_mul]
    if dtype.kind not in "cb":
        functions += [lax.scatter_max, lax.scatter_min]

    def run(x: Any, updates: Any, at: Any, unique: Any) -> Any:
        out = [f(x, at, updates, numbers, mode=m) for f in functions for m in ("drop", "clip")]
        three = lax.slice(updates, (0, 0), (3, 5))
        out += [f(x, unique, three, numbers, unique_indices=True) for f in functions]
        both = lax.concatenate([at, at], 1)
        column = lax.reshape(lax.slice(updates, (0, 0), (9, 1)), (9,))
        return [*out, *(f(x, both, column, points, mode="drop") for f in functions)]

    check_exact(run, x, updates, at, unique)


def test_gathers() -> None:
    """Windows inside and outside, of several axes, at places that are computed."""
    x = small(FLOATS[0], (6, 7, 3))
    at = np.asarray([[0, 0], [5, 6], [2, -3], [9, 1], [-(2**31), 2**31 - 1], [3, 4]], np.int32)
    numbers = lax.GatherDimensionNumbers((1, 2), (0,), (0, 1))
    windows = lax.GatherDimensionNumbers((0, 2, 3), (), (1, 0))

    def run(x: Any, at: Any) -> Any:
        out = [lax.gather(x, at, numbers, (1, 2, 3), mode=m) for m in ("clip", "fill")]
        out += [lax.gather(x, at, windows, (2, 3, 2), mode=m) for m in ("clip", "fill")]
        inside = lax.gather(lax.mul(x, x), lax.clamp(np.int32(0), at, np.int32(5)), numbers,
                            (1, 1, 2), mode="promise_in_bounds")  # fmt: skip
        return [*out, inside, lax.gather(lax.exp(lax.mul(x, np.float32(0))), at, numbers, (1, 1, 1),
                                         mode="fill", fill_value=4)]  # fmt: skip

    check_exact(run, x, at)


def test_complex() -> None:
    """Complex numbers: arithmetic, comparisons, parts, reductions, layouts."""
    x, y = small(COMPLEX[0], (3, 17)), small(COMPLEX[0], (3, 17), 1)

    def run(x: Any, y: Any) -> Any:
        out = [lax.add(x, y), lax.sub(x, y), lax.mul(x, y), lax.neg(x), lax.conj(x), lax.eq(x, y),
               lax.ne(x, y), lax.real(x), lax.imag(x), lax.complex(lax.imag(x), lax.real(y)),
               lax.select(lax.eq(x, y), x, y), lax.reduce_sum(x, (0,)), lax.reduce_sum(x, (1,)),
               lax.reduce_sum(lax.mul(x, y), (0, 1)), lax.transpose(x, (1, 0)), lax.rev(y, (1,)),
               lax.concatenate([x, y], 1), lax.cumsum(x, 1),
               lax.pad(x, np.complex64(1j), ((1, 0, 0), (0, 2, 1)))]  # fmt: skip
        step = lambda c, r: (lax.mul(c, r), lax.add(c, r))
        return [*out, lax.scan(step, lax.index_in_dim(x, 0, 0, False), y)]

    check_exact(run, x, y)


def test_views_of_other_dtypes() -> None:
    """Bits read as other dtypes, as results, as operands and as bases of updates."""
    x, y = small(FLOATS[0], (4, 2)), small(INTS[3], (5,))

    def run(x: Any, y: Any) -> Any:
        bits = lax.bitcast_convert_type
        wide, narrow = bits(x, np.float64), bits(y, np.int32)
        made = bits(lax.add(x, x), np.uint64)
        update = lax.dynamic_update_slice(bits(lax.add(y, y), np.int32), narrow, [np.int32(0)] * 2)
        there_and_back = lambda c, _: (bits(bits(c, np.int32), np.int64), None)
        carried = lax.scan(there_and_back, y, None, length=2)[0]
        return [wide, narrow, made, update, carried, bits(update, np.int64)]

    check_exact(run, x, y)


@pytest.mark.parametrize("build", ["chain", "turns", "consumers", "parts", "doubling"])
def test_large_programs(build: Callable[..., Any]) -> None:
    """Long chains, many consumers, many parts: correct, in bounded time."""

    def chain(x: Any) -> Any:
        y = x
        for k in range(5000):
            y = lax.add(y, x) if k % 7 else lax.sub(y, np.float32(6))
        return [y]

    def turns(x: Any) -> Any:
        y = x
        for _ in range(1500):
            y = lax.sub(lax.rev(y, (0,)), x)
        return [y]

    def consumers(x: Any) -> Any:
        y = lax.sub(x, np.float32(1))
        return [lax.add(y, np.float32(k)) for k in range(300)]

    def parts(x: Any) -> Any:
        ends = [((k % 3,), (k % 3 + 1 + k % 5,)) for k in range(300)]
        rows = [lax.slice(lax.add(x, np.float32(k)), *e) for k, e in enumerate(ends)]
        return [lax.concatenate(rows, 0), lax.concatenate([x, *rows, x], 0)]

    def doubling(x: Any) -> Any:
        y = x
        for _ in range(80):
            y = lax.sub(lax.mul(lax.add(y, lax.rev(y, (0,))), np.float32(0.5)), np.float32(0))
        return [y]

    programs = {"chain": chain, "turns": turns, "consumers": consumers, "parts": parts,
                "doubling": doubling}  # fmt: skip
    check_exact(programs[build], small(FLOATS[0], (17,)), variants=FIRST)


@pytest.mark.parametrize(
    ("shape", "axes"),
    [((20000, 20), (0,)), ((20, 20000), (1,)), ((3_000_001,), (0,)), ((70, 300, 30), (0, 1))],
)
def test_long_sums_are_accurate(shape: tuple[int, ...], axes: tuple[int, ...]) -> None:
    """Sums of positive numbers, which one accumulator would round 20,000 times."""
    x = np.random.default_rng(0).uniform(size=shape).astype(np.float32)
    total, variance = gradax.jit(lambda v: (v.sum(axes), v.var(axes)))(x)
    wide = x.astype(np.float64)
    np.testing.assert_allclose(total, wide.sum(axes), rtol=2e-6)
    np.testing.assert_allclose(variance, wide.var(axes), rtol=1e-5)


@pytest.mark.parametrize("n", [1, 2, 7, 16, 31, 33, 100])
@pytest.mark.parametrize("dtype", [np.complex64, np.complex128, np.float32, np.int8])
def test_elements_two_apart(n: int, dtype: Any) -> None:
    """Parts of complex numbers and every second element: nothing behind the last is touched."""
    rng = np.random.default_rng(n)
    x, y = (rng.normal(size=k) * 50 for k in (2 * n - 1, n))
    if np.dtype(dtype).kind == "c":
        x, y = x + 1j * x[::-1], y - 2j * y[::-1]
    x, y = x.astype(dtype), y.astype(dtype)
    with np.errstate(all="ignore"):
        check_exact(lambda v: lax.slice(v, (0,), (v.shape[0],), (2,)), x)
        check_exact(lambda v, w: lax.sub(lax.slice(v, (0,), (v.shape[0],), (2,)), w), x, y)
        check_exact(lambda v: lax.add(lax.rev(v, (0,)), v), y)
