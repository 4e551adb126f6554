"""Records: immutable values with named fields, made without generating code at import.

`@record` does what `dataclass(frozen=True)` does, with two differences: a class costs microseconds
to define instead of a millisecond, and an instance half the time to make.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from inspect import get_annotations
from operator import attrgetter
from types import FunctionType
from typing import Any, Final, NoReturn, TypeVar, dataclass_transform, overload

T = TypeVar("T")
Class = TypeVar("Class", bound=type)


@overload
@dataclass_transform(frozen_default=True)
def record(cls: Class, /) -> Class: ...


@overload
@dataclass_transform(frozen_default=True)
def record(*, eq: bool = True) -> Callable[[Class], Class]: ...


def record(cls: Any = None, /, *, eq: bool = True) -> Any:
    """Make a class a record: its annotated names, after its bases', are its fields.

    Without `eq`, equality is identity. Defaults are shared by all instances: make them immutable.
    Errors: TypeError for a field without a default after one with a default.
    """
    return (lambda cls: define(cls, eq)) if cls is None else define(cls, eq)


def define(cls: Any, eq: bool) -> Any:
    """Give a class what makes it a record, and return it."""
    names = declared_fields(cls)
    cls.__match_args__ = names
    cls.__init__ = initializer(cls, names)
    cls.__setattr__ = cls.__delattr__ = refuse
    if "__repr__" not in cls.__dict__:
        cls.__repr__ = text
    if eq:
        values = values_of(names)
        cls.__eq__ = lambda self, other: (
            values(self) == values(other) if type(other) is type(self) else NotImplemented
        )
        cls.__hash__ = lambda self: hash(values(self))
    return cls


def field_names(cls: type) -> tuple[str, ...]:
    """Return the names of a record's fields."""
    return getattr(cls, "__match_args__", ())


def replace(instance: T, /, **changes: Any) -> T:
    """Return a record with some of its fields changed."""
    values = {name: getattr(instance, name) for name in field_names(type(instance))}
    return type(instance)(**(values | changes))


def declared_fields(cls: type) -> tuple[str, ...]:
    """Return the annotated names of a class, class variables left out, after those of its bases."""
    names = dict.fromkeys(name for base in cls.__bases__ for name in field_names(base))
    for name, kind in get_annotations(cls).items():
        if "ClassVar" not in (kind if type(kind) is str else repr(kind)):
            names[name] = None
    return tuple(names)


def initializer(cls: type, names: tuple[str, ...]) -> FunctionType:
    """Return the `__init__` that takes the fields: a written one under the fields' names."""
    written = _WRITTEN[len(names)]
    code = renamed(len(names), names)
    defaults = tuple(getattr(cls, name) for name in names if hasattr(cls, name))
    if any(hasattr(cls, name) for name in names[: len(names) - len(defaults)]):
        raise TypeError(f"{cls.__name__}: a field without a default follows one with a default")
    made = FunctionType(code, written.__globals__, "__init__", defaults)
    made.__qualname__ = f"{cls.__qualname__}.__init__"
    return made


@cache
def renamed(n: int, names: tuple[str, ...]) -> Any:
    """Return the code of the initializer of `n` fields, with other parameters and keys."""
    code = _WRITTEN[n].__code__
    new = dict(zip(code.co_varnames[1:], names, strict=True))
    constants = (tuple(map(new.get, c)) if type(c) is tuple else c for c in code.co_consts)
    return code.replace(
        co_name="__init__", co_varnames=("self", *names), co_consts=tuple(constants)
    )


def values_of(names: tuple[str, ...]) -> Callable[[Any], Any]:
    """Return the function that gives what equality compares."""
    return attrgetter(*names) if names else lambda self: ()


def refuse(self: Any, name: str, *value: Any) -> NoReturn:
    """Refuse to assign or delete an attribute."""
    raise AttributeError(f"records are immutable: cannot set {type(self).__name__}.{name}")


