"""The scalar types `float32`, `int8` …, the abstract ones above them, and printed names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import ml_dtypes
import numpy as np

from gradax.dtypes.extended import DType, ExtendedDType

ArrayMaker = Callable[[Any, np.dtype[Any]], Any]
_array_maker: list[ArrayMaker] = []


def set_array_maker(make: ArrayMaker) -> None:
    """Register `make(value, dtype)`, which `float32(value)` calls."""
    _array_maker[:] = [make]


class ScalarType(type):
    """The class of `float32` and its like: usable as a dtype, and called, makes an array."""

    dtype: np.dtype[Any]

    def __call__(cls, x: Any) -> Any:
        """Make an array of this dtype."""
        if not _array_maker:
            raise TypeError(f"{cls.__name__}(x): import gradax to make arrays")
        return _array_maker[0](x, cls.dtype)

    def __eq__(cls, other: object) -> bool:
        return cls is other or (
            cls.dtype == other if isinstance(other, np.dtype) else cls.dtype.type is other
        )

    def __ne__(cls, other: object) -> bool:
        return not cls == other

    def __hash__(cls) -> int:
        return hash(cls.dtype.type)  # as NumPy's class, to which it is equal

    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, cls.dtype.type)


def _scalar(scalar: Any) -> ScalarType:
    dtype = np.dtype(scalar)
    # The module is where users find the name, which is also where pickle looks for it.
    return ScalarType(dtype.name, (), {"dtype": dtype, "__module__": "gradax.numpy"})


bool_: Final = _scalar(np.bool_)
int1: Final = _scalar(ml_dtypes.int1)
int2: Final = _scalar(ml_dtypes.int2)
int4: Final = _scalar(ml_dtypes.int4)
int8: Final = _scalar(np.int8)
int16: Final = _scalar(np.int16)
int32: Final = _scalar(np.int32)
int64: Final = _scalar(np.int64)
uint1: Final = _scalar(ml_dtypes.uint1)
uint2: Final = _scalar(ml_dtypes.uint2)
uint4: Final = _scalar(ml_dtypes.uint4)
uint8: Final = _scalar(np.uint8)
uint16: Final = _scalar(np.uint16)
uint32: Final = _scalar(np.uint32)
uint64: Final = _scalar(np.uint64)
float4_e2m1fn: Final = _scalar(ml_dtypes.float4_e2m1fn)
float6_e2m3fn: Final = _scalar(ml_dtypes.float6_e2m3fn)
float6_e3m2fn: Final = _scalar(ml_dtypes.float6_e3m2fn)
float8_e3m4: Final = _scalar(ml_dtypes.float8_e3m4)
float8_e4m3: Final = _scalar(ml_dtypes.float8_e4m3)
float8_e4m3fn: Final = _scalar(ml_dtypes.float8_e4m3fn)
float8_e4m3fnuz: Final = _scalar(ml_dtypes.float8_e4m3fnuz)
float8_e4m3b11fnuz: Final = _scalar(ml_dtypes.float8_e4m3b11fnuz)
float8_e5m2: Final = _scalar(ml_dtypes.float8_e5m2)
float8_e5m2fnuz: Final = _scalar(ml_dtypes.float8_e5m2fnuz)
float8_e8m0fnu: Final = _scalar(ml_dtypes.float8_e8m0fnu)
bfloat16: Final = _scalar(ml_dtypes.bfloat16)
float16: Final = _scalar(np.float16)
float32: Final = _scalar(np.float32)
float64: Final = _scalar(np.float64)
complex64: Final = _scalar(np.complex64)
complex128: Final = _scalar(np.complex128)

int_: Final = int64
uint: Final = uint64
float_: Final = float64
complex_: Final = complex128

generic: Final = np.generic
number: Final = np.number
integer: Final = np.integer
signedinteger: Final = np.signedinteger
unsignedinteger: Final = np.unsignedinteger
inexact: Final = np.inexact
floating: Final = np.floating
complexfloating: Final = np.complexfloating

float0: Final[np.dtype[Any]] = np.dtype([("float0", np.void, 0)])

SIGNED: Final = tuple(t.dtype for t in (int1, int2, int4, int8, int16, int32, int64))
UNSIGNED: Final = tuple(t.dtype for t in (uint1, uint2, uint4, uint8, uint16, uint32, uint64))
SMALL_FLOATS: Final = tuple(
    t.dtype
    for t in (
        *(float4_e2m1fn, float6_e2m3fn, float6_e3m2fn, float8_e3m4, float8_e4m3, float8_e4m3fn),
        *(float8_e4m3fnuz, float8_e4m3b11fnuz, float8_e5m2, float8_e5m2fnuz, float8_e8m0fnu),
    )
)
FLOATS: Final = (*SMALL_FLOATS, *(t.dtype for t in (bfloat16, float16, float32, float64)))
COMPLEXES: Final = (complex64.dtype, complex128.dtype)
ALL: Final = (bool_.dtype, *SIGNED, *UNSIGNED, *FLOATS, *COMPLEXES)


def itemsize_bits(dtype: DType) -> int:
    """Return the bits that an element means; a stored int4 takes a byte of which it uses four."""
    if isinstance(dtype, np.dtype) and (dtype in SIGNED or dtype in UNSIGNED):
        return int(dtype.name.lstrip("uint"))
    if isinstance(dtype, np.dtype) and dtype in SMALL_FLOATS:
        return int(dtype.name[5])
    return 8 * dtype.itemsize


def _short(dtype: np.dtype[Any]) -> str:
    name = dtype.name
    for long, short in (("complex", "c"), ("bfloat", "bf"), ("float", "f"), ("uint", "u")):
        if name.startswith(long):
            return short + name[len(long) :]
    return f"i{name[3:]}" if name.startswith("int") else name


_SHORT: Final[dict[DType, str]] = {**{each: _short(each) for each in ALL}, float0: "float0"}


def short_name(dtype: DType) -> str:
    """Return the name that jaxprs print: f32, i8, bool, bf16, f8_e4m3fn, key<fry>."""
    found = _SHORT.get(dtype)
    if found is None:
        found = dtype.name if isinstance(dtype, ExtendedDType) else _short(dtype)
    return found
