"""The exact messages about trees that differ."""

import enum
import re
from collections import OrderedDict, defaultdict, namedtuple

import pytest
from tree_samples import Box, Layer, Point

from gradax import tree
from gradax.errors import TreeError

Other = namedtuple("Other", "x y")
CONVERT = "Convert one of the two, or let `is_leaf` say where the first tree ends."
NONE = "None is an empty tree; to map over it, pass is_leaf=lambda x: x is None."
KEYS = "Give both the same keys."

MISMATCHES = [
    ((1, 2), (1, 2, 3), "its root", "a tuple of length 2; got one of length 3. "
     "Make the lengths equal."),
    ((1, 2), [1, 2], "its root", f"a tuple of length 2; got a list. {CONVERT}"),
    ((1, 2), 3, "its root", f"a tuple of length 2; got a leaf of type int. {CONVERT}"),
    ({"a": [1, 2]}, {"a": [1]}, "['a']", "a list of length 2; got one of length 1. "
     "Make the lengths equal."),
    ({"a": 1, "b": 2}, {"a": 1, "c": 2}, "its root",
     f"a dict with the keys ['a', 'b']; got one without ['b'] and with ['c'] besides. {KEYS}"),
    ({"a": 1}, {"a": 1, "c": 2}, "its root",
     f"a dict with the keys ['a']; got one with ['c'] besides. {KEYS}"),
    ({(1, 2): 1}, {(1, 3): 1}, "its root",
     f"a dict with the keys [(1, 2)]; got one without [(1, 2)] and with [(1, 3)] besides. {KEYS}"),
    ({"a": 1}, OrderedDict(a=1), "its root", f"a dict of length 1; got an OrderedDict. {CONVERT}"),
    (OrderedDict(a=1, b=2), OrderedDict(b=1, a=2), "its root",
     "an OrderedDict with the keys ['a', 'b']; got one with ['b', 'a']. "
     "Give both the same order, or use a dict, whose keys are sorted."),
    (defaultdict(list, a=1), defaultdict(int, a=1), "its root",
     "a defaultdict of <class 'list'>; got one of <class 'int'>. "
     "Give both the same default factory."),
    (defaultdict(int, a=1), defaultdict(int, b=1), "its root",
     f"a defaultdict with the keys ['a']; got one without ['a'] and with ['b'] besides. {KEYS}"),
    ([1, None], [1, 2], "[1]", f"None; got a leaf of type int. {NONE}"),
    ([1, (2,)], [1, None], "[1]", f"a tuple of length 1; got None. {NONE}"),
    (Point(1, 2), Other(1, 2), "its root", f"a Point of length 2; got an Other. {CONVERT}"),
    (Point(1, [2]), Point(1, (2,)), ".y", f"a list of length 1; got a tuple. {CONVERT}"),
    (Box(1, 2, "p"), Box(1, 2, "q"), "its root",
     "a Box with the metadata 'p'; got one with the metadata 'q'. "
     "Make the static parts of both objects equal."),
    ([Layer(1, 2, "p")], [Layer(1, 2, "q")], "[0]",
     "a Layer with the metadata ('p',); got one with the metadata ('q',). "
     "Make the static parts of both objects equal."),
]  # fmt: skip


@pytest.mark.parametrize(("first", "second", "where", "text"), MISMATCHES)
def test_map_says_where_and_how_the_trees_differ(first, second, where, text):
    with pytest.raises(TreeError) as caught:
        tree.map(lambda x, y: x, first, second)
    assert isinstance(caught.value, ValueError)
    message, _, line = str(caught.value).partition("\nat ")
    expected = f"tree.map: the second tree differs from the first at {where}: expected {text}"
    assert message == expected
    assert "test_tree_errors.py" in line


def test_the_operation_and_the_tree_are_named():
    with pytest.raises(TreeError, match=r"^tree.map: tree 3 differs from the first at \[1\]:"):
        tree.map(lambda *xs: xs, [1, {}], [1, {}], [1, []])
    with pytest.raises(TreeError, match=r"^tree.map_with_path: the second tree differs .*\['a'\]"):
        tree.map_with_path(lambda *xs: xs, {"a": {"z": 1}}, {"a": {"y": 1}})
    with pytest.raises(TreeError, match=r"^tree.broadcast: the second tree .* at \[1\]: expected"):
        tree.broadcast((1, {"z": 2}), ([3, 4], {"a": 5}))
    with pytest.raises(TreeError, match=r"^PyTreeDef.flatten_up_to: the tree differs from the Py"):
        tree.structure([1, {"a": 2}]).flatten_up_to([[1], {"b": 1}])


def test_number_of_leaves():
    treedef = tree.structure([1, 2])
    with pytest.raises(TreeError, match="too few leaves for the PyTreeDef; expected 2, got 1"):
        treedef.unflatten([1])
    with pytest.raises(ValueError, match="too many leaves for the PyTreeDef; expected 2, got 3"):
        tree.unflatten(treedef, iter([1, 2, 3]))
    with pytest.raises(TypeError, match="'int' object is not iterable"):
        tree.unflatten(treedef, 3)


def test_unsortable_keys():
    with pytest.raises(ValueError, match=r"must be sortable.*got the keys \[1, 'a'\]") as caught:
        tree.flatten({1: 2, "a": 3})
    assert isinstance(caught.value.__cause__, TypeError)
    assert "OrderedDict" in str(caught.value)
    color = enum.Enum("Color", "RED BLUE")
    with pytest.raises(TreeError, match=r"Color\.RED"):
        tree.structure({color.RED: 1, color.BLUE: 2})
    assert tree.leaves({color.RED: 1}) == [1]
    assert tree.leaves(OrderedDict({1: 2, "a": 3})) == [2, 3]


@pytest.mark.parametrize("answer", [0, 1, None, "a", []])
def test_is_leaf_must_answer_with_a_bool(answer):
    with pytest.raises(ValueError, match=re.escape(f"must return a bool; got {answer!r}")):
        tree.leaves([1, [2]], is_leaf=lambda _: answer)


def test_functions_that_are_not_callable():
    with pytest.raises(TypeError, match="not callable"):
        tree.map(3, [1])
    with pytest.raises(TypeError, match="not callable"):
        tree.leaves([1], is_leaf=3)


def test_comparison_of_metadata_may_fail():
    class Label:
        def __eq__(self, other):
            raise ArithmeticError("no")

        __hash__ = None

    with pytest.raises(ArithmeticError, match="no"):
        tree.map(lambda x, y: x, Box(1, 2, Label()), Box(1, 2, Label()))
    with pytest.raises(ArithmeticError, match="no"):
        assert tree.structure(Box(1, 2, Label())) == tree.structure(Box(1, 2, Label()))
