"""The functions over trees."""

import dataclasses
from collections import OrderedDict, defaultdict

import pytest
from hypothesis import given
from tree_samples import TREES, Layer, Point

from gradax import tree, tree_util


def is_none(x):
    return x is None


def test_public_names():
    assert set(tree.__all__) == {
        *("all", "broadcast", "flatten", "flatten_with_path", "leaves", "leaves_with_path"),
        *("map", "map_with_path", "reduce", "reduce_associative", "static", "structure"),
        *("transpose", "unflatten"),
    }
    for name in set(tree.__all__) - {"static"}:
        assert getattr(tree_util, f"tree_{name}") is getattr(tree, name)


def test_is_leaf_is_asked_about_every_node():
    asked = []

    def is_leaf(x):
        asked.append(x)
        return isinstance(x, tuple)

    leaves, treedef = tree.flatten([1, (2, 3), None], is_leaf=is_leaf)
    assert leaves == [1, (2, 3)]
    assert treedef == tree.structure([0, 0, None])
    assert asked == [[1, (2, 3), None], 1, (2, 3), None]


def test_is_leaf_everywhere():
    sample = [1, None]
    assert tree.leaves(sample, is_leaf=is_none) == [1, None]
    assert tree.structure(sample, is_leaf=is_none) == tree.structure([1, 2])
    assert tree.map(is_none, sample, is_leaf=is_none) == [False, True]
    assert tree.reduce(lambda n, x: n + is_none(x), sample, 0, is_leaf=is_none) == 1
    assert not tree.all(sample, is_leaf=is_none) and tree.all(sample)
    assert tree.reduce_associative(lambda x, y: (x, y), sample, is_leaf=is_none) == (1, None)
    pairs, _ = tree.flatten_with_path(sample, is_leaf=is_none)
    assert [leaf for _, leaf in pairs] == [1, None]
    assert tree.map_with_path(lambda _, x: is_none(x), sample, is_leaf=is_none) == [False, True]


def test_subclasses_are_leaves():
    class List(list):
        pass

    class Tuple(tuple):
        pass

    class Ordered(OrderedDict):
        pass

    for sample in (List([1]), Tuple([1]), Ordered(a=1)):
        assert tree.leaves(sample) == [sample]


def test_subclass_of_a_namedtuple_is_a_node_of_its_own():
    class Special(Point):
        pass

    sample = Special(1, 2)
    assert tree.structure(sample) != tree.structure(Point(1, 2))
    assert type(tree.map(abs, sample)) is Special


def test_dicts_come_back_with_sorted_keys():
    assert list(tree.map(abs, {"b": 1, "a": 2})) == ["a", "b"]
    assert list(tree.map(abs, OrderedDict(b=1, a=2))) == ["b", "a"]
    again = tree.map(abs, defaultdict(list, b=1, a=2))
    assert list(again) == ["a", "b"] and again.default_factory is list


def test_order_of_a_reordered_ordered_dict():
    sample = OrderedDict(a=1, b=2, c=3)
    sample.move_to_end("a")
    assert tree.leaves(sample) == [2, 3, 1]


@pytest.mark.parametrize("n", [0, 1, 2, 15, 16, 17, 300])
def test_dicts_of_any_size_are_sorted(n):
    sample = {f"key{i * 7919 % 1000}": i for i in range(n)}
    assert tree.leaves(sample) == [sample[key] for key in sorted(sample)]
    numbers = {i * 7919 % 1000: i for i in range(n)}
    assert tree.leaves(numbers) == [numbers[key] for key in sorted(numbers)]


def test_map_over_several_trees():
    first, second = {"a": 1, "b": (2, 3)}, {"b": (5, 6), "a": 4}
    assert tree.map(lambda *xs: xs, first, second) == {"a": (1, 4), "b": ((2, 5), (3, 6))}
    assert tree.map(lambda *xs: sum(xs), *[[1, 2]] * 12) == [12, 24]
    assert tree.map(lambda x, y: y, 1, [1, 2]) == [1, 2]
    assert tree.map(lambda x, y: (x, y), [1, 2], [None, {"a": 3}]) == [(1, None), (2, {"a": 3})]
    assert tree.map(lambda x, y: (x, y), [None], [None]) == [None]
    assert tree.map(lambda x, y: y, [1, None], [2, {"a": 3}], is_leaf=is_none) == [2, {"a": 3}]


