"""Integers that depend on the sizes of open axes."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from math import ceil, floor, gcd, isfinite, isnan
from typing import TYPE_CHECKING, Any, ClassVar, final

import numpy as np

from gradax.errors import StaticSizeError, at_user_line
from gradax.sizes.registers import registers
from gradax.sizes.unknown import Monomial, Unknown, axes_of, range_of

if TYPE_CHECKING:
    from gradax.sizes.axes import OpenAxes


# What an operator of a size is computed with as arrays, and the operators that give floats.
NUMBERS: tuple[type[Any], ...] = (int, float, complex, np.generic, np.ndarray)
OF_FLOATS = frozenset({"__truediv__", "__rtruediv__", "__pow__"})
# The methods that NumPy's operators are, and their reflections.
OPERATORS = {
    "add": ("__add__", "__radd__"),
    "subtract": ("__sub__", "__rsub__"),
    "multiply": ("__mul__", "__rmul__"),
    "divide": ("__truediv__", "__rtruediv__"),
    "true_divide": ("__truediv__", "__rtruediv__"),
    "floor_divide": ("__floordiv__", "__rfloordiv__"),
    "remainder": ("__mod__", "__rmod__"),
    "divmod": ("__divmod__", "__rdivmod__"),
    "power": ("__pow__", "__rpow__"),
    "less": ("__lt__", "__gt__"),
    "less_equal": ("__le__", "__ge__"),
    "greater": ("__gt__", "__lt__"),
    "greater_equal": ("__ge__", "__le__"),
    "equal": ("__eq__", "__eq__"),
    "not_equal": ("__ne__", "__ne__"),
}
PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


@final
class Size:
    """An integer that depends on the sizes of open axes."""

    __slots__ = ("owner", "terms", "_text", "_hash", "__weakref__")

    # A number, to whoever asks.
    ndim: ClassVar[int] = 0
    shape: ClassVar[tuple[int, ...]] = ()
    # Makes a traced scalar of a size, where it meets floats; `lax` assigns it.
    to_array: ClassVar[Callable[[Size, type], Any]]
    to_number: ClassVar[Callable[[Size, Any, bool], Any]]

    def __init__(self, owner: OpenAxes, terms: Mapping[Monomial, int]) -> None:
        self.owner = owner
        self.terms = {m: c for m, c in terms.items() if c}
        self._text: str | None = None
        self._hash: int | None = None

    # What a size is worth.

    @property
    def constant(self) -> int | None:
        """The value, where it is the same for all sizes."""
        if not self.terms:
            return 0
        return self.terms.get(()) if len(self.terms) == 1 else None

    @property
    def value(self) -> int:
        """The value in the call that is being traced."""
        return self.at([axis.value for axis in self.owner.axes])

    @property
    def likely(self) -> int:
        """A value to choose the faster way by."""
        return self.evaluate(lambda u: u.likely)

    def evaluate(self, value_of: Callable[[Unknown], int]) -> int:
        """Return the value, given those of the unknowns."""
        total = 0
        for monomial, factor in self.terms.items():
            for unknown in monomial:
                factor *= value_of(unknown)
            total += factor
        return total

    def at(self, values: Sequence[Any]) -> int:
        """Return the value for given sizes of the open axes."""

        def value_of(unknown: Unknown) -> int:
            if unknown.kind == "axis":
                return values[unknown.position]
            x, y = (part.at(values) for part in unknown.parts)
            if y == 0:
                return 0
            return x // y if unknown.kind == "quotient" else x % y

        return self.evaluate(value_of)

    def axes(self) -> set[Unknown]:
        """Return the open axes that the size depends on."""
        return {axis for monomial in self.terms for axis in axes_of(monomial)}

    def encoded(self) -> list[Any]:
        """Return the size as factors and names: axes by number, others in full."""
        return [
            (factor, [u.position if u.kind == "axis" else (u.kind, *(p.encoded() for p in u.parts))
                      for u in monomial])
            for monomial, factor in self.terms.items()
        ]  # fmt: skip

    def bounds(self) -> tuple[int | None, int | None]:
        """Return the least and the largest value, None where there is no bound."""
        low: int | None = 0
        high: int | None = 0
        for monomial, factor in self.terms.items():
            least, most = range_of(monomial)
            ends = (least, most) if factor > 0 else (most, least)
            low = None if low is None or ends[0] is None else low + factor * ends[0]
            high = None if high is None or ends[1] is None else high + factor * ends[1]
        return low, high

    def is_zero(self) -> bool | None:
        """Tell whether the value is zero for all sizes, None where that depends."""
        low, high = self.bounds()
        if (low is not None and low > 0) or (high is not None and high < 0):
            return False
        if low == high == 0:
            return True
        factors = [c for m, c in self.terms.items() if m]
        return False if self.terms.get((), 0) % gcd(*factors) else None

    def is_nonnegative(self) -> bool | None:
        """Tell whether the value is at least zero for all sizes, None where that depends."""
        low, high = self.bounds()
        if low is not None and low >= 0:
            return True
        return False if high is not None and high < 0 else None

    def reduced(self, relation: str) -> Size:
        """Return what is zero (or not negative) exactly when this is, in lowest terms."""
        factors = [c for m, c in self.terms.items() if m]
        common = gcd(*factors)
        if relation == "==":
            first = next(m for m in self.terms if m)
            common = -common if self.terms[first] < 0 else common
        if common == 1:
            return self
        return Size(self.owner, {m: c // common for m, c in self.terms.items()})

    # Arithmetic.

    def lifted(self, other: Any) -> Size | None:
        """Return another operand as a size, None where it is not an integer."""
        if type(other) is Size:
            if other.owner is not self.owner:
                raise escaped(self if not self.owner.is_traced else other)
            return other
        if isinstance(other, (int, np.integer)):
            return Size(self.owner, {(): int(other)})
        if isinstance(other, np.ndarray) and other.ndim == 0 and other.dtype.kind in "iub":
            return Size(self.owner, {(): int(other)})
        return None

    def plus(self, other: Size, sign: int) -> Size | int:
        """Return the sum or difference."""
        terms = dict(self.terms)
        for monomial, factor in other.terms.items():
            terms[monomial] = terms.get(monomial, 0) + sign * factor
        return simple(Size(self.owner, terms))

    def times(self, other: Size) -> Size | int:
        """Return the product."""
        terms: dict[Monomial, int] = {}
        for m, c in self.terms.items():
            for n, d in other.terms.items():
                both = tuple(sorted((*m, *n), key=lambda u: u.text))
                terms[both] = terms.get(both, 0) + c * d
        return simple(Size(self.owner, terms))

    def divided(self, other: Size) -> tuple[Size | int, Size | int]:
        """Return the quotient, rounded down, and the remainder."""
        n = other.constant
        if n == 0:
            raise ZeroDivisionError("integer division or modulo of a size by zero")
        if n is None:
            exact = self.exactly_by(other)
            if exact is not None:
                return exact, 0
            if other.owner.decide(other, "=="):
                raise ZeroDivisionError("integer division or modulo of a size by zero")
            if self.is_surely_within(0, other):
                return 0, simple(self)
            if self.is_surely_within(-other, 0):
                return -1, self + other
            return self.unknowns(other)
        if n < 0:
            quotient, rest = (-self if isinstance(-self, Size) else self).divided(
                Size(self.owner, {(): -n})
            )
            return quotient, -rest
        whole = {m: c // n for m, c in self.terms.items()}
        rest = {m: c % n for m, c in self.terms.items()}
        left = simple(Size(self.owner, rest))
        if isinstance(left, int):
            return simple(Size(self.owner, whole)), left
        quotient, remainder = left.unknowns(other)
        return Size(self.owner, whole) + quotient, remainder

    def is_surely_within(self, low: Any, high: Any) -> bool:
        """Tell whether low <= self < high for all sizes."""
        for apart in (self - low, high - self - 1):
            is_above = apart >= 0 if isinstance(apart, int) else apart.is_nonnegative()
            if not is_above:
                return False
        return True

    def exactly_by(self, other: Size) -> Size | int | None:
        """Return the quotient where one monomial divides all terms, None elsewhere."""
        if len(other.terms) != 1:
            return 1 if self.terms == other.terms else None
        ((by, d),) = other.terms.items()
        terms: dict[Monomial, int] = {}
        for monomial, c in self.terms.items():
            left = list(monomial)
            for unknown in by:
                if unknown not in left:
                    return None
                left.remove(unknown)
            if c % d:
                return None
            terms[tuple(left)] = c // d
        return simple(Size(self.owner, terms))

    def unknowns(self, other: Size) -> tuple[Size, Size]:
        """Return the quotient and remainder as unknowns of their own."""
        quotient = Size(self.owner, {(self.owner.unknown("quotient", self, other),): 1})
        return quotient, Size(self.owner, {(self.owner.unknown("remainder", self, other),): 1})

    def __add__(self, other: Any) -> Any:
        y = self.lifted(other)
        return self.of_array("__add__", other) if y is None else self.plus(y, 1)

    def __sub__(self, other: Any) -> Any:
        y = self.lifted(other)
        return self.of_array("__sub__", other) if y is None else self.plus(y, -1)

    def __rsub__(self, other: Any) -> Any:
        y = self.lifted(other)
        return self.of_array("__rsub__", other) if y is None else y.plus(self, -1)

    def __mul__(self, other: Any) -> Any:
        y = self.lifted(other)
        return self.of_array("__mul__", other) if y is None else self.times(y)

    __radd__ = __add__
    __rmul__ = __mul__

    def __floordiv__(self, other: Any) -> Any:
        y = self.lifted(other)
        return self.of_array("__floordiv__", other) if y is None else self.divided(y)[0]

    def __mod__(self, other: Any) -> Any:
        y = self.lifted(other)
        return self.of_array("__mod__", other) if y is None else self.divided(y)[1]

    def __divmod__(self, other: Any) -> Any:
        y = self.lifted(other)
        return self.of_array("__divmod__", other) if y is None else self.divided(y)

    def __rfloordiv__(self, other: Any) -> Any:
        y = self.lifted(other)
        return self.of_array("__rfloordiv__", other) if y is None else y.divided(self)[0]

    def __rmod__(self, other: Any) -> Any:
        y = self.lifted(other)
        return self.of_array("__rmod__", other) if y is None else y.divided(self)[1]

    def __rdivmod__(self, other: Any) -> Any:
        y = self.lifted(other)
        return self.of_array("__rdivmod__", other) if y is None else y.divided(self)

    def __pow__(self, other: Any) -> Any:
        if type(other) is int and 0 <= other <= 8:
            out: Any = 1
            for _ in range(other):
                out = self * out
            return out
        return self.of_array("__pow__", other)

    def __rpow__(self, other: Any) -> Any:
        return self.of_array("__rpow__", other)

    def __truediv__(self, other: Any) -> Any:
        return self.of_array("__truediv__", other)

    def __rtruediv__(self, other: Any) -> Any:
        return self.of_array("__rtruediv__", other)

    def __abs__(self) -> Any:
        return self if self >= 0 else -self

    def __neg__(self) -> Any:
        return self * -1

    def __pos__(self) -> Size:
        return self

    def of_array(self, method: str, other: Any) -> Any:
        """Return what an operator gives on the size as a traced number.

        Arrays and tracers do it themselves.
        """
        if hasattr(other, "aval") or not isinstance(other, (*NUMBERS, Size)):
            return NotImplemented
        kind = np.result_type(getattr(other, "dtype", type(other)), np.int8).kind
        is_float = kind == "f" or method in OF_FLOATS
        number = Size.to_array(self, complex if kind == "c" else float if is_float else int)
        if type(other) is Size:
            other = Size.to_array(other, float if is_float else int)
        return getattr(number, method)(other)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        """Return what a NumPy operator gives; NumPy's functions need a number.

        Errors: StaticSizeError for those, NumPy's own arrays among the operands or not.
        """
        names = OPERATORS.get(ufunc.__name__)
        if method != "__call__" or names is None or kwargs or len(inputs) != 2:
            name = ufunc.__name__
            raise static_error(
                self, f"np.{name}", f"use gradax.numpy.{name}, which takes such sizes"
            )
        if type(inputs[0]) is Size:
            return getattr(inputs[0], names[0])(inputs[1])
        return getattr(self, names[1])(inputs[0])

    # Comparisons.

    def compared(self, other: Any, swapped: bool, strict: bool, method: str) -> Any:
        """Tell whether self <= other (or other <= self), strictly or not."""
        y = self.lifted(other)
        if y is None and isinstance(other, (float, np.floating)):
            return self.compared_with_float(float(other), swapped, strict)
        if y is None:
            return self.of_array(method, other)
        apart = self.plus(y, -1) if swapped else y.plus(self, -1)
        apart = apart - 1 if strict else apart
        return apart >= 0 if isinstance(apart, int) else self.owner.decide(apart, ">=")

    def compared_with_float(self, other: float, swapped: bool, strict: bool) -> bool:
        """Tell whether self <= other (or other <= self), strictly or not."""
        if not isfinite(other):
            return False if isnan(other) else (other < 0) == swapped
        if swapped:
            return self > floor(other) if strict else self >= ceil(other)
        return self < ceil(other) if strict else self <= floor(other)

    def __lt__(self, other: Any) -> Any:
        return self.compared(other, False, True, "__lt__")

    def __le__(self, other: Any) -> Any:
        return self.compared(other, False, False, "__le__")

    def __gt__(self, other: Any) -> Any:
        return self.compared(other, True, True, "__gt__")

    def __ge__(self, other: Any) -> Any:
        return self.compared(other, True, False, "__ge__")

    def __eq__(self, other: object) -> Any:
        if self is other:
            return True
        if type(other) is Size and other.owner is not self.owner:
            return False
        if isinstance(other, (float, np.floating)) and float(other).is_integer():
            other = int(other)
        y = self.lifted(other)
        if y is None:
            return NotImplemented if hasattr(other, "aval") else False
        apart = self.plus(y, -1)
        return apart == 0 if isinstance(apart, int) else self.owner.decide(apart, "==")

    def __ne__(self, other: object) -> Any:
        equal = self == other
        return not equal if isinstance(equal, bool) else NotImplemented

    def __hash__(self) -> int:
        if not sys._getframe(1).f_code.co_filename.startswith(PACKAGE):
            raise static_error(self, "A set or a dictionary of numbers")
        if self._hash is None:
            self._hash = hash((id(self.owner), str_of(self)))
        return self._hash

    def __bool__(self) -> bool:
        return not self.owner.decide(self, "==")

    # What needs a number.

    def __index__(self) -> int:
        raise static_error(self, "Python (range, an index, a NumPy shape)")

    def __int__(self) -> int:
        raise static_error(self, "int()")

    def __float__(self) -> float:
        raise static_error(self, "float() or a function of math or NumPy")

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise static_error(self, "NumPy")

    # Text.

    def operand_text(self) -> str:
        """Return the text as an operand of a quotient."""
        text = str_of(self)
        return text if text.isidentifier() or text.isdigit() else f"({text})"

    def __str__(self) -> str:
        table = registers()
        return str_of(self) if table is None else table.register(self)

    def __repr__(self) -> str:
        return str_of(self)

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)

    def __reduce__(self) -> Any:
        raise TypeError("a size that is not fixed cannot be pickled")


def str_of(size: Size) -> str:
    """Return a size as it is written, `2*n + 1`."""
    if size._text is None:
        size._text = written(size)
    return size._text


def written(size: Size) -> str:
    """Return the text of a size."""
    parts: list[str] = []
    ordered = sorted(size.terms.items(), key=lambda t: (not t[0], [u.text for u in t[0]]))
    for monomial, factor in ordered:
        names = [u.text if u.kind == "axis" else f"({u.text})" for u in monomial]
        amount = abs(factor)
        text = "*".join([str(amount)] * (amount != 1 or not names) + names)
        sign = "-" if factor < 0 else "+"
        parts.append(f" {sign} {text}" if parts else ("-" if factor < 0 else "") + text)
    return "".join(parts) or "0"


def simple(size: Size) -> Size | int:
    """Return a size, as an int where it is one."""
    constant = size.constant
    return size if constant is None else constant


def escaped(size: Size) -> StaticSizeError:
    """Make the error for a size that is used when its program has been traced."""
    return StaticSizeError(
        f"The size {size!r} of an open axis (jit's dynamic_dims) is used outside of the function"
        f" that was traced with it.{at_user_line()}\nIt stands for no number there: return arrays"
        " from the function, do not keep x.shape."
    )


def static_error(size: Size, who: str, mend: str = "") -> StaticSizeError:
    """Make the error for a size that is used where a number is needed."""
    mend = mend or ("compute with arrays: arange, scan, fori_loop and gradax.numpy take such sizes")
    axes = sorted({axis.what for axis in size.axes()})
    return StaticSizeError(
        f"{who} needs a fixed size, but {size!r} is not fixed: it depends on"
        f" {', '.join(axes)} (jit's dynamic_dims).{at_user_line()}\n"
        f"Leave that axis out of dynamic_dims (then each size is compiled), or {mend}."
    )
