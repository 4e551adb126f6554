"""Convolutions of one channel a group: planes, channels beside each other, signals."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from .calls import random_array
from .test_conv import Case, compare_arrays, convolve_floats, random_orders


def reference(case, lhs, rhs):
    """Return the convolution, in float64, as a sum of shifted copies of the padded input."""
    d = len(case.size)
    spread = np.zeros(
        (
            case.batch,
            *((n - 1) * s + 1 for n, s in zip(case.size, case.lhs_dilation, strict=True)),
            case.c_in,
        )
    )
    spread[(slice(None), *(slice(None, None, s) for s in case.lhs_dilation))] = lhs
    pads = [(max(lo, 0), max(hi, 0)) for lo, hi in case.pad]
    x = np.pad(spread, [(0, 0), *pads, (0, 0)])
    cuts = [slice(max(-lo, 0), x.shape[1 + i] - max(-hi, 0)) for i, (lo, hi) in enumerate(case.pad)]
    x = np.repeat(x[(slice(None), *cuts)], case.c_out // case.c_in, -1)
    out = np.zeros((case.batch, *case.out, case.c_out))
    for tap in itertools.product(*map(range, case.kernel)):
        begins = [tap[i] * case.rhs_dilation[i] for i in range(d)]
        places = [
            slice(b, b + (n - 1) * s + 1, s)
            for b, n, s in zip(begins, case.out, case.stride, strict=True)
        ]
        out += x[(slice(None), *places)] * rhs[(*tap, 0)]
    return out


def random_case(rng):
    """Draw a depthwise convolution with at least one output."""

    def some(low, high, n):
        return tuple(int(v) for v in rng.integers(low, high, n, endpoint=True))

    while True:
        d = int(rng.integers(1, 4))
        groups, multiplier = int(rng.choice([1, 3, 16, 21, 40])), int(rng.choice([1, 1, 1, 2, 3]))
        size = (*some(1, 12, d - 1), int(rng.choice([1, 5, 14, 33, 70, 200])))
        pad = tuple(zip(some(-2, 6, d), some(-2, 6, d), strict=True))
        holes = some(1, 3, d) if rng.random() < 0.3 else (1,) * d
        spread = some(1, 3, d) if rng.random() < 0.3 else (1,) * d
        stride = some(1, 3, d) if rng.random() < 0.5 else (1,) * d
        window, batch = some(1, 7, d), int(rng.integers(1, 4))
        c_out = groups * multiplier
        case = Case(batch, groups, c_out, groups, size, window, stride, pad, holes, spread)
        if all(n > 0 for n in case.out):
            return case


@pytest.mark.parametrize("seed", range(150))
def test_random_layouts(seed):
    rng = np.random.default_rng(seed)
    case = random_case(rng)
    dtype = rng.choice(["f4", "f8"])
    lhs = random_array(rng, (case.batch, *case.size, case.c_in), dtype)
    rhs = random_array(rng, (*case.kernel, 1, case.c_out), dtype)
    want, n = reference(case, lhs, rhs), lhs.ndim
    last, first = tuple(range(n)), (0, n - 1, *range(1, n - 1))
    for orders in ((last,) * 3, (first,) * 3, random_orders(rng, n)):
        for most_bytes in (64, 32, 16):
            outs = [convolve_floats(case, orders, lhs, rhs, most_bytes, t) for t in (1, 2, 5)]
            compare_arrays(outs[0], want)
            for out in outs[1:]:
                np.testing.assert_array_equal(out, outs[0])


@pytest.mark.parametrize("value", [np.inf, np.nan])
@pytest.mark.parametrize("order", [(0, 1, 2, 3), (0, 3, 1, 2)])
def test_channels_do_not_mix(order, value):
    case = Case(1, 40, 40, 40, (9, 40), (3, 3), (1, 1), ((1, 1), (1, 1)), (1, 1), (1, 1))
    lhs, rhs = np.ones((1, 9, 40, 40), np.float32), np.ones((3, 3, 1, 40), np.float32)
    lhs[0, 4, 5, 7] = value
    out = convolve_floats(case, (order,) * 3, lhs, rhs)
    np.testing.assert_array_equal(np.isfinite(out).all((0, 1, 2)), np.arange(40) != 7)
    assert not np.isfinite(out[0, 3:6, 4:7, 7]).any()
    assert np.isfinite(np.delete(out[..., 7], np.s_[3:6], 1)).all()
