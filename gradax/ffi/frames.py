"""Frames: what a handler of the typed interface is called with."""

from __future__ import annotations

import ctypes as c
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gradax.errors import ArgumentTypeError, DtypeError, JaxRuntimeError, at_user_line
from gradax.ffi.interface import FUNCTION, Interface
from gradax.ffi.structures import (
    CODES,
    DTYPES,
    STAGES,
    Attributes,
    Buffer,
    Frame,
    Numbers,
    Scalar,
    Span,
    Values,
)

BUFFER = 1
ARRAY, DICTIONARY, SCALAR, STRING = 1, 2, 3, 4


class Memory:
    """Keeps alive what a frame points to."""

    def __init__(self) -> None:
        self.kept: list[Any] = []

    def keep(self, thing: Any) -> int:
        """Keep a structure; return its address."""
        self.kept.append(thing)
        return c.addressof(thing)

    def buffer(self, x: np.ndarray[Any, Any], shape: Sequence[int]) -> int:
        """Return the address of an array's description; `shape` is that which the handler sees."""
        self.kept.append(x)
        dims = (c.c_int64 * len(shape))(*shape)
        self.kept.append(dims)
        data = x.ctypes.data
        return self.keep(Buffer(dtype=code_of(x.dtype), data=data, rank=len(shape), dims=dims))

    def values(self, addresses: Sequence[int]) -> Values:
        """Return operands or results."""
        n = len(addresses)
        types = (c.c_int * n)(*(BUFFER for _ in addresses))
        pointers = (c.c_void_p * n)(*addresses)
        self.kept += (types, pointers)
        return Values(size=n, types=types, values=pointers)

    def attributes(self, given: Mapping[str, Any]) -> Attributes:
        """Return attributes: numbers, texts, arrays of numbers, dicts of them."""
        names = sorted(given)
        n = len(names)
        pairs = [self.attribute(name, given[name]) for name in names]
        types = (c.c_int * n)(*(kind for kind, _ in pairs))
        pointers = (c.c_void_p * n)(*(address for _, address in pairs))
        spans = [self.span(name) for name in names]
        self.kept += (types, pointers, spans)
        named = (c.POINTER(Span) * n)(*map(c.pointer, spans))
        self.kept.append(named)
        return Attributes(size=n, types=types, names=named, values=pointers)

    def span(self, text: str) -> Span:
        """Return a text as bytes."""
        data = text.encode()
        self.kept.append(data)
        return Span(data, len(data))

    def attribute(self, name: str, value: Any) -> tuple[int, int]:
        """Return the kind and the address of an attribute."""
        if isinstance(value, str):
            return STRING, self.keep(self.span(value))
        if isinstance(value, Mapping):
            return DICTIONARY, self.keep(self.attributes(value))
        found = np.ascontiguousarray(value)
        if found.dtype.name not in DTYPES:
            raise ArgumentTypeError(
                f"ffi_call: the attribute {name} must be a number, a text, an array of numbers or a"
                f" dict of them; got {value!r}.{at_user_line()}"
            )
        self.kept.append(found)
        code, data = code_of(found.dtype), found.ctypes.data
        if np.ndim(value) == 0:
            return SCALAR, self.keep(Scalar(code, data))
        return ARRAY, self.keep(Numbers(code, found.size, data))


def code_of(dtype: Any) -> int:
    """Return a dtype's code in the interface.

    Errors: TypeError for one that it does not have.
    """
    if dtype.name not in DTYPES:
        raise DtypeError(f"ffi_call: the interface has no {dtype.name}.{at_user_line()}")
    return DTYPES[dtype.name]


def call_handler(
    functions: Interface, name: str, address: int, stage: str, context: int, parts: Any
) -> None:
    """Call a handler for one stage with (operands, results, attributes), and wait for it.

    Errors: RuntimeError with the handler's own message.
    """
    args, rets, attrs = parts
    frame = Frame(
        api=functions.address, context=context, stage=STAGES.index(stage), args=args, rets=rets,
        attrs=attrs,
    )  # fmt: skip
    error = FUNCTION(address)(c.addressof(frame))
    if not error and frame.future:
        error = functions.wait(frame.future)
    if error:
        code, message = functions.take_error(error)
        kind = CODES[code] if code < len(CODES) else "UNKNOWN"
        raise JaxRuntimeError(f"ffi_call: the target {name!r} failed: {kind}: {message}")
