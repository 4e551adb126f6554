"""Buffers of loops in loops: the carries of one loop never share memory."""

import numpy as np
import pytest

import gradax as jax
from gradax import lax

X = np.array([0.1, 0.2, -0.3, 0.4], np.float32)
ONES = np.ones(4, np.float32)


def inner(x, t):
    """Return the second carry of a loop that works in the outer loop's carry with its first."""
    return lax.scan(lambda s, _: ((-s[0], s[1] * s[0]), None), (x, t), None, length=3)[0][1]


def stacked(x, t):
    """Return what a loop collects, as large as its carry."""
    del t
    return lax.scan(lambda s, _: (-s, s[0]), x, None, length=4)[1]


def by_while(x, t):
    """Return the second carry of a while loop."""
    step = lambda s: (s[0] + 1, -s[1], s[2] * s[1])
    return lax.while_loop(lambda s: s[0] < 3, step, (0, x, t))[2]


@pytest.mark.parametrize("f", [inner, stacked, by_while])
@pytest.mark.parametrize("length", [1, 2, 3])
def test_a_loop_in_the_memory_of_another(f, length):
    looped = lambda x, t: lax.scan(lambda c, _: (f(c, t), None), x, None, length=length)[0]
    with jax.disable_jit():
        want = looped(X, ONES)
    np.testing.assert_allclose(jax.jit(looped)(X, ONES), want, rtol=1e-6)
