"""Python's operators and NumPy's methods of arrays and tracers.

`install` is one of the package's two inversions: it gives the classes, which core and the runtime
define, what this package knows. It is called once, when `gradax` is imported.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any, Final, Literal

import numpy as np

from gradax import dtypes
from gradax.core.aval import Aval
from gradax.core.op import Op
from gradax.errors import ArgumentError, at_user_line
from gradax.lax.arithmetic import Add, Div, IntegerPow, Mul, Neg, Sub
from gradax.lax.bits import And, Not, Or, Xor
from gradax.lax.comparison import Eq, Ge, Gt, Le, Lt, Ne
from gradax.lax.convert import BitcastConvertType
from gradax.native import Array, array_view
from gradax.numpy import (
    arithmetic,
    creation,
    cumulative,
    joining,
    logic,
    printing,
    products,
    ranges,
    reductions,
    shaping,
    sorting,
    taking,
)
from gradax.numpy.at import assign, at, delete
from gradax.numpy.axes import canonical_axis
from gradax.numpy.indexing import index
from gradax.numpy.promotion import (
    ARRAYS,
    COMPLEX,
    SCALARS,
    binary,
    binary_any,
    binary_inexact,
    convert,
    is_operand,
)
from gradax.numpy.small import natively

Binary = Callable[[Any, Any], Any]

_OR: Final = Or()
_AND: Final = And()
_INTEGER_POW: Final[dict[int, IntegerPow]] = {n: IntegerPow(n) for n in range(-3, 9)}
_NEG: Final = Neg()


def accepts(x: Any) -> bool:
    """Tell whether an operator accepts an operand; all others get their turn in Python."""
    return isinstance(x, ARRAYS) or type(x) in SCALARS or is_operand(x)


def arithmetic_operator(op: Op, of_bools: Op | None = None) -> tuple[Binary, Binary]:
    """Return an operator and its reflection."""

    def operate(self: Any, other: Any) -> Any:
        return binary(op, self, other, of_bools) if accepts(other) else NotImplemented

    def reflected(self: Any, other: Any) -> Any:
        return binary(op, other, self, of_bools) if accepts(other) else NotImplemented

    return operate, reflected


def divide(self: Any, other: Any) -> Any:
    """Divide, integers as floats."""
    return binary_inexact(_DIV, self, other) if accepts(other) else NotImplemented


def divide_reflected(self: Any, other: Any) -> Any:
    """Divide another operand by this one."""
    return binary_inexact(_DIV, other, self) if accepts(other) else NotImplemented


_DIV: Final = Div()


def any_operator(op: Op) -> tuple[Binary, Binary]:
    """Return an operator of any dtype and its reflection."""

    def operate(self: Any, other: Any) -> Any:
        return binary_any(op, self, other) if accepts(other) else NotImplemented

    def reflected(self: Any, other: Any) -> Any:
        return binary_any(op, other, self) if accepts(other) else NotImplemented

    return operate, reflected


def function_operator(function: Binary) -> tuple[Binary, Binary]:
    """Return the operator that a function is, and its reflection."""

    def operate(self: Any, other: Any) -> Any:
        return function(self, other) if accepts(other) else NotImplemented

    def reflected(self: Any, other: Any) -> Any:
        return function(other, self) if accepts(other) else NotImplemented

    return operate, reflected


def comparison(op: Op, function: Binary) -> Binary:
    """Return a comparison; complex numbers take the slower way."""

    def compare(self: Any, other: Any) -> Any:
        if self.aval.dtype in COMPLEX or type(other) is complex:
            return function(self, other) if accepts(other) else NotImplemented
        return binary_any(op, self, other) if accepts(other) else NotImplemented

    return compare


def raise_to(self: Any, other: Any, modulus: None = None) -> Any:
    """Raise to a power."""
    if modulus is not None:
        return NotImplemented
    if type(other) is int and other in _INTEGER_POW and self.aval.dtype in arithmetic.INEXACT:
        return _INTEGER_POW[other](self)
    return arithmetic.power(self, other) if accepts(other) else NotImplemented


def raised_by(self: Any, other: Any, modulus: None = None) -> Any:
    """Raise another operand to this power."""
    if modulus is not None or not accepts(other):
        return NotImplemented
    return arithmetic.power(other, self)


def negate(self: Any) -> Any:
    """Negate."""
    return _NEG(self)


def identity(self: Any) -> Any:
    """Return the array itself."""
    return self


def invert(self: Any) -> Any:
    """Invert the bits, or bools."""
    return _NOT(self)


_NOT: Final = Not()


def rounded(self: Any, ndigits: int | None = None) -> Any:
    """Round to a number of digits; without one, to integers."""
    out = arithmetic.round(self, 0 if ndigits is None else ndigits)
    return convert(out, dtypes.default_dtype("i")) if ndigits is None else out


def length(self: Any) -> int:
    """Return the size of the first axis."""
    if not self.shape:
        raise TypeError("len() of unsized object: the array has rank 0")
    return self.shape[0]


def iterate(self: Any) -> Iterator[Any]:
    """Return an iterator over the slices along the first axis."""
    if not self.shape:
        raise TypeError("iteration over a 0-d array")
    return (index(self, i) for i in range(self.shape[0]))


def reshape(self: Any, *args: Any, order: str = "C", out_sharding: Any = None) -> Any:
    """Return the array with another shape: x.reshape(2, -1) or x.reshape((2, -1))."""
    shape = args[0] if len(args) == 1 else args
    return creation.placed(shaping.reshaped(self, shape, order), None, out_sharding)


def transpose(self: Any, *args: Any) -> Any:
    """Return the array with its axes permuted, or in reverse order."""
    if not args:
        return shaping.transposed(self)
    axes = args[0] if len(args) == 1 and not isinstance(args[0], int) else args
    return shaping.transpose(self, axes)


def flatten(self: Any, order: str = "C", *, out_sharding: Any = None) -> Any:
    """Return the elements as a vector."""
    return creation.placed(shaping.reshaped(self, (self.size,), order), None, out_sharding)


def astype(self: Any, dtype: Any, copy: bool = False, device: Any = None) -> Any:
    """Convert to a dtype; None: the default float dtype."""
    return shaping.astype(self, dtype, copy=copy, device=device)


def compress(self: Any, condition: Any, axis: int | None = None, **options: Any) -> Any:
    """Return the slices along an axis for which a condition holds."""
    return taking.compress(condition, self, axis, **options)


def view(self: Any, dtype: Any = None, type: None = None) -> Any:
    """Return the bits read as another dtype; the last axis grows or shrinks with the width."""
    if type is not None:
        raise NotImplementedError("view: the 'type' argument is not supported")
    wanted = dtypes.check_user_dtype(dtype, "view")
    if wanted is None or wanted == self.dtype:
        return self
    if wanted == np.bool_ or self.dtype == np.bool_:
        through = self if self.dtype != np.bool_ else convert(self, np.dtype(np.uint8))
        if wanted == np.bool_:
            return logic.not_equal(view(through, np.uint8), 0)
        return view(through, wanted)
    old, new = self.dtype.itemsize, wanted.itemsize
    if old == new:
        return BitcastConvertType(wanted)(self)
    last = canonical_axis("view", -1, self.ndim)
    n = self.shape[last]
    if old > new:
        out = BitcastConvertType(wanted)(self)
        return shaping.reshaped(out, (*self.shape[:-1], n * old // new))
    if n * old % new:
        raise ArgumentError(
            f"view: the last axis of {self.shape} holds no whole number of {wanted.name}"
            f"{at_user_line()}"
        )
    grouped = shaping.reshaped(self, (*self.shape[:-1], n * old // new, new // old))
    return BitcastConvertType(wanted)(grouped)


def no_flat(self: Any) -> Any:
    """Refuse `x.flat`."""
    raise NotImplementedError("x.flat is not supported: arrays are immutable. Use x.ravel()")


def namespace(self: Any, /, *, api_version: str | None = None) -> Any:
    """Return the module of the array API functions."""
    return sys.modules["gradax.numpy"]


def item(self: Any, *args: Any) -> Any:
    """Return an element as a Python number: the only one, or the one at an index."""
    return np.asarray(self).item(*args)


def tolist(self: Any) -> Any:
    """Return the elements as nested lists of Python numbers."""
    return np.asarray(self).tolist()


def tobytes(self: Any, order: Literal["C", "F", "A"] = "C") -> bytes:
    """Return the elements' bytes."""
    return np.asarray(self).tobytes(order)


