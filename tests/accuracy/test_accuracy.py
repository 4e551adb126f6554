"""Hold every elementary function to its bound, on edge cases and on samples of all of float32.

`make ulp` does the same on every float32 there is.
"""

import numpy as np
import pytest

import gradax as jax

from .bounds import BOUNDS, LARGEST, LEAST, Bound, errors

N_PATTERNS = 1 << 17

EDGES = np.array(
    [
        *(0.0, LEAST, 2.0**-127, 2.0**-126, 1e-20, 1e-4, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 10.0, 88.0),
        *(1 - 2.0**-24, 1 + 2.0**-23, 88.72283, 88.7229, 103.97, 104.0, 127.0, 128.0, 149.0, 150.0),
        *(np.pi / 4, np.pi / 2, np.pi, 2 * np.pi, 1e4, 1e5, 1e10, 1e30, LARGEST, np.inf, np.nan),
        *(2.0**23, 2.0**24, 2.0**31, 2.0**63, 0.0625, 0.3333, 0.7071068, 1.4616321, 9.0, 17.0),
    ],
    np.float32,
)


def samples(seed: int) -> np.ndarray:
    """Return both signs of the edges, numbers of everyday size, and random bit patterns."""
    rng = np.random.default_rng(seed)
    patterns = rng.integers(0, 1 << 32, N_PATTERNS, dtype=np.uint32).view(np.float32)
    everyday = rng.normal(size=N_PATTERNS).astype(np.float32) * 4
    inside = rng.uniform(-1, 1, N_PATTERNS).astype(np.float32)
    return np.concatenate([EDGES, -EDGES, everyday, inside, patterns])


def arguments(bound: Bound) -> list[np.ndarray]:
    xs = [samples(seed) for seed in range(bound.n_arguments)]
    if bound.n_arguments == 2:
        edges = np.concatenate([EDGES, -EDGES])
        grid = [axis.ravel() for axis in np.meshgrid(edges, edges)]
        xs = [np.concatenate([x, extra]) for x, extra in zip(xs, grid, strict=True)]
    return xs


@pytest.mark.parametrize("bound", BOUNDS, ids=lambda bound: bound.name)
def test_within_its_bound(bound: Bound):
    xs = arguments(bound)
    ours = np.asarray(jax.jit(getattr(jax.lax, bound.name))(*xs))
    found = errors(bound, ours, *xs)
    worst = int(np.argmax(found))
    at = [float(x[worst]) for x in xs]
    assert found[worst] <= bound.ulp, f"{bound.name}{tuple(at)} = {ours[worst]}: {found[worst]} ulp"


@pytest.mark.parametrize("name", ["sin", "tan", "asin", "atan", "sinh", "tanh", "expm1", "erf"])
def test_the_sign_of_zero_is_kept(name: str):
    zeros = np.array([0.0, -0.0] * 16, np.float32)
    ours = np.asarray(jax.jit(getattr(jax.lax, name))(zeros))
    np.testing.assert_array_equal(np.signbit(ours), np.signbit(zeros))
    np.testing.assert_array_equal(ours, 0)


def test_errors_are_counted_in_last_places():
    """Check the checker: one step off counts one, a lost NaN or infinity counts as wrong."""
    bound = Bound("same", 1, lambda x: x)
    x = np.array([1.0, 1.0, LEAST, np.nan, 1.0, np.inf], np.float32)
    ours = np.array([1.0, 1 + 2.0**-23, 2 * LEAST, np.nan, np.nan, LARGEST], np.float32)
    np.testing.assert_array_equal(errors(bound, ours, x), [0, 1, 1, 0, np.inf, 1])
