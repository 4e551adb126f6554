"""Threefry-2x32 of 20 rounds against the known answers of Random123 (kat_vectors)."""

import numpy as np
import pytest

import gradax
from gradax.random.threefry import ON_ARRAYS, Threefry2x32, block

ONES = 0xFFFFFFFF
VECTORS = [  # counters, keys, result
    ((0, 0), (0, 0), (0x6B200159, 0x99BA4EFE)),
    ((ONES, ONES), (ONES, ONES), (0x1CB996FC, 0xBB002BE7)),
    ((0x243F6A88, 0x85A308D3), (0x13198A2E, 0x03707344), (0xC4923A9C, 0x483DF7A0)),
]


def words(*values):
    return [np.asarray(v, np.uint32) for v in values]


@pytest.mark.parametrize(("counters", "key", "expected"), VECTORS)
def test_known_answers(counters, key, expected):
    with np.errstate(over="ignore"):
        found = block(ON_ARRAYS, *words(*key), *words(*counters))
    assert tuple(int(x) for x in found) == expected


@pytest.mark.parametrize(("counters", "key", "expected"), VECTORS)
def test_known_answers_compiled(counters, key, expected):
    many = [np.full(37, x, np.uint32) for x in counters]
    found = gradax.jit(Threefry2x32())(*words(*key), *many)
    for part, value in zip(found, expected, strict=True):
        assert np.all(np.asarray(part) == value)


@pytest.mark.parametrize(("counters", "key", "expected"), VECTORS)
def test_a_key_folds_in_its_counter(counters, key, expected):
    if counters[0]:
        pytest.skip("folding in counts from a zero first word")
    raw = gradax.numpy.asarray(np.asarray(key, np.uint32))
    folded = gradax.random.fold_in(raw, np.uint32(counters[1]))
    assert tuple(folded.tolist()) == expected


def python_block(key, counters):
    """The same from the paper's definition, with Python's integers."""
    rotations = (13, 15, 26, 6, 17, 29, 16, 24)
    schedule = (*key, 0x1BD11BDA ^ key[0] ^ key[1])
    x = [(c + k) & ONES for c, k in zip(counters, schedule, strict=False)]
    for i in range(20):
        x[0] = (x[0] + x[1]) & ONES
        r = rotations[i % 8]
        x[1] = ((x[1] << r | x[1] >> (32 - r)) & ONES) ^ x[0]
        if i % 4 == 3:
            s = i // 4 + 1
            x[0] = (x[0] + schedule[s % 3]) & ONES
            x[1] = (x[1] + schedule[(s + 1) % 3] + s) & ONES
    return tuple(x)


def test_random_blocks():
    rng = np.random.default_rng(0)
    for key, counters in rng.integers(0, 2**32, (50, 2, 2)).tolist():
        with np.errstate(over="ignore"):
            found = block(ON_ARRAYS, *words(*key), *words(*counters))
        assert tuple(int(x) for x in found) == python_block(key, counters)


@pytest.mark.parametrize("n", [1, 2, 7, 64, 1001])
def test_bits_are_the_older_streams(n):
    key = (0, 5)
    half = (n + 1) // 2
    second = [*range(half, n), *[0] * (n % 2)]
    blocks = [python_block(key, pair) for pair in zip(range(half), second, strict=True)]
    expected = [b[0] for b in blocks] + [b[1] for b in blocks]
    found = gradax.random.bits(gradax.random.key(5), (n,), "uint32")
    assert found.tolist() == expected[:n]


@pytest.mark.parametrize("shape", [(3,), (40,), (5, 9)])
def test_bits_are_the_newer_streams(shape):
    blocks = [python_block((0, 5), (0, i)) for i in range(int(np.prod(shape)))]
    with gradax.threefry_partitionable(True):
        found = gradax.random.bits(gradax.random.key(5), shape, "uint32")
    assert np.ravel(found).tolist() == [a ^ b for a, b in blocks]
