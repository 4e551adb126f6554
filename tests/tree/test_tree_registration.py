"""Classes as nodes."""

import dataclasses
import functools
from collections import namedtuple

import pytest
from tree_samples import Box, Layer, Mode

from gradax import tree
from gradax.errors import TreeError
from gradax.tree_util import (
    Partial,
    register_dataclass,
    register_pytree_node,
    register_pytree_node_class,
    register_pytree_with_keys,
    register_static,
)


def test_functions_of_a_node():
    class Pair:
        def __init__(self, x, y):
            self.x, self.y = x, y

    register_pytree_node(Pair, lambda p: ((p.x, p.y), "aux"), lambda aux, xs: (aux, xs))
    assert tree.leaves(Pair(1, [2])) == [1, 2]
    assert tree.map(abs, Pair(-1, [-2])) == ("aux", (1, [2]))


def test_children_may_be_any_iterable():
    class Lazy:
        pass

    register_pytree_node(Lazy, lambda _: ((i for i in range(3)), None), lambda _, xs: xs)
    assert tree.map(float, Lazy()) == (0.0, 1.0, 2.0)


def test_static():
    assert tree.leaves([Mode("a")]) == []
    assert tree.structure(Mode("a")) == tree.structure(Mode("a"))
    assert tree.structure(Mode("a")) != tree.structure(Mode("b"))
    assert tree.map(abs, (1, Mode("a"))) == (1, Mode("a"))


def test_subclass_of_a_registered_class_is_a_leaf():
    class Sub(Box):
        pass

    sub = Sub(1, 2, "")
    assert tree.leaves([sub])[0] is sub


def test_inherited_methods_are_found_on_the_object():
    class Base:
        def tree_flatten(self):
            return self.children(), None

        @classmethod
        def tree_unflatten(cls, aux_data, children):
            return cls()

        def children(self):
            return (1,)

    @register_pytree_node_class
    class Derived(Base):
        def children(self):
            return 1, 2

    assert tree.leaves(Derived()) == [1, 2]
    assert type(tree.map(abs, Derived())) is Derived


def test_a_namedtuple_may_be_registered():
    Range = namedtuple("Range", "low high unit")
    register_pytree_node(Range, lambda r: (r[:2], r.unit), lambda unit, xs: Range(*xs, unit))
    assert tree.map(abs, Range(-1, -2, "m")) == Range(1, 2, "m")


def test_dataclass_fields():
    layer = Layer([1, 2], None, "first")
    assert tree.map(float, layer) == Layer([1.0, 2.0], None, "first")
    assert tree.leaves(layer) == [1, 2]


def test_dataclass_with_named_fields():
    @functools.partial(register_dataclass, data_fields=["x"], meta_fields=["unit"])
    @dataclasses.dataclass
    class Quantity:
        x: object
        unit: str

    assert tree.map(abs, Quantity(-1, "m")) == Quantity(1, "m")


def test_dataclass_with_dropped_fields():
    @dataclasses.dataclass
    class Cached:
        x: object
        cache: object = None

    register_dataclass(Cached, ["x"], [], drop_fields=["cache"])
    assert tree.map(abs, Cached(-1, "old")) == Cached(1, None)


def test_dataclass_by_keyword_only_constructor():
    @register_dataclass
    @dataclasses.dataclass(kw_only=True, frozen=True)
    class Options:
        rate: object
        name: str = tree.static(default="sgd")

    assert tree.map(abs, Options(rate=-1)) == Options(rate=1)


def test_class_like_a_dataclass():
    class Plain:
        def __init__(self, a, b):
            self.a, self.b = a, b

    register_dataclass(Plain, ["a"], ["b"])
    again = tree.map(abs, Plain(-1, "b"))
    assert (again.a, again.b) == (1, "b")


def make(*fields):
    return dataclasses.make_dataclass("Made", fields)


@pytest.mark.parametrize(
    ("cls", "fields", "error", "message"),
    [
        (make("x", "y"), (["x"], []), ValueError, r"missing are \['y'\]"),
        (make("x"), (["x", "z"], []), ValueError, r"unexpected are \['z'\]"),
        (make("x", "y"), (["x", "y"], ["y"]), ValueError, r"got \['y'\] more often"),
        (make("x"), (["x"],), TypeError, "both, or neither"),
        (object, (), TypeError, "expected a dataclass; got <class 'object'>"),
        (make(("x", int, dataclasses.field(init=False))), (), ValueError, r"unexpected .*'x'"),
    ],
)
def test_wrong_dataclass_fields(cls, fields, error, message):
    with pytest.raises(error, match=message):
        register_dataclass(cls, *fields)


