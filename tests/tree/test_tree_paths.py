"""Paths: their entries, their text, and the functions that give them."""

import pickle

import pytest
from tree_samples import SAMPLES, Keyed, Point

from gradax import tree
from gradax.tree_util import (
    DictKey,
    FlattenedIndexKey,
    GetAttrKey,
    SequenceKey,
    keystr,
    register_pytree_with_keys,
)

KEYS = [
    (SequenceKey(1), "SequenceKey(idx=1)", "[1]", "1", "idx"),
    (DictKey("a"), "DictKey(key='a')", "['a']", "a", "key"),
    (DictKey(3), "DictKey(key=3)", "[3]", "3", "key"),
    (GetAttrKey("x"), "GetAttrKey(name='x')", ".x", "x", "name"),
    (FlattenedIndexKey(3), "FlattenedIndexKey(key=3)", "[<flat index 3>]", "3", "key"),
]


@pytest.mark.parametrize(("key", "text", "shown", "simple", "field"), KEYS)
def test_key(key, text, shown, simple, field):
    assert repr(key) == text and str(key) == shown
    assert keystr((key,)) == shown and keystr((key,), simple=True) == simple
    assert type(key).__match_args__ == (field,)
    again = type(key)(getattr(key, field))
    assert again == key and hash(again) == hash(key)
    assert pickle.loads(pickle.dumps(key)) == key
    with pytest.raises(AttributeError):
        setattr(key, field, 0)


def test_keys_of_different_classes_differ():
    assert len({SequenceKey(0), DictKey(0), FlattenedIndexKey(0), DictKey(1)}) == 4
    assert SequenceKey(0) != 0


def test_keyword_arguments():
    assert SequenceKey(idx=1) == SequenceKey(1)
    assert DictKey(key="a") == DictKey("a")
    assert GetAttrKey(name="a") == GetAttrKey("a")
    assert FlattenedIndexKey(key=1) == FlattenedIndexKey(1)


@pytest.mark.parametrize("name", SAMPLES)
def test_paths(name):
    sample, _, leaves, _, paths = SAMPLES[name]
    pairs, treedef = tree.flatten_with_path(sample)
    assert [keystr(path) for path, _ in pairs] == paths
    assert [leaf for _, leaf in pairs] == leaves
    assert treedef == tree.structure(sample)
    assert tree.leaves_with_path(sample) == pairs


def test_keystr():
    path = (DictKey("a"), SequenceKey(1), GetAttrKey("x"), FlattenedIndexKey(3), "own")
    assert keystr(path) == "['a'][1].x[<flat index 3>]own"
    assert keystr(path, simple=True, separator="/") == "a/1/x/3/own"
    assert keystr(path[:2], separator="/") == "['a']/[1]"
    assert keystr(()) == ""


def test_map_with_path():
    sample, other = {"a": [1, 2]}, {"a": [3, [4]]}
    found = tree.map_with_path(lambda path, *xs: (keystr(path), *xs), sample, other)
    assert found == {"a": [("['a'][0]", 1, 3), ("['a'][1]", 2, [4])]}
    assert tree.map_with_path(lambda path, x: len(path), Point(1, (2, 3))) == Point(1, (2, 2))


def test_is_leaf_takes_path():
    def at_second_level(path, node):
        return len(path) == 1

    sample = {"a": [1, 2], "b": 3}
    pairs, treedef = tree.flatten_with_path(sample, at_second_level, is_leaf_takes_path=True)
    assert pairs == [((DictKey("a"),), [1, 2]), ((DictKey("b"),), 3)]
    assert treedef == tree.structure({"a": 0, "b": 0})
    assert tree.leaves_with_path(sample, at_second_level, is_leaf_takes_path=True) == pairs
    found = tree.map_with_path(
        lambda _, x: str(x), sample, is_leaf=at_second_level, is_leaf_takes_path=True
    )
    assert found == {"a": "[1, 2]", "b": "3"}


def test_own_keys_may_be_of_any_class():
    class Slots:
        pass

    register_pytree_with_keys(
        Slots, lambda s: ((("left", 1), ("right", [2])), None), lambda _, xs: tuple(xs)
    )
    pairs = tree.leaves_with_path(Slots())
    assert pairs == [(("left",), 1), (("right", SequenceKey(0)), 2)]
    assert tree.map(abs, Slots()) == (1, [2])
    assert tree.map(abs, Keyed(-1, -2)) == Keyed(1, 2)
