"""Sizes and counts that make no sense: refused at the call, with the user's line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradax
import gradax.numpy as gnp
from gradax import lax

X = gnp.arange(5.0)

HUGE: dict[str, Callable[[], Any]] = {
    "zeros": lambda: gnp.zeros(2**62),
    "more than an integer holds": lambda: gnp.zeros(2**63),
    "empty all the same": lambda: gnp.zeros((0, 2**62)),
    "arange": lambda: gnp.arange(2**62),
    "a float limit": lambda: gnp.arange(1e30),
    "tile": lambda: gnp.tile(X, 2**61),
    "repeat": lambda: gnp.repeat(X, 2**61),
    "pad": lambda: lax.pad(X, 0.0, [(2**62, 2**62, 0)]),
    "traced": lambda: gradax.jit(lambda: gnp.zeros((2**40, 2**40)))(),
}

WRONG: dict[str, tuple[Callable[[], Any], str]] = {
    "arange of NaN": (lambda: gnp.arange(float("nan")), r"arange: expected finite limits.*nan"),
    "arange of infinity": (lambda: gnp.arange(0.0, float("inf")), "arange: expected finite limits"),
    "bincount": (lambda: gnp.bincount(gnp.array([1]), length=-1), "bincount: length must be 0"),
    "histogram": (lambda: gnp.histogram(X, bins=-1), "histogram: bins must be 1 or more, got -1"),
    "nonzero": (lambda: gnp.nonzero(X, size=-1), "nonzero: size must be 0 or more, got -1"),
    "unique": (lambda: gnp.unique(X, size=-1), "unique: size must be 0 or more, got -1"),
    "top_k": (lambda: lax.top_k(X, 1.5), "top_k: k must be an integer, got 1.5"),
    "from_dlpack": (lambda: gnp.from_dlpack(5), "from_dlpack: expected an array .* got int"),
    "scan": (
        lambda: lax.scan(lambda c, _: (c, c), 0.0, None, length=-1),
        "scan: length must be 0 or more; got -1",
    ),
}


@pytest.mark.parametrize("name", HUGE)
def test_more_than_memory_holds(name: str) -> None:
    with pytest.raises(ValueError, match="more elements than any memory holds") as caught:
        HUGE[name]()
    assert "test_sizes.py" in str(caught.value)


@pytest.mark.parametrize("name", WRONG)
def test_counts(name: str) -> None:
    run, message = WRONG[name]
    with pytest.raises((ValueError, TypeError), match=message) as caught:
        run()
    assert "test_sizes.py" in str(caught.value)


def test_integers_to_negative_powers() -> None:
    """What is left of the quotient when it is cut off."""
    x, y = gnp.array([1, 2, -1, -1, 3, 0, -3, 2]), gnp.array([-1, -1, -1, -2, 0, 0, -1, 5])
    np.testing.assert_array_equal(x**y, [1, 0, -1, 1, 1, 1, 0, 32])
