"""`ds`: slices with a start that may be traced, read and written."""

import numpy as np
import pytest

import gradax as jax
import gradax.numpy as jnp

X, Y = jnp.arange(10), jnp.arange(24).reshape(4, 6)
TWO, EIGHT = jnp.asarray(2), jnp.asarray(8)
# What JAX gives for each.
READS = {
    "static": (lambda: X[jax.ds(2, 3)], [2, 3, 4]),
    "at the end": (lambda: X[jax.ds(EIGHT, 4)], [6, 7, 8, 9]),
    "negative": (lambda: X[jax.ds(jnp.asarray(-3), 2)], [7, 8]),
    "strided": (lambda: X[jax.ds(jnp.asarray(1), 3, 2)], [1, 3, 5]),
    "strided, at the end": (lambda: X[jax.ds(jnp.asarray(7), 3, 2)], [7, 9, 9]),
    "two": (lambda: Y[jax.ds(TWO, 2), jax.ds(2, 2)], [[14, 15], [20, 21]]),
    "beside an integer": (lambda: Y[1, jax.ds(TWO, 3)], [8, 9, 10]),
    "behind an array": (lambda: Y[jnp.array([0, 2]), jax.ds(TWO, 2)], [[2, 3], [14, 15]]),
    "before an array": (lambda: Y[jax.ds(TWO, 2), jnp.array([0, 2, 1])],
                        [[12, 14, 13], [18, 20, 19]]),
    "behind dots": (lambda: Y[..., jax.ds(TWO, 1)], [[2], [8], [14], [20]]),
    "beside a mask": (lambda: Y[jax.ds(TWO, 2), np.arange(6) < 2], [[12, 13], [18, 19]]),
    "a size alone": (lambda: X[jax.ds(4)], [0, 1, 2, 3]),
    "an argument of jit": (lambda: jax.jit(lambda x, s: x[s])(X, jax.ds(EIGHT - 3, 2)), [5, 6]),
    "mapped": (lambda: jax.vmap(lambda i: X[jax.ds(i, 2)])(jnp.arange(3)),
               [[0, 1], [1, 2], [2, 3]]),
}  # fmt: skip
WRITES = {
    "set": (lambda: X.at[jax.ds(TWO, 3)].set(0), [0, 1, 0, 0, 0, 5, 6, 7, 8, 9]),
    "outside": (lambda: X.at[jax.ds(EIGHT, 4)].set(0), list(range(10))),
    "add": (lambda: X.at[jax.ds(TWO, 2)].add(jnp.array([10, 20])),
            [0, 1, 12, 23, 4, 5, 6, 7, 8, 9]),
    "apply": (lambda: X.at[jax.ds(TWO, 2)].apply(jnp.negative), [0, 1, -2, -3, 4, 5, 6, 7, 8, 9]),
    "strided": (lambda: X.at[jax.ds(TWO, 3, 3)].set(0), [0, 1, 0, 3, 4, 0, 6, 7, 0, 9]),
    "two": (lambda: Y[:2, :3].at[jax.ds(TWO - 1, 1), jax.ds(TWO - 1, 2)].set(0),
            [[0, 1, 2], [6, 0, 0]]),
}  # fmt: skip


@pytest.mark.parametrize("name", [*READS, *WRITES])
def test_slices(name):
    call, want = {**READS, **WRITES}[name]
    np.testing.assert_array_equal(call(), want)
    np.testing.assert_array_equal(jax.jit(call)(), want)


def test_of_references():
    def run(x, i):
        held = jax.new_ref(x)
        held[jax.ds(i, 2)] = jnp.array([7, 8])
        return held[jax.ds(i - 1, 4)]

    np.testing.assert_array_equal(run(X, 5), [4, 7, 8, 7])
    np.testing.assert_array_equal(jax.jit(run)(X, 5), [4, 7, 8, 7])


def test_derivatives():
    found = jax.grad(lambda x: (x[jax.ds(TWO, 3)] ** 2).sum())(jnp.arange(6.0))
    np.testing.assert_array_equal(found, [0, 0, 4, 6, 8, 0])


def test_mistakes():
    assert jax.ds(None) == slice(None)
    with pytest.raises(ValueError, match="stride >= 0"):
        jax.ds(0, 2, -1)
    with pytest.raises(TypeError, match="slice_sizes from 0 to the operand's shape"):
        X[jax.ds(0, 20)]
