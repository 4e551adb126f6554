"""Trees of every kind of node, and the classes that they are made of."""

from collections import OrderedDict, defaultdict, namedtuple
from dataclasses import dataclass

from hypothesis import strategies as st

from gradax import tree, tree_util

Point = namedtuple("Point", "x y")


@tree_util.register_pytree_node_class
class Box:
    def __init__(self, x, y, label):
        self.x, self.y, self.label = x, y, label

    def tree_flatten(self):
        return (self.x, self.y), self.label

    @classmethod
    def tree_unflatten(cls, label, children):
        return cls(*children, label)

    def __eq__(self, other):
        return type(other) is Box and vars(self) == vars(other)

    def __repr__(self):
        return f"Box({self.x}, {self.y}, {self.label!r})"


@tree_util.register_dataclass
@dataclass
class Layer:
    weight: object
    bias: object
    name: str = tree.static(default="dense")


@tree_util.register_static
@dataclass(frozen=True)
class Mode:
    name: str


@tree_util.register_pytree_with_keys_class
class Keyed:
    def __init__(self, first, second):
        self.first, self.second = first, second

    def tree_flatten_with_keys(self):
        keys = tree_util.GetAttrKey("first"), tree_util.GetAttrKey("second")
        return tuple(zip(keys, (self.first, self.second), strict=True)), None

    @classmethod
    def tree_unflatten(cls, aux_data, children):
        return cls(*children)

    def __eq__(self, other):
        return type(other) is Keyed and vars(self) == vars(other)


def same(x):
    return x


# name: (tree, text of its structure, leaves, number of nodes, text of the paths)
SAMPLES = {
    "leaf": (1, "*", [1], 1, [""]),
    "none": (None, "None", [], 1, []),
    "tuple": ((1, 2), "(*, *)", [1, 2], 3, ["[0]", "[1]"]),
    "single": ((1,), "(*,)", [1], 2, ["[0]"]),
    "empty tuple": ((), "()", [], 1, []),
    "list": ([1, [2, 3]], "[*, [*, *]]", [1, 2, 3], 5, ["[0]", "[1][0]", "[1][1]"]),
    "empty list": ([], "[]", [], 1, []),
    "nones": ([None, None], "[None, None]", [], 3, []),
    "dict": (
        {"b": [1, (2, 3)], "a": 4},
        "{'a': *, 'b': [*, (*, *)]}",
        [4, 1, 2, 3],
        7,
        ["['a']", "['b'][0]", "['b'][1][0]", "['b'][1][1]"],
    ),
    "empty dict": ({}, "{}", [], 1, []),
    "int keys": ({2: 1, 1: 2}, "{1: *, 2: *}", [2, 1], 3, ["[1]", "[2]"]),
    "mixed numbers": ({1.5: 1, True: 2}, "{True: *, 1.5: *}", [2, 1], 3, ["[True]", "[1.5]"]),
    "tuple keys": ({(1, 2): 3}, "{(1, 2): *}", [3], 2, ["[(1, 2)]"]),
    "quoted key": ({"a'b": 1}, '{"a\'b": *}', [1], 2, ['["a\'b"]']),
    "unicode keys": (
        {"é": 1, "z": 2, "日": 3, "zz": 4},
        "{'z': *, 'zz': *, 'é': *, '日': *}",
        [2, 4, 1, 3],
        5,
        ["['z']", "['zz']", "['é']", "['日']"],
    ),
    "namedtuple": (
        Point(1, (2, 3)),
        "CustomNode(namedtuple[Point], [*, (*, *)])",
        [1, 2, 3],
        5,
        [".x", ".y[0]", ".y[1]"],
    ),
    "OrderedDict": (
        OrderedDict([("z", 1), ("a", [2])]),
        "CustomNode(OrderedDict[('z', 'a')], [*, [*]])",
        [1, 2],
        4,
        ["['z']", "['a'][0]"],
    ),
    "empty OrderedDict": (OrderedDict(), "CustomNode(OrderedDict[()], [])", [], 1, []),
    "defaultdict": (
        defaultdict(list, {"b": 1, "a": 2}),
        "CustomNode(defaultdict[(<class 'list'>, ('a', 'b'))], [*, *])",
        [2, 1],
        3,
        ["['a']", "['b']"],
    ),
    "custom": (
        Box(1, [2], "label"),
        "CustomNode(Box[label], [*, [*]])",
        [1, 2],
        4,
        ["[<flat index 0>]", "[<flat index 1>][0]"],
    ),
    "keyed": (
        Keyed(1, [2]),
        "CustomNode(Keyed[None], [*, [*]])",
        [1, 2],
        4,
        [".first", ".second[0]"],
    ),
    "dataclass": (
        Layer(1, 2, "m"),
        "CustomNode(Layer[('m',)], [*, *])",
        [1, 2],
        3,
        [".weight", ".bias"],
    ),
    "static": (Mode("fast"), "CustomNode(Mode[Mode(name='fast')], [])", [], 1, []),
}

_keys = st.one_of(st.text(max_size=3), st.integers(-5, 5))


def _nodes(children):
    pair = st.tuples(children, children)
    return st.one_of(
        st.lists(children, max_size=4),
        st.lists(children, max_size=4).map(tuple),
        st.dictionaries(st.text(max_size=3), children, max_size=4),
        st.dictionaries(st.integers(-5, 5), children, max_size=4),
        st.lists(st.tuples(_keys, children), max_size=3).map(OrderedDict),
        st.dictionaries(st.text(max_size=2), children, max_size=3).map(
            lambda items: defaultdict(list, items)
        ),
        pair.map(lambda p: Point(*p)),
        pair.map(lambda p: Box(*p, "random")),
        pair.map(lambda p: Layer(*p)),
        pair.map(lambda p: Keyed(*p)),
    )


TREES = st.recursive(st.one_of(st.integers(), st.none()), _nodes, max_leaves=20)
