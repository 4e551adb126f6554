from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import pytest

from .calls import N_THREADS, bfloat16, call, code, random_array

TOLERANCE = {"float16": 3e-3, "bfloat16": 2e-2, "float32": 1e-5, "complex64": 1e-5}


@dataclass(frozen=True)
class Case:
    batch: int
    c_in: int
    c_out: int
    groups: int
    size: tuple[int, ...]
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    pad: tuple[tuple[int, int], ...]
    lhs_dilation: tuple[int, ...]
    rhs_dilation: tuple[int, ...]

    @property
    def out(self) -> tuple[int, ...]:
        dims = zip(
            self.size,
            self.kernel,
            self.stride,
            self.pad,
            self.lhs_dilation,
            self.rhs_dilation,
            strict=True,
        )
        return tuple(
            ((n - 1) * ld + 1 + lo + hi - ((k - 1) * rd + 1)) // s + 1
            for n, k, s, (lo, hi), ld, rd in dims
        )


CASES = [
    Case(2, 3, 5, 1, (9,), (3,), (1,), ((1, 1),), (1,), (1,)),
    Case(1, 1, 1, 1, (1000,), (7,), (1,), ((6, 6),), (1,), (1,)),
    Case(1, 1, 1, 1, (700,), (5,), (3,), ((2, 4),), (1,), (2,)),
    Case(3, 4, 8, 1, (10, 11), (3, 3), (1, 1), ((1, 1), (1, 1)), (1, 1), (1, 1)),
    Case(3, 16, 8, 1, (10, 11), (1, 1), (1, 1), ((0, 0), (0, 0)), (1, 1), (1, 1)),
    Case(2, 4, 6, 2, (10, 11), (3, 2), (2, 3), ((1, 0), (2, 1)), (1, 1), (2, 1)),
    Case(2, 6, 6, 6, (8, 9), (3, 3), (1, 2), ((1, 1), (1, 1)), (1, 1), (1, 1)),
    Case(2, 4, 12, 4, (8, 9), (3, 3), (2, 1), ((0, 0), (1, 1)), (1, 1), (1, 2)),
    Case(2, 5, 7, 1, (6, 7), (3, 4), (1, 1), ((2, 2), (3, 3)), (2, 3), (1, 1)),
    Case(2, 5, 7, 1, (6, 7), (3, 4), (2, 3), ((2, 2), (3, 3)), (3, 2), (2, 1)),
    Case(2, 6, 6, 6, (6, 7), (3, 3), (1, 1), ((2, 2), (2, 2)), (2, 2), (1, 1)),
    Case(
        1, 3, 4, 1, (5, 6, 7), (2, 3, 2), (1, 2, 1), ((0, 1), (1, 1), (1, 0)), (1, 1, 2), (1, 1, 1)
    ),
    Case(2, 40, 30, 1, (20, 20), (5, 5), (1, 1), ((2, 2), (2, 2)), (1, 1), (1, 1)),
    Case(3, 10, 6, 1, (40, 40), (38, 38), (1, 1), ((0, 0), (0, 0)), (1, 1), (1, 1)),
    Case(2, 3, 4, 1, (9, 9), (3, 3), (1, 1), ((-1, 0), (0, -2)), (1, 1), (1, 1)),
    Case(2, 3, 4, 1, (4,), (2,), (1,), ((5, 5),), (4,), (1,)),
    Case(0, 3, 4, 1, (4,), (2,), (1,), ((0, 0),), (1,), (1,)),
    Case(1, 0, 4, 1, (4,), (2,), (1,), ((0, 0),), (1,), (1,)),
    # Boxes of outputs inside and outside of the padding, tiles at their ends, many groups.
    Case(2, 32, 64, 1, (28, 28), (3, 3), (1, 1), ((1, 1), (1, 1)), (1, 1), (1, 1)),
    Case(3, 20, 33, 1, (30, 17), (3, 3), (2, 2), ((0, 1), (1, 0)), (1, 1), (1, 1)),
    Case(1, 64, 48, 1, (700,), (5,), (1,), ((2, 2),), (1,), (1,)),
    Case(2, 12, 24, 4, (20, 20), (3, 3), (1, 1), ((2, 2), (2, 2)), (1, 1), (2, 2)),
    Case(1, 1024, 20, 1, (5, 5), (1, 1), (1, 1), ((0, 0), (0, 0)), (1, 1), (1, 1)),
    Case(2, 8, 17, 1, (9, 9), (4, 4), (1, 1), ((2, 1), (2, 1)), (2, 2), (1, 1)),
    # More taps than outputs.
    Case(13, 4, 40, 1, (16, 16), (14, 14), (1, 1), ((0, 0), (0, 0)), (1, 1), (1, 1)),
    Case(32, 3, 17, 1, (14, 14), (14, 14), (1, 1), ((1, 1), (1, 1)), (1, 1), (1, 1)),
    Case(7, 2, 33, 1, (20, 20), (9, 9), (1, 1), ((1, 0), (0, 2)), (1, 1), (2, 2)),
    Case(5, 6, 16, 1, (900,), (900,), (1,), ((1, 1),), (1,), (1,)),
    Case(3, 2, 5, 1, (6, 7, 8), (5, 6, 7), (1, 1, 1), ((0, 0), (0, 0), (0, 0)), (1,) * 3, (1,) * 3),
    Case(4, 3, 5, 1, (4, 4), (8, 8), (2, 2), ((3, 5), (6, 2)), (1, 1), (1, 1)),
]


