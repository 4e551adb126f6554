"""Records do what frozen dataclasses do."""

import copy
import inspect
import pickle
from functools import cached_property
from typing import ClassVar

import pytest

from gradax.records import field_names, record, replace


@record
class Point:
    """A place."""

    unit: ClassVar[str] = "m"
    x: int
    y: int = 2

    @cached_property
    def total(self) -> int:
        return self.x + self.y


@record
class Place(Point):
    name: str = ""


@record(eq=False)
class Thing:
    x: int


@record
class Nothing:
    pass


def test_fields_come_by_position_by_name_and_by_default():
    assert repr(Point(1)) == repr(Point(x=1)) == repr(Point(y=2, x=1)) == "Point(x=1, y=2)"
    assert str(inspect.signature(Point)) == "(x, y=2)"
    assert field_names(Place) == ("x", "y", "name")
    assert Place(1, 2, "a").name == "a"
    assert repr(Nothing()) == "Nothing()"


@pytest.mark.parametrize(
    ("args", "kwargs", "message"),
    [
        ((), {}, r"Point.__init__\(\) missing 1 required positional argument: 'x'"),
        ((1, 2, 3), {}, "takes from 2 to 3 positional arguments but 4 were given"),
        ((1,), {"x": 2}, "multiple values for argument 'x'"),
        ((1,), {"z": 2}, "unexpected keyword argument 'z'"),
    ],
)
def test_wrong_arguments(args, kwargs, message):
    with pytest.raises(TypeError, match=message):
        Point(*args, **kwargs)


def test_equality_is_of_class_and_fields():
    one, same = Point(1, 2), Point(1, 2)
    assert one.total == 3
    assert one == same and hash(one) == hash(same)
    assert one != Point(1, 3) and one != Place(1, 2) and one != (1, 2)
    assert Nothing() == Nothing() and hash(Nothing()) == hash(Nothing())
    assert Thing(1) != Thing(1)


def test_records_are_immutable():
    for change in (lambda p: setattr(p, "x", 2), lambda p: delattr(p, "x")):
        with pytest.raises(AttributeError, match=r"immutable: cannot set Point\.x"):
            change(Point(1))


def test_replaced_copied_and_pickled():
    assert replace(Place(1, 2, "a"), y=5) == Place(1, 5, "a")
    with pytest.raises(TypeError, match="unexpected keyword argument 'z'"):
        replace(Point(1), z=3)
    assert copy.copy(Point(1)) == copy.deepcopy(Point(1)) == Point(1)
    assert pickle.loads(pickle.dumps(Point(1, 4))) == Point(1, 4)


def test_match_statements():
    match Point(1, 4):
        case Point(x, y):
            assert (x, y) == (1, 4)


def test_any_number_of_fields():
    for n in range(13):
        names = [f"f{i}" for i in range(n)]
        made = record(type("Made", (), {"__annotations__": dict.fromkeys(names, int)}))
        assert [getattr(made(*range(n)), name) for name in names] == list(range(n))
        assert made(*range(n)) == made(**{name: i for i, name in enumerate(names)})


def test_a_field_without_default_may_not_follow_one_with():
    with pytest.raises(TypeError, match="a field without a default follows one with a default"):
        record(type("Made", (), {"__annotations__": {"a": int, "b": int}, "a": 1}))
