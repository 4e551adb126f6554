from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import pytest

from .calls import bfloat16, call, code, random_array

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
]


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


def convolve(case: Case, lhs: np.ndarray, rhs: np.ndarray) -> np.ndarray:
    out = np.full((case.batch, *case.out, case.c_out), 3, lhs.dtype)
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
    call("conv", [lhs, rhs], [out], params + [n for values in lists for n in values])
    return out


def check(case: Case, dtype) -> None:
    rng = np.random.default_rng(0)
    lhs = random_array(rng, (case.batch, *case.size, case.c_in), dtype)
    rhs = random_array(rng, (*case.kernel, case.c_in // case.groups, case.c_out), dtype)
    got = convolve(case, lhs, rhs)
    if got.dtype == bool or got.dtype.kind in "iu":
        np.testing.assert_array_equal(got, reference(case, lhs, rhs))
        return
    wide = np.complex128 if got.dtype.kind == "c" else np.float64
    want = reference(case, lhs.astype(wide), rhs.astype(wide))
    scale = max(1.0, float(np.max(np.abs(want), initial=0)))
    atol = scale * TOLERANCE.get(got.dtype.name, 1e-13)
    np.testing.assert_allclose(got.astype(wide), want, rtol=0, atol=atol)


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
