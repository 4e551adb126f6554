"""Values as bytes: a tag, then what it holds. Nothing that is read can name code to run.

Layout: MAGIC, the version, the SHA-256 of what follows, the value. Numbers are little-endian.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable
from typing import Any

import ml_dtypes
import numpy as np

from gradax import dtypes
from gradax.core.aval import Aval
from gradax.errors import ExportError, at_user_line

MAGIC = b"GRADAX\r\n"
VERSION = 1
minimum_supported_calling_convention_version = VERSION
maximum_supported_calling_convention_version = VERSION

_DIGEST = 32
_HEAD = len(MAGIC) + 4 + _DIGEST
MOST_NESTED = 150


def sealed(body: bytes | bytearray) -> bytearray:
    """Return bytes with the head that says what they are and that they are whole."""
    digest = hashlib.sha256(body).digest()
    return bytearray(MAGIC + struct.pack("<I", VERSION) + digest + body)


def opened(data: bytes | bytearray | memoryview) -> bytes:
    """Return what follows the head.

    Errors: ValueError for bytes that are foreign, of another version, or damaged.
    """
    whole = bytes(data)
    if not whole.startswith(MAGIC):
        raise ExportError(
            "export: these bytes are not an exported program: expected them to begin with"
            f" {MAGIC!r}; got {whole[:8]!r}.{at_user_line()}\nPass what Exported.serialize() gave."
        )
    if len(whole) < _HEAD:
        raise damaged(f"{len(whole)} bytes are less than a head")
    (version,) = struct.unpack_from("<I", whole, len(MAGIC))
    if version != VERSION:
        raise ExportError(
            f"export: these bytes have version {version}; this gradax reads version {VERSION}."
            f"{at_user_line()}\nExport the function again with this version of gradax."
        )
    body = whole[_HEAD:]
    if hashlib.sha256(body).digest() != whole[_HEAD - _DIGEST : _HEAD]:
        raise damaged("their checksum is not that of what they hold")
    return body


def damaged(why: str) -> ExportError:
    """Make the error for bytes that are not as they were written."""
    return ExportError(
        f"export: these bytes are damaged: {why}.{at_user_line()}\n"
        "Copy them again from where they were written, or export the function again."
    )


class Writer:
    """Writes plain values; `special` writes all others, after their tags."""

    def __init__(self, special: Callable[[Writer, Any], None]) -> None:
        self.out, self.depth = bytearray(), 0
        self.special = special

    def tag(self, mark: str) -> None:
        """Write the tag of a value."""
        self.out += mark.encode()

    def count(self, n: int) -> None:
        """Write a number of things."""
        self.out += struct.pack("<I", n)

    def raw(self, data: bytes) -> None:
        """Write bytes after their number."""
        self.out += struct.pack("<Q", len(data))
        self.out += data

    def values(self, items: Any) -> None:
        """Write values after their number."""
        items = list(items)
        self.count(len(items))
        for item in items:
            self.value(item)

    def value(self, x: Any) -> None:
        """Write a value.

        Errors: ValueError for one that has no portable form.
        """
        self.depth += 1
        if self.depth > MOST_NESTED:
            raise ExportError(
                f"export: values and programs are nested more than {MOST_NESTED} deep."
                f"{at_user_line()}\nFlatten the tree, or the jitted functions in one another."
            )
        self.written(x)
        self.depth -= 1

    def written(self, x: Any) -> None:
        """Write a value after its tag."""
        kind = type(x)
        if x is None or kind is bool:
            self.tag({None: "N", True: "T", False: "F"}[x])
        elif kind is int:
            self.tag("i")
            self.raw(x.to_bytes(x.bit_length() // 8 + 1, "little", signed=True))
        elif kind is float:
            self.out += struct.pack("<cd", b"f", x)
        elif kind is complex:
            self.out += struct.pack("<cdd", b"c", x.real, x.imag)
        elif kind is str or kind is bytes:
            self.tag("s" if kind is str else "b")
            self.raw(x.encode() if kind is str else x)
        elif kind in (tuple, list):
            self.tag("(" if kind is tuple else "[")
            self.values(x)
        elif kind is dict:
            self.tag("{")
            self.values(item for pair in x.items() for item in pair)
        else:
            self.typed(x)

    def typed(self, x: Any) -> None:
        """Write a dtype, a type of arrays or a NumPy array, or what is special."""
        if isinstance(x, np.dtype) or dtypes.is_extended(x):
            self.tag("d")
            self.value(dtype_name(x))
        elif isinstance(x, Aval):
            self.tag("a")
            self.value((x.shape, dtype_name(x.dtype), x.weak_type))
        elif isinstance(x, (np.ndarray, np.generic)):
            array = np.asarray(x)
            self.tag("n" if isinstance(x, np.ndarray) else "g")
            self.value((array.shape, dtype_name(array.dtype)))
            self.raw(np.ascontiguousarray(array).tobytes())
        else:
            self.special(self, x)


class Reader:
    """Reads what a Writer wrote; `special` maps further tags to functions of the reader."""

    def __init__(self, data: bytes, special: dict[str, Callable[[Reader], Any]]) -> None:
        self.data, self.at, self.depth = data, 0, 0
        self.readers = {**special, **PLAIN}

    def take(self, n: int) -> bytes:
        """Return the next n bytes."""
        if n > len(self.data) - self.at:
            raise damaged("they end too early")
        self.at += n
        return self.data[self.at - n : self.at]

    def count(self) -> int:
        """Return a number of things, each of which takes a byte at least."""
        (n,) = struct.unpack("<I", self.take(4))
        if n > len(self.data) - self.at:
            raise damaged("they end too early")
        return n

    def raw(self) -> bytes:
        """Return bytes that stand after their number."""
        (n,) = struct.unpack("<Q", self.take(8))
        return self.take(n)

    def values(self) -> list[Any]:
        """Return values that stand after their number."""
        return [self.value() for _ in range(self.count())]

    def value(self) -> Any:
        """Return the next value."""
        mark = self.take(1).decode("latin-1")
        read = self.readers.get(mark)
        if read is None:
            raise damaged(f"there is no value of the kind {mark!r}")
        self.depth += 1
        if self.depth > MOST_NESTED:
            raise damaged(f"values are nested more than {MOST_NESTED} deep")
        found = read(self)
        self.depth -= 1
        return found

    def of(self, kind: type | tuple[type, ...]) -> Any:
        """Return the next value, which must be of a type."""
        found = self.value()
        if not isinstance(found, kind):
            raise damaged(f"a value is {type(found).__name__}, not {kind}")
        return found


def read_dict(reader: Reader) -> dict[Any, Any]:
    """Return a dictionary."""
    items = reader.values()
    return dict(zip(items[::2], items[1::2], strict=True))


def read_aval(reader: Reader) -> Aval:
    """Return a type of arrays."""
    shape, name, weak = reader.of(tuple)
    return Aval(shape, dtype_named(name), weak)


def read_array(reader: Reader) -> np.ndarray[Any, Any]:
    """Return a NumPy array."""
    shape, name = reader.of(tuple)
    return np.frombuffer(reader.raw(), dtype_named(name)).reshape(shape).copy()


PLAIN: dict[str, Callable[[Reader], Any]] = {
    "N": lambda r: None,
    "T": lambda r: True,
    "F": lambda r: False,
    "i": lambda r: int.from_bytes(r.raw(), "little", signed=True),
    "f": lambda r: struct.unpack("<d", r.take(8))[0],
    "c": lambda r: complex(*struct.unpack("<dd", r.take(16))),
    "s": lambda r: r.raw().decode(),
    "b": lambda r: r.raw(),
    "(": lambda r: tuple(r.values()),
    "[": lambda r: r.values(),
    "{": read_dict,
    "d": lambda r: dtype_named(r.of(str)),
    "a": read_aval,
    "n": read_array,
    "g": lambda r: read_array(r)[()],
}


def dtype_name(dtype: Any) -> str:
    """Return the name that stands for a dtype."""
    return "float0" if dtype == dtypes.float0 else dtype.name


def dtype_named(name: Any) -> Any:
    """Return the dtype of a name."""
    if name == "float0":
        return dtypes.float0
    if name == dtypes.KeyType().name:
        return dtypes.KeyType()
    kind = getattr(ml_dtypes, name, name) if isinstance(name, str) else None
    try:
        found = np.dtype(kind)
    except TypeError:
        found = None
    if kind is None or found is None or found.hasobject or found.name != name:
        raise damaged(f"there is no dtype {name!r}")
    return found