def text(self: Any) -> str:
    """Return a record as it would be written."""
    fields = ", ".join(f"{name}={getattr(self, name)!r}" for name in field_names(type(self)))
    return f"{type(self).__qualname__}({fields})"


# The initializers of 0, 1, 2 … fields. Updating the dictionary passes by `refuse`; writing to
# it item by item would leave it in a form that is slower to read.


def _of_0(self: Any) -> None:
    pass


def _of_1(self: Any, a0: Any) -> None:
    self.__dict__.update(a0=a0)


def _of_2(self: Any, a0: Any, a1: Any) -> None:
    self.__dict__.update(a0=a0, a1=a1)


def _of_3(self: Any, a0: Any, a1: Any, a2: Any) -> None:
    self.__dict__.update(a0=a0, a1=a1, a2=a2)


def _of_4(self: Any, a0: Any, a1: Any, a2: Any, a3: Any) -> None:
    self.__dict__.update(a0=a0, a1=a1, a2=a2, a3=a3)


def _of_5(self: Any, a0: Any, a1: Any, a2: Any, a3: Any, a4: Any) -> None:
    self.__dict__.update(a0=a0, a1=a1, a2=a2, a3=a3, a4=a4)


def _of_6(self: Any, a0: Any, a1: Any, a2: Any, a3: Any, a4: Any, a5: Any) -> None:
    self.__dict__.update(a0=a0, a1=a1, a2=a2, a3=a3, a4=a4, a5=a5)


def _of_7(self: Any, a0: Any, a1: Any, a2: Any, a3: Any, a4: Any, a5: Any, a6: Any) -> None:
    self.__dict__.update(a0=a0, a1=a1, a2=a2, a3=a3, a4=a4, a5=a5, a6=a6)


def _of_8(
    self: Any, a0: Any, a1: Any, a2: Any, a3: Any, a4: Any, a5: Any, a6: Any, a7: Any
) -> None:
    self.__dict__.update(a0=a0, a1=a1, a2=a2, a3=a3, a4=a4, a5=a5, a6=a6, a7=a7)


def _of_9(
    self: Any, a0: Any, a1: Any, a2: Any, a3: Any, a4: Any, a5: Any, a6: Any, a7: Any, a8: Any
) -> None:
    self.__dict__.update(a0=a0, a1=a1, a2=a2, a3=a3, a4=a4, a5=a5, a6=a6, a7=a7, a8=a8)


def _of_10(
    self: Any,
    a0: Any,
    a1: Any,
    a2: Any,
    a3: Any,
    a4: Any,
    a5: Any,
    a6: Any,
    a7: Any,
    a8: Any,
    a9: Any,
) -> None:
    self.__dict__.update(a0=a0, a1=a1, a2=a2, a3=a3, a4=a4, a5=a5, a6=a6, a7=a7, a8=a8, a9=a9)


def _of_11(
    self: Any,
    a0: Any,
    a1: Any,
    a2: Any,
    a3: Any,
    a4: Any,
    a5: Any,
    a6: Any,
    a7: Any,
    a8: Any,
    a9: Any,
    a10: Any,
) -> None:
    self.__dict__.update(
        a0=a0, a1=a1, a2=a2, a3=a3, a4=a4, a5=a5, a6=a6, a7=a7, a8=a8, a9=a9, a10=a10
    )


def _of_12(
    self: Any,
    a0: Any,
    a1: Any,
    a2: Any,
    a3: Any,
    a4: Any,
    a5: Any,
    a6: Any,
    a7: Any,
    a8: Any,
    a9: Any,
    a10: Any,
    a11: Any,
) -> None:
    self.__dict__.update(
        a0=a0, a1=a1, a2=a2, a3=a3, a4=a4, a5=a5, a6=a6, a7=a7, a8=a8, a9=a9, a10=a10, a11=a11
    )


_WRITTEN: Final[tuple[Any, ...]] = (
    *(_of_0, _of_1, _of_2, _of_3, _of_4, _of_5, _of_6),
    *(_of_7, _of_8, _of_9, _of_10, _of_11, _of_12),
)
