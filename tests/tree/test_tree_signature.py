"""The structure as a compiled function's call path sees it."""

import numpy as np
import pytest
from hypothesis import given
from tree_samples import SAMPLES, TREES, Box, Layer, Point

from gradax import tree
from gradax.native import same_signature


@given(TREES, TREES)
def test_signatures_are_equal_where_structures_are(first, second):
    assert same_signature(first, second) == (tree.structure(first) == tree.structure(second))
    assert same_signature(first, tree.map(lambda _: 0, first))


@pytest.mark.parametrize("name", SAMPLES)
def test_every_sample_against_every_other(name):
    sample = SAMPLES[name][0]
    assert [n for n, (other, *_) in SAMPLES.items() if same_signature(sample, other)] == [name]


def test_keys_are_compared_by_value():
    key = "".join(["some", "key"])
    assert same_signature({key: 1}, {"somekey": 2})
    assert not same_signature({"a": 1}, {"b": 1})
    assert same_signature({(1, "a"): 1}, {(1, "a"): 2})
    many = {f"key{i}": i for i in range(100)}
    assert same_signature(many, dict(reversed(many.items())))


def test_metadata_is_compared_by_value():
    assert same_signature(Box(1, 2, ("a", 3)), Box(4, 5, ("a", 3)))
    assert not same_signature(Box(1, 2, "a"), Box(1, 2, "b"))
    assert same_signature(Box(1, 2, ["a"]), Box(1, 2, ["a"]))
    assert not same_signature(Box(1, 2, ["a"]), Box(1, 2, ["b"]))
    assert not same_signature(Layer(1, 2, "p"), Layer(1, 2, "q"))
    assert not same_signature(Point(1, 2), (1, 2))


def test_errors_pass_through():
    class Label:
        def __hash__(self):
            raise ArithmeticError("no hash")

    class Vague:
        def __eq__(self, other):
            raise ArithmeticError("no answer")

        def __hash__(self):
            return 1

    with pytest.raises(ArithmeticError, match="no hash"):
        same_signature(Box(1, 2, Label()), Box(1, 2, Label()))
    with pytest.raises(ArithmeticError, match="no answer"):
        same_signature(Box(1, 2, Vague()), Box(1, 2, Vague()))
    with pytest.raises(ValueError, match="ambiguous"):
        same_signature(Box(1, 2, np.zeros(2)), Box(1, 2, np.zeros(2)))
    with pytest.raises(ValueError, match="sortable"):
        same_signature({1: 2, "a": 3}, 0)
