"""Profiles of memory in pprof's format: the arrays that are alive, by their types.

Source: google/pprof's profile.proto, of which messages are written field by field.
"""

from __future__ import annotations

import gzip
import os
import time
from collections import Counter

from gradax.native import live_arrays
from gradax.runtime.device import check_backend

# The numbers of the fields in profile.proto.
SAMPLE_TYPE, SAMPLE, LOCATION, FUNCTION, STRINGS, TIME_NANOS = 1, 2, 4, 5, 6, 9
DEFAULT_SAMPLE_TYPE = 14


def varint(value: int) -> bytes:
    """Return a number as protocol buffers write it: seven bits a byte, the lowest first."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def number(field: int, value: int) -> bytes:
    """Return a field that is a number."""
    return varint(field << 3) + varint(value)


def block(field: int, content: bytes) -> bytes:
    """Return a field that is a message or a string."""
    return varint(field << 3 | 2) + varint(len(content)) + content


def device_memory_profile(backend: str | None = None) -> bytes:
    """Return a profile of the arrays that are alive, for pprof: their number and bytes, by type."""
    check_backend(backend)
    counts: Counter[str] = Counter()
    sizes: Counter[str] = Counter()
    for array in live_arrays():
        if len(array._pieces) == 1:
            counts[str(array.aval)] += 1
            sizes[str(array.aval)] += array.nbytes
    strings = ["", "allocations", "count", "space", "bytes", *counts]
    places = {text: i for i, text in enumerate(strings)}

    def value_type(kind: str, unit: str) -> bytes:
        return number(1, places[kind]) + number(2, places[unit])

    message = [block(SAMPLE_TYPE, value_type("allocations", "count"))]
    message.append(block(SAMPLE_TYPE, value_type("space", "bytes")))
    for i, (name, count) in enumerate(counts.items(), start=1):
        message.append(block(SAMPLE, number(1, i) + number(2, count) + number(2, sizes[name])))
        message.append(block(LOCATION, number(1, i) + block(4, number(1, i))))
        message.append(block(FUNCTION, number(1, i) + number(2, places[name])))
    message += [block(STRINGS, text.encode()) for text in strings]
    message.append(number(TIME_NANOS, time.time_ns()))
    message.append(number(DEFAULT_SAMPLE_TYPE, places["space"]))
    return gzip.compress(b"".join(message))


def save_device_memory_profile(
    filename: str | os.PathLike[str], backend: str | None = None
) -> None:
    """Write a profile of the arrays that are alive to a file, for pprof."""
    with open(filename, "wb") as file:
        file.write(device_memory_profile(backend))