def copy_to_host_async(self: Any) -> None:
    """Do nothing: the memory is on the host already."""


def to_device(self: Any, device: Any, *, stream: Any = None) -> Any:
    """Return the array on a device or with a sharding."""
    return creation.placed(self, device)


def copied(self: Any, memo: Any = None) -> Any:
    """Return a copy, for the module `copy`."""
    return creation.copy(self)


def reduced(self: Any) -> tuple[Any, ...]:
    """Return what pickle keeps: the values and the aval."""
    return restored, (np.array(array_view(self)), self.aval)


def restored(values: Any, aval: Aval) -> Any:
    """Return an array from what pickle kept."""
    if dtypes.is_extended(aval.dtype):
        return Array.from_numpy(values, Aval(aval.shape, values.dtype))._with(aval)
    return Array.from_numpy(values, aval)


def python_operators() -> dict[str, Any]:
    """Return the operators of arrays and tracers."""
    table: dict[str, Any] = {
        "__truediv__": divide,
        "__rtruediv__": divide_reflected,
        "__pow__": raise_to,
        "__rpow__": raised_by,
        "__neg__": negate,
        "__pos__": identity,
        "__abs__": arithmetic.absolute,
        "__invert__": invert,
        "__round__": rounded,
        "__getitem__": index,
        "__setitem__": assign,
        "__delitem__": delete,
        "__array_priority__": 100,
        "__array_namespace__": namespace,
        "__eq__": any_operator(Eq())[0],
        "__ne__": any_operator(Ne())[0],
        "__lt__": comparison(Lt(), logic.less),
        "__le__": comparison(Le(), logic.less_equal),
        "__gt__": comparison(Gt(), logic.greater),
        "__ge__": comparison(Ge(), logic.greater_equal),
    }
    pairs = {
        "add": arithmetic_operator(Add(), _OR),
        "sub": arithmetic_operator(Sub()),
        "mul": arithmetic_operator(Mul(), _AND),
        "and": any_operator(_AND),
        "or": any_operator(_OR),
        "xor": any_operator(Xor()),
        "lshift": function_operator(logic.left_shift),
        "rshift": function_operator(logic.right_shift),
        "floordiv": function_operator(arithmetic.floor_divide),
        "mod": function_operator(arithmetic.remainder),
        "divmod": function_operator(arithmetic.divmod),
        "matmul": function_operator(products.matmul),
    }
    for name, (operate, reflected) in pairs.items():
        table[f"__{name}__"] = operate
        table[f"__r{name}__"] = reflected
    return table


