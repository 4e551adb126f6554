"""What a wrong index says."""

import re

import numpy as np
import pytest

import gradax
import gradax.numpy as jnp

X = np.zeros((3, 4), np.float32)


def refusal(error: type[Exception], f, *args) -> str:
    with pytest.raises(error) as caught:
        f(*args)
    return str(caught.value)


def index(idx) -> None:
    jnp.asarray(X)[idx]


def test_assignment():
    def assign():
        x = jnp.asarray(X)
        x[0] = 100

    text = refusal(TypeError, assign)
    assert text.startswith("JAX arrays are immutable")
    assert "gradax arrays are immutable" in text
    assert text.endswith("Make a changed copy: x = x.at[0].set(100)")
    assert "(assign)" in text


@pytest.mark.parametrize(
    ("idx", "error", "text"),
    [
        ((0, 0, 0), IndexError, "Too many indices: array is 2-dimensional, but 3 were indexed"),
        ((..., ...), IndexError, "single ellipsis"),
        (1.0, TypeError, "Indexer must have integer or boolean type, got indexer with type float"),
        (np.array([1.0]), TypeError, "Convert it first: idx.astype(int)."),
        ("a", TypeError, "Arrays have no string indices; got idx='a'"),
        ([0, 1], TypeError, "Write x[jnp.array(seq)] to take several places"),
        (slice(0.0, 2), TypeError, "Slice entries must be integers or None."),
        ({}, IndexError, "only integers, slices"),
        (np.ones((3, 3), bool), IndexError, "got (3, 3), expected (3, 4)"),
        (np.ones(2, bool), IndexError, "got (2,), expected (3,)"),
        ((np.zeros(2, int), np.zeros(3, int)), IndexError, "(2,), (3,) do not broadcast together"),
    ],
)
def test_indices(idx, error: type[Exception], text: str):
    assert text in refusal(error, index, idx)
    assert text in refusal(error, lambda: jnp.asarray(X).at[idx].set(0))


def test_traced_masks():
    error = gradax.errors.NonConcreteBooleanIndexError
    text = refusal(error, gradax.jit(lambda x: x[x > 0]), X)
    assert text.startswith("Array boolean indices must be concrete; got bool[3,4]")
    assert "jnp.where(mask, x, other)" in text


def test_traced_slices():
    text = refusal(IndexError, gradax.jit(lambda x, i: x[i : i + 1]), X, 0)
    assert re.match(r"Slice entries must be static integers\. Got slice\(", text)
    assert "lax.dynamic_slice_in_dim(x, start, size)" in text


def test_values_of_another_shape():
    text = refusal(ValueError, lambda: jnp.asarray(X).at[0].set(jnp.ones(3)))
    assert "Values of shape (3,) do not broadcast to the part of shape (4,)" in text
