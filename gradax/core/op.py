"""Operations: one record each, whose methods are all of its rules.

An operation's fields are its static parameters. A rule that does not hold is declared with
`unsupported("reason")`; a rule that is missing raises an InternalError naming it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, TypeVar, dataclass_transform

from gradax.core.aval import Aval
from gradax.errors import InternalError, UnsupportedRule, at_user_line
from gradax.native import get_trace
from gradax.records import declared_fields, field_names, initializer

if TYPE_CHECKING:
    from gradax.kernel.ir import Tensor

Dims = Sequence[int | None]


class Op:
    """Base of all operations.

    In every rule a result is one array when `multiple_results` is False, else a tuple of arrays.
    """

    name: ClassVar[str] = "op"
    multiple_results: ClassVar[bool] = False
    takes_programs: ClassVar[bool] = False
    calls_python: ClassVar[bool] = False
    # What an operation does besides computing, by name; it runs then although nothing reads it.
    effects: ClassVar[frozenset[str]] = frozenset()
    __match_args__: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "name" not in cls.__dict__:
            cls.name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", cls.__name__).lower()

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.__dict__ == other.__dict__

    def __hash__(self) -> int:
        return hash((type(self), *self.__dict__.values()))

    def __setattr__(self, name: str, value: Any) -> NoReturn:
        raise AttributeError(f"operations are immutable: cannot set {self.name}.{name}")

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in self.params.items())})"

    def __call__(self, *args: Any) -> Any:
        trace = get_trace()
        if trace is None:
            return evaluation.evaluate(self, args)
        return trace.process(self, args)

    def infer(self, *avals: Aval) -> Any:
        """Return the aval(s) of the results, or raise the error that the user sees."""
        raise missing(self, "infer")

    def jvp(self, primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
        """Return results and their tangents; a tangent may be a `Zero`."""
        raise missing(self, "jvp")

    def transpose(self, ct: Any, *operands: Any) -> Any:
        """Return a cotangent for each operand that is a `Linear`, None for the others.

        `ct` is one value, or a tuple where the operation has several results, perhaps `Zero`s.
        """
        raise missing(self, "transpose")

    def batch(self, args: tuple[Any, ...], dims: tuple[int | None, ...]) -> tuple[Any, Any]:
        """Return result(s) and the position of their mapped axis; None in dims: not mapped."""
        raise missing(self, "batch")

    def lower(self, *operands: Tensor) -> Any:
        """Return what the operation computes as kernel expressions."""
        raise missing(self, "lower")

    def reference(self, *operands: Any) -> Any:
        """Compute the operation with NumPy: the tests' oracle, the evaluator of small arrays."""
        raise missing(self, "reference")

    def batch_axis(
        self, name: Any, size: int, args: tuple[Any, ...], dims: tuple[int | None, ...]
    ) -> tuple[Any, Any]:
        """Do what mapping does to an operation that uses the mapped axis by its name."""
        raise missing(self, "batch_axis")

    @property
    def axis_names(self) -> tuple[Any, ...]:
        """The names of mapped axes that the operation itself uses."""
        return ()

    @property
    def params(self) -> dict[str, Any]:
        """The static parameters, by name."""
        return {name: getattr(self, name) for name in field_names(type(self))}

    def printed_params(self) -> dict[str, Any]:
        """The parameters that a jaxpr's text shows."""
        return self.params

    @property
    def bound_params(self) -> dict[str, Any]:
        """The parameters that binding the operation's primitive takes, by JAX's names."""
        return {"name" if k == "call_name" else k: v for k, v in self.params.items()}

    @property
    def own_primitive(self) -> Any:
        """The primitive that made the operation, where it is one of a user's; else None."""
        return None


_Class = TypeVar("_Class", bound=type[Op])


@dataclass_transform(frozen_default=True)
def operation(cls: _Class) -> _Class:
    """Make a class a record whose methods are `Op`'s: its annotated names are its parameters."""
    names = declared_fields(cls)
    cls.__match_args__ = names
    cls.__init__ = initializer(cls, names)
    return cls


class Evaluation:
    """The evaluator of operations outside any trace; the package's `__init__` assigns it."""

    evaluate: Callable[[Op, tuple[Any, ...]], Any]


evaluation = Evaluation()


def missing(op: Op, rule: str) -> InternalError:
    """Return the error for a rule that nobody wrote."""
    return InternalError(f"operation {op.name!r} has no rule {rule!r}")


def unsupported(reason: str) -> Callable[..., NoReturn]:
    """Declare that a rule does not exist, and why."""

    def rule(self: Op, *args: Any, **kwargs: Any) -> NoReturn:
        raise UnsupportedRule(f"{self.name}: {reason}.{at_user_line()}")

    rule.__dict__["unsupported_reason"] = reason
    return rule


_inferred: dict[tuple[Any, ...], Any] = {}


def infer(op: Op, avals: Sequence[Aval]) -> Any:
    """Return `op.infer(*avals)`, remembered for operations that hold no jaxprs."""
    if op.multiple_results:
        return op.infer(*avals)
    key = (op, *avals)
    out = _inferred.get(key)
    if out is None:
        out = _inferred[key] = op.infer(*avals)
    return out
