"""Depth, containers that change under the walk, and reference counts."""

import gc
import sys
from collections import OrderedDict, defaultdict

import pytest
from tree_samples import SAMPLES, Box, Keyed, Layer, Point, same

from gradax import native, tree
from gradax.tree_util import register_pytree_node


def nested(n, wrap):
    sample = 1
    for _ in range(n):
        sample = wrap(sample)
    return sample


WRAPS = {
    "list": lambda x: [x],
    "dict": lambda x: {"a": x},
    "tuple": lambda x: (x,),
    "ordered": lambda x: OrderedDict(a=x),
    "custom": lambda x: Box(x, 0, ""),
}


@pytest.mark.parametrize("name", WRAPS)
def test_too_deep_is_an_error(name):
    deep, treedef = nested(10_000, WRAPS[name]), tree.structure(nested(300, WRAPS[name]))
    for _ in range(6):
        treedef = treedef.compose(treedef) if treedef.num_leaves == 1 else treedef
    for walk in (
        tree.flatten,
        tree.leaves_with_path,
        lambda x: tree.map(same, x),
        lambda x: native.same_signature(x, x),
    ):
        with pytest.raises(RecursionError):
            walk(deep)
    if treedef.num_leaves == 1:
        with pytest.raises(RecursionError):
            treedef.flatten_up_to(deep)


def test_a_raised_recursion_limit_does_not_overflow_the_stack():
    loop = []
    loop.append(loop)
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(10_000_000)
    try:
        for walk in (tree.flatten, tree.leaves_with_path, lambda x: native.same_signature(x, x)):
            with pytest.raises(RecursionError, match="a container may hold itself"):
                walk(loop)
    finally:
        sys.setrecursionlimit(limit)


def test_deep_structures_need_no_stack():
    treedef = tree.structure(nested(500, WRAPS["list"]))
    for _ in range(7):
        treedef = treedef.compose(treedef)
    assert treedef.num_nodes == 64_001 and treedef.num_leaves == 1
    assert repr(treedef) == "PyTreeDef(" + "[" * 64_000 + "*" + "]" * 64_000 + ")"
    value = treedef.unflatten([7])
    for _ in range(64_000):
        (value,) = value
    assert value == 7
    assert treedef == treedef.compose(tree.structure(0)) and hash(treedef)


def test_a_list_that_is_cleared_by_is_leaf():
    sample = [[i] for i in range(100)]

    def is_leaf(x):
        sample.clear()
        gc.collect(0)  # all generations would take minutes in a process with many objects
        return False

    assert tree.leaves(list(sample), is_leaf) == list(range(100))
    sample = [[i] for i in range(100)]
    outer = [sample, 1]
    assert tree.leaves(outer, is_leaf) == [1]


def test_a_dict_that_changes_under_is_leaf():
    sample = {f"k{i}": [object()] for i in range(50)}

    def is_leaf(x):
        if isinstance(x, list):
            sample.clear()
            sample["new"] = 1
        return False

    assert len(tree.leaves(sample, is_leaf)) == 50


def test_a_dict_that_changes_while_its_keys_are_compared():
    class Key:
        def __init__(self, n):
            self.n = n

        def __hash__(self):
            return self.n

        def __eq__(self, other):
            return self.n == other.n

        def __lt__(self, other):
            sample.clear()
            return self.n < other.n

    sample = {Key(i): i for i in range(5)}
    with pytest.raises(RuntimeError, match="changed while its keys were being sorted"):
        tree.leaves(sample)


def test_a_node_that_empties_its_parent():
    parent = []

    class Rude:
        pass

    def flatten(_):
        parent.clear()
        gc.collect()
        return (object(),), None

    register_pytree_node(Rude, flatten, lambda _, xs: xs)

    def refilled():
        parent.extend([object(), Rude(), object(), [object()]])
        return parent

    assert len(tree.leaves(refilled())) == 4
    assert len(tree.leaves_with_path(refilled())) == 4
    assert len(tree.map(same, refilled())) == 4
    assert len(tree.structure([0, Rude(), 0, [0]]).flatten_up_to(refilled())) == 4
    assert native.same_signature(refilled(), [1, Rude(), 2, [3]])


def test_recursive_use_inside_a_flatten_function():
    class Outer:
        def __init__(self, x):
            self.x = x

    register_pytree_node(
        Outer, lambda o: (tuple(tree.leaves(o.x)), None), lambda _, xs: Outer(list(xs))
    )
    assert tree.leaves([Outer([1, Outer([2, 3])]), 4]) == [1, 2, 3, 4]


def sample_of(leaf):
    return {
        "a": [leaf, (leaf, None)],
        "b": Point(leaf, Box(leaf, Layer(leaf, leaf), "x")),
        "c": OrderedDict(z=leaf, y=defaultdict(list, q=leaf)),
        "d": {2: leaf, 1: Keyed(leaf, [leaf] * 40)},
        "e": {f"k{i}": leaf for i in range(40)},
    }


def fail(*_):
    raise ArithmeticError


def expect_failure(f, *args, **kwargs):
    with pytest.raises(Exception):  # noqa: B017
        f(*args, **kwargs)


WALKS = {
    "flatten": tree.flatten,
    "leaves": tree.leaves,
    "structure": tree.structure,
    "with path": tree.flatten_with_path,
    "map": lambda x: tree.map(lambda *xs: xs, x, x, x),
    "up to": lambda x: tree.structure(x).flatten_up_to(x),
    "signature": lambda x: native.same_signature(x, x),
    "children": lambda x: tree.structure(x).children(),
    "compose": lambda x: hash(tree.structure(x).compose(tree.structure(x))),
    "text": lambda x: repr(tree.structure(x)),
    "is_leaf": lambda x: tree.leaves(x, is_leaf=lambda y: isinstance(y, list)),
    "failing map": lambda x: expect_failure(tree.map, fail, x),
    "failing is_leaf": lambda x: expect_failure(tree.leaves, x, is_leaf=fail),
    "mismatch": lambda x: expect_failure(tree.map, fail, x, {**x, "e": []}),
    "few leaves": lambda x: expect_failure(tree.structure(x).unflatten, []),
    "unsortable": lambda x: expect_failure(tree.leaves, [x, {1: x, "a": x}]),
}


@pytest.mark.parametrize("name", WALKS)
def test_references_are_balanced(name):
    leaf = object()
    sample = sample_of(leaf)
    watched = [leaf, sample, sample["a"], sample["b"], sample["c"], next(iter(sample["e"])), Box]

    def counts():
        gc.collect()
        return [sys.getrefcount(x) for x in watched]

    WALKS[name](sample)
    before = counts()
    for _ in range(200):
        WALKS[name](sample)
    after = counts()
    assert [y - x for x, y in zip(before, after, strict=True)] == [0] * len(watched)


@pytest.mark.parametrize("name", SAMPLES)
def test_memory_does_not_grow(name):
    sample = SAMPLES[name][0]

    def work(n):
        for _ in range(n):
            leaves, treedef = tree.flatten(sample)
            treedef.unflatten(leaves)
            treedef.node_data()
            tree.leaves_with_path(sample)

    work(10)
    gc.collect()
    before = sys.getallocatedblocks()
    work(2000)
    gc.collect()
    # Other threads of the process may keep a few hundred meanwhile.
    assert sys.getallocatedblocks() - before < 1000