def numpy_methods() -> dict[str, Any]:
    """Return the methods and properties that both arrays and tracers have."""
    modules = {
        reductions: "all any argmax argmin max mean min prod ptp std sum var",
        sorting: "argpartition argsort searchsorted sort",
        arithmetic: "conj conjugate round",
        logic: "clip",
        cumulative: "cumprod cumsum",
        ranges: "diagonal",
        products: "dot trace",
        shaping: "ravel squeeze swapaxes",
        joining: "repeat",
        taking: "choose nonzero take",
        creation: "copy",
    }
    table: dict[str, Any] = {
        name: getattr(module, name) for module, names in modules.items() for name in names.split()
    }
    table |= {
        "at": property(at, doc="Updates of parts: x.at[idx].set(y)."),
        "T": property(transpose, doc="The array with its axes in reverse order."),
        "mT": property(shaping.matrix_transpose, doc="The array with its last two axes swapped."),
        "real": property(arithmetic.real, doc="The real part."),
        "imag": property(arithmetic.imag, doc="The imaginary part."),
        "flat": property(no_flat),
        "astype": astype,
        "clone": creation.copy,
        "compress": compress,
        "copy_to_host_async": copy_to_host_async,
        "flatten": flatten,
        "reshape": reshape,
        "to_device": to_device,
        "transpose": transpose,
        "view": view,
    }
    return table


def array_methods() -> dict[str, Any]:
    """Return what only arrays have: it needs their values."""
    return {
        "__len__": length,
        "__iter__": iterate,
        "__repr__": printing.to_repr,
        "__str__": printing.to_text,
        "__format__": printing.to_format,
        "__reduce__": reduced,
        "__copy__": copied,
        "__deepcopy__": copied,
        "item": item,
        "tolist": tolist,
        "tobytes": tobytes,
        "unsafe_buffer_pointer": lambda self: self._pointer,
    }


def native_operators(table: dict[str, Any]) -> dict[str, Any]:
    """Return the operators that are computed in C++ for small arrays."""
    names = {"add": "add", "sub": "subtract", "mul": "multiply", "truediv": "divide"}
    comparisons = ("eq", "ne", "lt", "le", "gt", "ge")
    plain = {f"__{k}__": natively(v)(table[f"__{k}__"]) for k, v in names.items()}
    reflected = {f"__r{k}__": natively(v, True)(table[f"__r{k}__"]) for k, v in names.items()}
    compared = {f"__{k}__": natively(k)(table[f"__{k}__"]) for k in comparisons}
    return plain | reflected | compared


def install(array_type: type, tracer_type: type) -> None:
    """Give both classes their operators and methods."""
    shared = python_operators() | numpy_methods()
    for cls in (array_type, tracer_type):
        for name, value in shared.items():
            setattr(cls, name, value)
    for name, value in (array_methods() | native_operators(shared)).items():
        setattr(array_type, name, value)
    dtypes.set_array_maker(creation.make_scalar)
