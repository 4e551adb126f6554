"""A pytree as a vector."""

import numpy as np
import pytest

from gradax.flatten_util import ravel_pytree


def test_round_trip():
    sample = {"w": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.float32(7), "n": None}
    vector, unravel = ravel_pytree(sample)
    assert vector.dtype == np.float32
    np.testing.assert_array_equal(vector, [7, 0, 1, 2, 3, 4, 5])
    again = unravel(vector * 2)
    np.testing.assert_array_equal(again["w"], sample["w"] * 2)
    assert again["b"].shape == () and again["n"] is None


def test_dtypes_promote_and_come_back():
    vector, unravel = ravel_pytree([np.arange(3, dtype=np.int32), np.float32(0.5)])
    assert vector.dtype == np.float32
    first, second = unravel(vector)
    assert first.dtype == np.int32 and second.dtype == np.float32
    with pytest.raises(TypeError, match=r"expected a vector of dtype float32.*got int32"):
        unravel(vector.astype(np.int32))


def test_wrong_length():
    vector, unravel = ravel_pytree([np.zeros(3, np.float32)])
    with pytest.raises(ValueError, match=r"expected a vector of shape \(3,\); got .*\(2,\)"):
        unravel(vector[:2])


def test_no_leaves():
    vector, unravel = ravel_pytree([None, {}])
    assert vector.shape == (0,) and vector.dtype == np.float32
    assert unravel(vector) == [None, {}]


def test_undoing_functions_of_equal_structures_are_equal():
    _, first = ravel_pytree({"a": np.zeros(3, np.float32)})
    _, second = ravel_pytree({"a": np.ones(3, np.float32)})
    assert first == second and hash(first) == hash(second)