def test_a_class_is_registered_once():
    with pytest.raises(ValueError, match=r"<class 'tree_samples.Box'> is a pytree node already"):
        register_pytree_node(Box, lambda b: ((), None), lambda _, xs: None)
    with pytest.raises(TreeError, match="already"):
        register_pytree_node(list, lambda b: ((), None), lambda _, xs: None)
    with pytest.raises(TreeError, match="already"):
        register_dataclass(Layer)


def test_wrong_arguments_of_registration():
    with pytest.raises(TypeError, match="expected a class; got 3"):
        register_pytree_node(3, len, len)
    with pytest.raises(TypeError, match="the flatten function must be callable; got 1"):
        register_pytree_node(type("New", (), {}), 1, len)


@pytest.mark.parametrize("result", [3, (1, 2, 3), [(3,), 4], (3, 4), None])
def test_wrong_result_of_a_flatten_function(result):
    cls = type("Wrong", (), {})
    register_pytree_node(cls, lambda _: result, lambda aux, xs: None)
    for walk in (tree.flatten, tree.leaves_with_path, tree.structure([1]).flatten_up_to):
        with pytest.raises(ValueError):
            walk(cls())
    with pytest.raises(ValueError, match=r"Wrong'>: its flatten function must return a tuple"):
        tree.leaves([cls()])


@pytest.mark.parametrize("pairs", [[1], [(1, 2, 3)], [[1, 2]]])
def test_wrong_result_of_a_flatten_function_with_keys(pairs):
    cls = type("Wrong", (), {})
    register_pytree_with_keys(cls, lambda _: (pairs, None), len, lambda _: ((), None))
    with pytest.raises(ValueError, match=r"\(\(key, child\), ...\)"):
        tree.leaves_with_path(cls())


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, TypeError])
def test_errors_of_user_functions_pass_through(error):
    def fail(*_):
        raise error("mine")

    def fail_later():
        yield 1
        raise error("mine")

    cls, later, back = (type("Failing", (), {}) for _ in range(3))
    register_pytree_node(cls, fail, fail)
    register_pytree_node(later, lambda _: (fail_later(), None), fail)
    register_pytree_node(back, lambda _: ((1, 2), None), fail)
    for sample in (cls(), [1, later()], {"a": cls()}):
        with pytest.raises(error, match="mine"):
            tree.flatten(sample)
    with pytest.raises(error, match="mine"):
        tree.map(abs, [1, back()])
    with pytest.raises(error, match="mine"):
        tree.map(fail, [1, 2])
    with pytest.raises(error, match="mine"):
        tree.leaves([1], is_leaf=fail)


def test_missing_attribute_of_a_dataclass():
    layer = Layer(1, 2)
    del layer.bias
    with pytest.raises(AttributeError, match="bias"):
        tree.leaves(layer)


def test_static_classes_keep_their_own_methods():
    @register_static
    class Name(str):
        pass

    assert tree.leaves([Name("a"), 1]) == [1]


def test_partial():
    def f(x, y, *, scale):
        return (x + y) * scale

    partial = Partial(f, 1, scale=2)
    assert partial(3) == 8
    leaves, treedef = tree.flatten(partial)
    assert leaves == [1, 2]
    assert tree.unflatten(treedef, [5, 10])(1) == 60
    assert type(tree.map(abs, partial)) is Partial
    assert tree.structure(Partial(f, 5, scale=6)) == treedef
    assert "Partial(<function" in repr(partial)


def test_partial_of_a_partial_keeps_its_arguments_apart():
    inner = functools.partial(max, 10)
    assert tree.leaves(Partial(inner, 3)) == [3]
    assert Partial(inner, 3)(4) == 10
    nested = Partial(Partial(max, 10), 3)
    assert tree.leaves(nested) == [3] and nested(4) == 10
    assert tree.structure(Partial(inner, 1)) == tree.structure(Partial(inner, 2))
    assert tree.structure(Partial(inner)) != tree.structure(Partial(functools.partial(max, 10)))