def test_map_calls_in_order():
    seen = []
    tree.map(seen.append, {"b": [3, 4], "a": (1, 2)})
    assert seen == [1, 2, 3, 4]


def test_unflatten_takes_any_iterable():
    treedef = tree.structure([1, (2, 3)])
    assert tree.unflatten(treedef, (x for x in "abc")) == ["a", ("b", "c")]
    assert tree.unflatten(treedef, "abc") == ["a", ("b", "c")]
    assert treedef.unflatten([[], None, {}]) == [[], (None, {})]


def test_reduce():
    assert tree.reduce(lambda x, y: x + y, [1, [2, 3]]) == 6
    assert tree.reduce(lambda x, y: x + y, [1, [2, 3]], 10) == 16
    assert tree.reduce(lambda x, y: (x, y), [1], None) == (None, 1)
    assert tree.reduce(lambda x, y: x, [], 5) == 5
    with pytest.raises(TypeError, match="empty"):
        tree.reduce(lambda x, y: x, [])


def test_reduce_associative_keeps_the_order():
    def join(x, y):
        return f"({x}{y})"

    assert tree.reduce_associative(join, list("abcdefg")) == "((a(bc))((de)(fg)))"
    assert tree.reduce_associative(join, list("abc"), identity="0") == "(a(bc))"
    assert tree.reduce_associative(join, ["a"]) == "a"
    assert tree.reduce_associative(join, [], identity=5) == 5
    with pytest.raises(TypeError, match="Pass `identity`"):
        tree.reduce_associative(join, [])


def test_all():
    assert tree.all([]) is True
    assert tree.all([1, [True]]) is True
    assert tree.all({"a": 1, "b": [0]}) is False


def test_transpose():
    outer, inner = tree.structure([1, 2]), tree.structure({"a": 1, "b": 2})
    sample = [{"a": 1, "b": 2}, {"a": 3, "b": 4}]
    assert tree.transpose(outer, inner, sample) == {"a": [1, 3], "b": [2, 4]}
    assert tree.transpose(outer, None, sample) == {"a": [1, 3], "b": [2, 4]}
    with pytest.raises(TypeError, match=r"tree\.transpose: expected the structure"):
        tree.transpose(tree.structure([1, 2, 3]), inner, sample)
    with pytest.raises(TypeError, match="Pass `inner_treedef`"):
        tree.transpose(tree.structure([]), None, [])


def test_broadcast():
    assert tree.broadcast((1, 2), ([3, 4], {"a": 5})) == ([1, 1], {"a": 2})
    assert tree.broadcast(1, [None, (2, 3)]) == [None, (1, 1)]
    full = [[1, 2], [3]]
    assert tree.broadcast([None, 0], full, is_leaf=is_none) == [[None, None], [0]]
    by_list = tree.broadcast(([1],), ([3, 4],), is_leaf=lambda x: isinstance(x, list))
    assert by_list == ([[1], [1]],)


@given(TREES)
def test_broadcast_of_a_leaf(sample):
    assert tree.broadcast(7, sample) == tree.map(lambda _: 7, sample)


def test_static_field():
    field = tree.static(default=3, metadata={"unit": "m"})
    assert field.metadata == {"unit": "m", "static": True} and field.default == 3
    assert dataclasses.fields(Layer)[2].metadata == {"static": True}


def test_flatten_one_level():
    one, with_keys = tree_util.flatten_one_level, tree_util.flatten_one_level_with_keys
    assert one({"b": [1], "a": 2}) == ((2, [1]), ("a", "b"))
    assert one([1, [2]]) == ([1, [2]], None)
    assert one(None) == ((), None)
    assert one(Point(1, 2)) == ((1, 2), Point)
    assert with_keys(Point(1, 2))[0] == (
        (tree_util.GetAttrKey("x"), 1),
        (tree_util.GetAttrKey("y"), 2),
    )
    with pytest.raises(ValueError, match="expected a pytree node; got a leaf of type int"):
        one(1)


def test_is_tree_node():
    nodes = (list, dict, tuple, Point, type(None), Layer, OrderedDict, tree_util.Partial)
    assert all(tree_util.is_tree_node(cls) for cls in nodes)
    assert not any(tree_util.is_tree_node(cls) for cls in (int, str, object, set))


def test_the_registry_object():
    registry = tree_util.default_registry
    assert registry.flatten([1, 2]) == tree.flatten([1, 2])
    assert registry.flatten_one_level([1]) == ([1], None)
    assert registry.is_node(dict)
