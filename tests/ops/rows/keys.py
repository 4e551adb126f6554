"""Rows of the operations on keys of random numbers; bits are constant in everything."""

from __future__ import annotations

from typing import Any

import numpy as np

import gradax
from gradax import random
from gradax.random.operations import (
    RandomBits,
    RandomFoldIn,
    RandomSeed,
    RandomSplit,
    RandomUnwrap,
    RandomWrap,
)
from tests.ops.case import DIFFERENCES, SECOND, Case, without

SEEDS = [[np.int32(3)], [np.int32(77)]]
SCALED = [[np.int32(3), np.array([0.5, 2.0])], [np.int32(77), np.array([1.5, -1.0])]]


def words(seed: Any) -> Any:
    """Make the words of keys that are split and folded."""
    key = random.fold_in(random.key(seed), 5)
    return random.key_data(random.split(key, 3)), random.bits(key, (3,), np.uint8)


def wrapped(seed: Any) -> Any:
    """Take a key apart and put it together."""
    return random.bits(random.wrap_key_data(random.key_data(random.key(seed)) + 1), (2,))


def scaled(seed: Any, x: Any) -> Any:
    """Draw numbers whose scale is differentiated, beside keys that a jitted function takes."""
    draw = gradax.jit(lambda key, x: random.normal(key, x.shape, np.float64) * x * x)
    return draw(random.key(seed), x)


def drawn(seed: Any, x: Any) -> Any:
    """Draw from a distribution whose parameter is differentiated."""
    return random.gamma(random.key(seed), x * x + 1.0, dtype=np.float64)


KEYS = [RandomSeed, RandomSplit, RandomFoldIn, RandomUnwrap, RandomBits]
CASES = [
    Case("words of keys", KEYS, words, SEEDS),
    Case("wrapped keys", [RandomWrap, RandomUnwrap], wrapped, SEEDS),
    Case("scaled draws", [RandomSeed, RandomBits], scaled, SCALED),
    Case("gamma", [RandomSeed, RandomBits], drawn, SCALED,
         skip=without([*SECOND, DIFFERENCES], "the implicit derivative of the distribution, which"
                      " has no second one and is not that of the steps that draw")),
]  # fmt: skip
