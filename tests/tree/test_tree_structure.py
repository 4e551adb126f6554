"""What a structure prints, counts, compares, combines and pickles as."""

import gc
import pickle
import weakref
from collections import OrderedDict, defaultdict

import pytest
from hypothesis import given
from tree_samples import SAMPLES, TREES, Box, Layer, Point, same

from gradax import tree
from gradax.errors import TreeError
from gradax.tree_util import (
    PyTreeDef,
    all_leaves,
    build_tree,
    default_registry,
    treedef_children,
    treedef_is_leaf,
    treedef_tuple,
)


@pytest.mark.parametrize("name", SAMPLES)
def test_text_and_counts(name):
    sample, text, leaves, n_nodes, _ = SAMPLES[name]
    found, treedef = tree.flatten(sample)
    assert found == leaves
    assert repr(treedef) == f"PyTreeDef({text})"
    assert (treedef.num_leaves, treedef.num_nodes) == (len(leaves), n_nodes)


@pytest.mark.parametrize("name", SAMPLES)
def test_round_trip(name):
    sample = SAMPLES[name][0]
    leaves, treedef = tree.flatten(sample)
    again = tree.unflatten(treedef, leaves)
    assert again == sample and type(again) is type(sample)
    assert tree.structure(again) == treedef
    assert tree.map(same, sample) == sample


@pytest.mark.parametrize("name", SAMPLES)
def test_pickle_copies_the_structure(name):
    treedef = tree.structure(SAMPLES[name][0])
    again = pickle.loads(pickle.dumps(treedef))
    assert again == treedef and hash(again) == hash(treedef) and repr(again) == repr(treedef)


@pytest.mark.parametrize("name", SAMPLES)
def test_root_and_children_make_the_structure(name):
    treedef = tree.structure(SAMPLES[name][0])
    again = PyTreeDef.from_node_data_and_children(
        default_registry, treedef.node_data(), treedef.children()
    )
    assert again == treedef


def test_structures_of_different_samples_differ():
    treedefs = [tree.structure(sample) for sample, *_ in SAMPLES.values()]
    assert len(set(treedefs)) == len(treedefs)


@given(TREES)
def test_any_tree_survives(sample):
    leaves, treedef = tree.flatten(sample)
    assert tree.unflatten(treedef, leaves) == sample
    assert tree.leaves(sample) == leaves
    assert [leaf for _, leaf in tree.leaves_with_path(sample)] == leaves
    assert tree.structure(sample) == treedef
    assert treedef.flatten_up_to(sample) == leaves
    assert treedef.num_leaves == len(leaves)
    assert treedef.num_nodes == 1 + sum(c.num_nodes for c in treedef.children()) or leaves
    assert pickle.loads(pickle.dumps(treedef)) == treedef


@given(TREES, TREES)
def test_composition_puts_one_structure_into_another(outer, inner):
    x, y = tree.structure(outer), tree.structure(inner)
    nested = tree.map(lambda _: inner, outer)
    assert x.compose(y) == tree.structure(nested)
    assert repr(x.compose(y)) == repr(tree.structure(nested))
    assert x.compose(y).num_leaves == x.num_leaves * y.num_leaves


@given(TREES, TREES)
def test_equal_structures_have_equal_hashes_and_texts(first, second):
    x, y = tree.structure(first), tree.structure(second)
    assert (x == y) == (repr(x) == repr(y)) or x == y
    if x == y:
        assert hash(x) == hash(y)


def test_equality():
    assert tree.structure({"a": 1, "b": 2}) == tree.structure({"b": 3, "a": 4})
    assert tree.structure({1: 0}) == tree.structure({1.0: 0})
    assert tree.structure((1, 2)) != tree.structure([1, 2])
    assert tree.structure(Point(1, 2)) != tree.structure((1, 2))
    assert tree.structure({"a": 1}) != tree.structure(OrderedDict(a=1))
    assert tree.structure(defaultdict(list, a=1)) != tree.structure(defaultdict(int, a=1))
    assert tree.structure(Box(1, 2, "p")) != tree.structure(Box(1, 2, "q"))
    assert tree.structure(Layer(1, 2, "p")) != tree.structure(Layer(1, 2, "q"))
    assert tree.structure(1) != 3
    assert tree.structure(1) != "*"
    with pytest.raises(TypeError, match="'<' not supported"):
        tree.structure(1) < tree.structure(2)  # noqa: B015