def random_case(seed: int) -> Case:
    """Draw a convolution, of zero to many outputs along each axis."""
    rng = np.random.default_rng(seed)

    def some(low: int, high: int) -> tuple[int, ...]:
        return tuple(int(n) for n in rng.integers(low, high, d, endpoint=True))

    while True:
        d, groups = int(rng.integers(1, 4)), int(rng.choice([1, 1, 1, 2, 3]))
        c_in, c_out = (groups * int(n) for n in rng.integers(1, 40 // d, 2))
        pad = tuple(zip(some(-2, 6), some(-2, 6), strict=True))
        holes = some(1, 3) if rng.random() < 0.3 else (1,) * d
        spread = some(1, 3) if rng.random() < 0.4 else (1,) * d
        size, window, stride = some(1, 24 // d), some(1, 12 // d), some(1, 3)
        batch = int(rng.integers(0, 5))
        case = Case(batch, c_in, c_out, groups, size, window, stride, pad, holes, spread)
        if all(n >= 0 for n in case.out):
            return case


def random_orders(rng: np.random.Generator, n: int) -> tuple[tuple[int, ...], ...]:
    """Draw the orders in which the axes of the operands and the result lie in memory."""
    batch, *space, features = range(n)
    last, first = (batch, *space, features), (batch, features, *space)
    reverse = (features, *space, batch)
    kinds = [last, first, reverse, tuple(int(a) for a in rng.permutation(n))]
    return tuple(kinds[int(i)] for i in rng.integers(0, 4, 3))


def reference(case: Case, lhs: np.ndarray, rhs: np.ndarray) -> np.ndarray:
    out = np.zeros((case.batch, *case.out, case.c_out), lhs.dtype)
    per_in = case.c_in // case.groups
    per_out = case.c_out // case.groups
    for tap in itertools.product(*map(range, case.kernel)):
        for at in itertools.product(*map(range, case.out)):
            place = []
            for d, (o, t) in enumerate(zip(at, tap, strict=True)):
                i = o * case.stride[d] - case.pad[d][0] + t * case.rhs_dilation[d]
                if i % case.lhs_dilation[d] == 0 and 0 <= i // case.lhs_dilation[d] < case.size[d]:
                    place.append(i // case.lhs_dilation[d])
            if len(place) < len(at):
                continue
            x = lhs[(slice(None), *place)]
            for g in range(case.groups):
                columns = slice(g * per_out, (g + 1) * per_out)
                rows = slice(g * per_in, (g + 1) * per_in)
                term = x[:, rows] @ rhs[tap][:, columns]
                if out.dtype == bool:
                    out[(slice(None), *at, columns)] |= term
                else:
                    out[(slice(None), *at, columns)] += term
    return out


def params_of(case: Case, lhs: np.ndarray) -> list[int]:
    low = [lo for lo, _ in case.pad]
    lists = [
        case.size,
        case.kernel,
        case.out,
        case.stride,
        low,
        case.lhs_dilation,
        case.rhs_dilation,
    ]
    params = [code(lhs), case.batch, case.c_in, case.c_out, case.groups, len(case.size)]
    return params + [n for values in lists for n in values]


def convolve(case: Case, lhs: np.ndarray, rhs: np.ndarray) -> np.ndarray:
    out = np.full((case.batch, *case.out, case.c_out), 3, lhs.dtype)
    call("conv", [lhs, rhs], [out], params_of(case, lhs))
    return out


def convolve_floats(case, orders, lhs, rhs, most_bytes=64, n_threads=N_THREADS) -> np.ndarray:
    """Call the kernel with arrays whose axes lie in memory in the order that `orders` gives."""
    *space, ins, outs = range(lhs.ndim)
    arrays = [lhs, np.transpose(rhs, (outs, *space, ins))]
    arrays.append(np.full((case.batch, *case.out, case.c_out), 3, lhs.dtype))
    stored = [np.ascontiguousarray(np.transpose(x, o)) for x, o in zip(arrays, orders, strict=True)]
    steps = []
    for x, order in zip(stored, orders, strict=True):
        in_memory = [int(np.prod(x.shape[a + 1 :])) for a in range(x.ndim)]
        steps += [in_memory[a] for a in np.argsort(order)]
    params = [*params_of(case, lhs), *steps, most_bytes]
    call("conv_floats", stored[:2], stored[2:], params, n_threads)
    return np.transpose(stored[2], np.argsort(orders[2]))


def operands(case: Case, dtype, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    lhs = random_array(rng, (case.batch, *case.size, case.c_in), dtype)
    return lhs, random_array(rng, (*case.kernel, case.c_in // case.groups, case.c_out), dtype)


def check(case: Case, dtype) -> None:
    lhs, rhs = operands(case, dtype)
    compare(convolve(case, lhs, rhs), case, lhs, rhs)


def compare(got: np.ndarray, case: Case, lhs: np.ndarray, rhs: np.ndarray) -> None:
    if got.dtype == bool or got.dtype.kind in "iu":
        np.testing.assert_array_equal(got, reference(case, lhs, rhs))
        return
    wide = np.complex128 if got.dtype.kind == "c" else np.float64
    compare_arrays(got, reference(case, lhs.astype(wide), rhs.astype(wide)))


def compare_arrays(got: np.ndarray, want: np.ndarray) -> None:
    scale = max(1.0, float(np.max(np.abs(want), initial=0)))
    atol = scale * TOLERANCE.get(got.dtype.name, 1e-13)
    np.testing.assert_allclose(got.astype(want.dtype), want, rtol=0, atol=atol)


@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_convolution(case, dtype):
    check(case, dtype)


@pytest.mark.parametrize("case", [CASES[1], CASES[5], CASES[6], CASES[9]], ids=str)
@pytest.mark.parametrize(
    "dtype", ["bool", "i1", "u2", "i4", "u8", "f2", bfloat16, "c8", "c16"], ids=str
)
def test_other_dtypes(case, dtype):
    check(case, dtype)


@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.parametrize("most_bytes", [64, 32, 16])
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_floats_in_each_layout(case, most_bytes, dtype):
    lhs, rhs = operands(case, dtype)
    n = lhs.ndim
    last = tuple(range(n))
    first = (0, n - 1, *range(1, n - 1))
    # The third is how the derivative by a kernel sees arrays whose features are last.
    for orders in (
        (last,) * 3,
        (first,) * 3,
        ((n - 1, *range(1, n)[:-1], 0), (*last[1:], 0), last),
    ):
        compare(convolve_floats(case, orders, lhs, rhs, most_bytes), case, lhs, rhs)


@pytest.mark.parametrize("seed", range(60))
def test_random_convolutions(seed):
    case = random_case(seed)
    rng = np.random.default_rng(seed)
    lhs, rhs = operands(case, rng.choice(["f4", "f8"]), seed)
    orders = random_orders(rng, lhs.ndim)
    compare(convolve(case, lhs, rhs), case, lhs, rhs)
    for most_bytes in (64, 32, 16):
        compare(convolve_floats(case, orders, lhs, rhs, most_bytes), case, lhs, rhs)


@pytest.mark.parametrize("case", [CASES[12], CASES[18], CASES[24], CASES[27]], ids=str)
def test_threads_change_no_bit(case):
    lhs, rhs = operands(case, "f4")
    orders = (tuple(range(lhs.ndim)),) * 3
    one = convolve_floats(case, orders, lhs, rhs, n_threads=1)
    for n_threads in (2, 3, 8):
        many = convolve_floats(case, orders, lhs, rhs, n_threads=n_threads)
        np.testing.assert_array_equal(one, many)
