from __future__ import annotations

import numpy as np
import pytest

from .calls import bfloat16, call, code, random_array

ALL = [
    "bool",
    "i1",
    "i2",
    "i4",
    "i8",
    "u1",
    "u2",
    "u4",
    "u8",
    "f2",
    bfloat16,
    "f4",
    "f8",
    "c8",
    "c16",
]
FLOATS = ["f2", bfloat16, "f4", "f8"]


def sort(*operands, n_keys=1, descending=False):
    outs = [np.zeros_like(x) for x in operands]
    outer, n = operands[0].shape
    params = [outer, n, len(operands), n_keys, True, descending, *map(code, operands)]
    call("sort", operands, outs, params)
    return outs


def order(key, descending=False):
    """Return the stable order of one row, as jax.lax.sort has it."""
    if key.dtype.kind == "c":
        ranks = [rank(key.real), rank(key.imag)]
    else:
        ranks = [rank(key)]
    ranks = [-r if descending else r for r in ranks]
    return np.lexsort(ranks[::-1])


def rank(values):
    if values.dtype == bool or values.dtype.kind in "iu":
        return np.unique(values, return_inverse=True)[1]
    return np.unique(values.astype(np.float64), return_inverse=True)[1]


def with_specials(rng, x):
    if x.dtype.kind in "iub" and x.dtype != bfloat16:
        return x
    flat = x.reshape(-1)
    specials = [0.0, -0.0, np.nan, np.inf, -np.inf, np.copysign(np.nan, -1.0)]
    for special in specials:
        places = rng.random(flat.size) < 0.05
        flat[places] = np.asarray(special).astype(x.dtype)
    return x


def bits(x):
    return np.ascontiguousarray(x).view(np.uint8)


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("dtype", ALL, ids=str)
@pytest.mark.parametrize(
    "shape", [(1, 0), (0, 5), (7, 1), (5, 13), (3, 997), (1, 200_003)], ids=str
)
def test_one_operand(dtype, shape, descending):
    rng = np.random.default_rng(0)
    x = with_specials(rng, random_array(rng, shape, dtype))
    (got,) = sort(x, descending=descending)
    for row, out in zip(x, got, strict=True):
        want = row[order(row, descending)]
        if row.dtype.kind == "c":
            np.testing.assert_array_equal(out, want)
        else:
            np.testing.assert_array_equal(np.isnan(out.astype("f8")), np.isnan(want.astype("f8")))
            number = ~np.isnan(out.astype("f8"))
            np.testing.assert_array_equal(bits(out[number]), bits(want[number]))


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("dtype", ALL, ids=str)
@pytest.mark.parametrize("shape", [(4, 1), (5, 13), (2, 1009), (1, 150_001)], ids=str)
def test_payloads_follow_the_key(dtype, shape, descending):
    rng = np.random.default_rng(1)
    key = with_specials(rng, random_array(rng, shape, dtype))
    place = np.broadcast_to(np.arange(shape[1], dtype=np.int32), shape).copy()
    other = random_array(rng, shape, "c16")
    out_key, out_place, out_other = sort(key, place, other, descending=descending)
    for i in range(shape[0]):
        want = order(key[i], descending)
        np.testing.assert_array_equal(out_place[i], want)
        np.testing.assert_array_equal(out_other[i], other[i][want])
        np.testing.assert_array_equal(bits(out_key[i]), bits(key[i][want]))


def test_several_keys_compare_in_turn():
    rng = np.random.default_rng(2)
    first = rng.integers(0, 5, (3, 500)).astype("i2")
    second = rng.integers(0, 5, (3, 500)).astype("f8")
    third = rng.integers(0, 1 << 62, (3, 500))
    outs = sort(first, second, third, n_keys=3)
    for i in range(3):
        want = np.lexsort((third[i], second[i], first[i]))
        for got, operand in zip(outs, (first, second, third), strict=True):
            np.testing.assert_array_equal(got[i], operand[i][want])


def test_wide_keys_with_equal_high_halves():
    rng = np.random.default_rng(3)
    key = (rng.integers(0, 3, (1, 5000)) << 60) + rng.integers(0, 50, (1, 5000))
    place = np.arange(5000, dtype=np.int32)[None]
    _, got = sort(key, place)
    np.testing.assert_array_equal(got[0], np.argsort(key[0], kind="stable"))


def top_k(x, k):
    values, places = np.zeros((x.shape[0], k), x.dtype), np.zeros((x.shape[0], k), np.int32)
    call("top_k", [x], [values, places], [code(x), *x.shape, k])
    return values, places


def total_order(row):
    if row.dtype.kind in "biu" and row.dtype != bfloat16:
        return rank(row)
    unsigned = row.view(f"u{row.dtype.itemsize}").astype(np.uint64)
    sign = np.uint64(1 << (8 * row.dtype.itemsize - 1))
    keys = np.where(unsigned & sign, sign - 1 - (unsigned ^ sign), unsigned + sign)
    return np.unique(keys, return_inverse=True)[1]


@pytest.mark.parametrize("dtype", [t for t in ALL if t not in ("c8", "c16")], ids=str)
@pytest.mark.parametrize(
    ("shape", "k"),
    [((3, 10), 0), ((3, 10), 10), ((4, 1000), 7), ((1, 300_001), 50), ((2, 500), 300)],
)
def test_top_k(dtype, shape, k):
    rng = np.random.default_rng(4)
    x = with_specials(rng, random_array(rng, shape, dtype))
    values, places = top_k(x, k)
    for i in range(shape[0]):
        want = np.lexsort((np.arange(shape[1]), -total_order(x[i])))[:k]
        np.testing.assert_array_equal(places[i], want)
        np.testing.assert_array_equal(bits(values[i]), bits(x[i][want]))


def test_top_k_of_rising_values():
    x = np.arange(400_000, dtype=np.float32)[None]
    values, _ = top_k(x, 100)
    np.testing.assert_array_equal(values[0], x[0, :-101:-1])
