"""The structures of XLA's foreign function interface, version 0.3, as ctypes lays them out.

Each begins with its size and a pointer to extensions; handlers read no field beyond the size.
"""

from __future__ import annotations

import ctypes as c
from collections.abc import Sequence
from typing import Any, ClassVar

Fields = Sequence[Any]

VERSION = (0, 3)
# Codes of element types.
DTYPES = {
    "bool": 1, "int8": 2, "int16": 3, "int32": 4, "int64": 5, "uint8": 6, "uint16": 7, "uint32": 8,
    "uint64": 9, "float16": 10, "float32": 11, "float64": 12, "complex64": 15, "bfloat16": 16,
    "complex128": 18, "float8_e5m2": 19, "float8_e4m3fn": 20,
}  # fmt: skip
STAGES = ("instantiate", "prepare", "initialize", "execute")
# Codes of errors.
CODES = (
    *("OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND"),
    *("ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION"),
    *("ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS"),
    "UNAUTHENTICATED",
)
NOT_FOUND, UNIMPLEMENTED = CODES.index("NOT_FOUND"), CODES.index("UNIMPLEMENTED")


class Sized(c.Structure):
    """Base of structures that begin with their size and a pointer to extensions."""

    _fields_: ClassVar[Fields] = [("struct_size", c.c_size_t), ("extension_start", c.c_void_p)]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.struct_size = c.sizeof(type(self))


class Version(Sized):
    """The version of the interface."""

    _fields_: ClassVar[Fields] = [("major", c.c_int), ("minor", c.c_int)]


class Buffer(Sized):
    """An array: dtype, memory, sizes of its axes."""

    _fields_: ClassVar[Fields] = [
        ("dtype", c.c_int), ("data", c.c_void_p), ("rank", c.c_int64),
        ("dims", c.POINTER(c.c_int64)),
    ]  # fmt: skip


class Span(c.Structure):
    """Bytes."""

    _fields_: ClassVar[Fields] = [("ptr", c.c_char_p), ("len", c.c_size_t)]


class Scalar(c.Structure):
    """A number among the attributes."""

    _fields_: ClassVar[Fields] = [("dtype", c.c_int), ("value", c.c_void_p)]


class Numbers(c.Structure):
    """Several numbers as one attribute."""

    _fields_: ClassVar[Fields] = [("dtype", c.c_int), ("size", c.c_size_t), ("data", c.c_void_p)]


class Values(Sized):
    """Operands or results: their kinds, and pointers to them."""

    _fields_: ClassVar[Fields] = [
        ("size", c.c_int64), ("types", c.POINTER(c.c_int)), ("values", c.POINTER(c.c_void_p)),
    ]  # fmt: skip


class Attributes(Sized):
    """Attributes, ordered by their names."""

    _fields_: ClassVar[Fields] = [
        ("size", c.c_int64), ("types", c.POINTER(c.c_int)),
        ("names", c.POINTER(c.POINTER(Span))), ("values", c.POINTER(c.c_void_p)),
    ]  # fmt: skip


class Frame(Sized):
    """What a handler gets: the interface's functions, operands, results and attributes."""

    _fields_: ClassVar[Fields] = [
        ("api", c.c_void_p), ("context", c.c_void_p), ("stage", c.c_int), ("args", Values),
        ("rets", Values), ("attrs", Attributes), ("future", c.c_void_p),
    ]  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # The promise is a result, and not counted.
        self.struct_size = Frame.future.offset


class ErrorRequest(Sized):
    """Arguments of making an error."""

    _fields_: ClassVar[Fields] = [("message", c.c_char_p), ("code", c.c_int)]


class ErrorQuery(Sized):
    """Arguments of reading and of forgetting an error."""

    _fields_: ClassVar[Fields] = [("error", c.c_void_p), ("message", c.c_char_p)]


class TypeRequest(Sized):
    """Arguments of naming a type."""

    _fields_: ClassVar[Fields] = [
        ("name", Span), ("type_id", c.POINTER(c.c_int64)), ("type_info", c.c_void_p),
    ]  # fmt: skip


class ContextRequest(Sized):
    """Arguments of what is asked of a call: the stream, its number, its device."""

    _fields_: ClassVar[Fields] = [("context", c.c_void_p), ("value", c.c_int64)]


class StateRequest(Sized):
    """Arguments of keeping and finding a handler's own state."""

    _fields_: ClassVar[Fields] = [
        ("context", c.c_void_p), ("stage", c.c_int), ("type_id", c.POINTER(c.c_int64)),
        ("state", c.c_void_p),
    ]  # fmt: skip


class AllocateRequest(Sized):
    """Arguments of getting memory."""

    _fields_: ClassVar[Fields] = [
        ("context", c.c_void_p), ("size", c.c_size_t), ("alignment", c.c_size_t),
        ("data", c.c_void_p),
    ]  # fmt: skip


class FreeRequest(Sized):
    """Arguments of giving memory back."""

    _fields_: ClassVar[Fields] = [
        ("context", c.c_void_p), ("size", c.c_size_t), ("data", c.c_void_p)
    ]  # fmt: skip


class TaskRequest(Sized):
    """Arguments of running a task."""

    _fields_: ClassVar[Fields] = [
        ("context", c.c_void_p), ("task", c.c_void_p), ("data", c.c_void_p)
    ]  # fmt: skip


class ThreadsRequest(Sized):
    """Arguments of asking how many threads there are."""

    _fields_: ClassVar[Fields] = [("context", c.c_void_p), ("count", c.POINTER(c.c_int64))]


class FutureRequest(Sized):
    """Arguments of making, resolving and failing a promise."""

    _fields_: ClassVar[Fields] = [("future", c.c_void_p), ("error", c.c_void_p)]