def test_metadata_need_not_be_hashable():
    x, y = tree.structure(Box(1, 2, ["label"])), tree.structure(Box(1, 2, ["label"]))
    assert x == y and hash(x) == hash(y)
    assert x != tree.structure(Box(1, 2, ["other"]))


def test_node_data():
    def data(sample):
        return tree.structure(sample).node_data()

    assert data(1) is None
    assert data(None) == (type(None), None)
    assert data((1,)) == (tuple, None)
    assert data([1]) == (list, None)
    assert data({"b": 1, "a": 2}) == (dict, ["a", "b"])
    assert data(Point(1, 2)) == (Point, None)
    assert data(OrderedDict(z=1, a=2)) == (OrderedDict, ("z", "a"))
    assert data(defaultdict(int, a=2)) == (defaultdict, (int, ("a",)))
    assert data(Box(1, 2, "label")) == (Box, "label")
    assert data(Layer(1, 2, "name")) == (Layer, ("name",))


def test_children():
    treedef = tree.structure({"a": 1, "b": [1, (2, 3)]})
    assert treedef.children() == [tree.structure(0), tree.structure([0, (0, 0)])]
    assert treedef_children(treedef) == treedef.children()
    assert tree.structure(1).children() == tree.structure(None).children() == []


def test_tuple_of_structures():
    parts = [tree.structure(1), tree.structure([1, {"a": 2}])]
    assert treedef_tuple(parts) == tree.structure((1, [1, {"a": 2}]))
    assert treedef_tuple(iter(parts)) == treedef_tuple(parts)
    assert treedef_tuple([]) == tree.structure(())
    with pytest.raises(TypeError, match=r"expected a PyTreeDef.*got 3"):
        treedef_tuple([3])


def test_is_leaf_of_structures():
    assert treedef_is_leaf(tree.structure(1))
    assert treedef_is_leaf(tree.structure(None))
    assert not treedef_is_leaf(tree.structure([1]))


def test_all_leaves():
    assert all_leaves([1, 2]) and all_leaves([]) and all_leaves(iter("ab"))
    assert not all_leaves([1, [2]])
    assert not all_leaves([None])
    assert all_leaves([1, None], is_leaf=lambda x: x is None)
    assert not all_leaves([1, [2]], is_leaf=lambda x: x is None)


def test_build_tree_follows_nested_iterables():
    treedef = tree.structure({"a": [0, 0], "b": (0, None)})
    assert build_tree(treedef, [[1, 2], [3, []]]) == {"a": [1, 2], "b": (3, None)}
    with pytest.raises(ValueError, match="shorter"):
        build_tree(treedef, [[1, 2]])


def test_no_constructor_and_no_use_before_unpickling():
    with pytest.raises(TypeError):
        PyTreeDef()


@pytest.mark.parametrize(
    "state",
    [
        [],
        [(None, 0, None), (None, 0, None)],
        [(list, 2, None), (None, 0, None)],
        [(list, 0, None), (None, 0, None)],
        [(dict, 1, None), (None, 0, None)],
        [(dict, 1, ("a", "b")), (None, 0, None)],
        [(defaultdict, 1, ("a",)), (None, 0, None)],
        [(Layer, 1, ("a",)), (None, 0, None)],
        [(Box, 0, None)],
        [(type(None), 1, None), (None, 0, None)],
        [(int, 0, None)],
        [(None, 0)],
    ],
)
def test_damaged_state_is_an_error(state):
    with pytest.raises(TreeError, match="PyTreeDef"):
        PyTreeDef.__new__(PyTreeDef).__setstate__(state)


def test_unpickling_needs_the_class_to_be_registered():
    with pytest.raises(TreeError, match="Register it"):
        PyTreeDef.from_node_data_and_children(None, (int, None), [])


def test_a_cycle_through_a_structure_is_collected():
    class Label:
        pass

    label = Label()
    label.treedef = tree.structure(Box(1, 2, label))
    gone = weakref.ref(label)
    del label
    gc.collect()
    assert gone() is None
