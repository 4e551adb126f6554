"""The functions that handlers call back: errors, memory, state, tasks, promises."""

from __future__ import annotations

import ctypes as c
import threading
from collections.abc import Callable
from itertools import count
from typing import Any

from gradax.ffi.structures import (
    NOT_FOUND,
    UNIMPLEMENTED,
    VERSION,
    AllocateRequest,
    ContextRequest,
    ErrorQuery,
    ErrorRequest,
    FreeRequest,
    FutureRequest,
    Sized,
    StateRequest,
    TaskRequest,
    ThreadsRequest,
    TypeRequest,
    Version,
)

FUNCTION = c.CFUNCTYPE(c.c_void_p, c.c_void_p)
TASK = c.CFUNCTYPE(None, c.c_void_p)
DEFAULT_ALIGNMENT = 64
# The table's functions, in the order of its fields.
ORDER = (
    *("error_create", "error_message", "error_destroy", "handler_register", "stream"),
    *("type_register", "context_data", "state_set", "state_get", "allocate", "free"),
    *("schedule", "n_threads", "future_create", "future_set", "future_fail", "run_id", "ordinal"),
)


class Table(Sized):
    """The table of functions that a call's frame points to."""

    _fields_ = [  # noqa: RUF012  ctypes reads it
        ("version", Version), ("internal", c.c_void_p), *((name, FUNCTION) for name in ORDER),
    ]  # fmt: skip


class Interface:
    """The functions, and what lives between their calls; addresses stand for objects."""

    def __init__(self) -> None:
        self.numbers = count(1)
        self.errors: dict[int, tuple[int, bytes]] = {}
        self.types: dict[bytes, int] = {}
        self.memory: dict[int, Any] = {}
        self.states: dict[tuple[int, int], int] = {}
        self.promises: dict[int, Promise] = {}
        self.table = Table()
        self.table.version = Version(major=VERSION[0], minor=VERSION[1])
        self.functions = {name: FUNCTION(getattr(self, name)) for name in ORDER}
        for name, function in self.functions.items():
            setattr(self.table, name, function)

    @property
    def address(self) -> int:
        """The address of the table."""
        return c.addressof(self.table)

    def failed(self, message: str, code: int = UNIMPLEMENTED) -> int:
        """Make an error and return its address."""
        number = next(self.numbers)
        self.errors[number] = code, message.encode()
        return number

    def take_error(self, address: int) -> tuple[int, str]:
        """Return and forget an error's code and message."""
        code, message = self.errors.pop(address, (0, b"an error of an unknown kind"))
        return code, message.decode(errors="replace")

    def error_create(self, at: int) -> int:
        request = ErrorRequest.from_address(at)
        return self.failed((request.message or b"").decode(errors="replace"), request.code)

    def error_message(self, at: int) -> None:
        request = ErrorQuery.from_address(at)
        request.message = self.errors.get(request.error, (0, b""))[1]

    def error_destroy(self, at: int) -> None:
        self.errors.pop(ErrorQuery.from_address(at).error, None)

    def handler_register(self, at: int) -> int:
        return self.failed("register handlers with gradax.ffi.register_ffi_target")

    def stream(self, at: int) -> int:
        return self.failed("a processor has no stream")

    def type_register(self, at: int) -> int | None:
        request = TypeRequest.from_address(at)
        name = c.string_at(request.name.ptr, request.name.len)
        self.types[name] = self.types.get(name) or request.type_id[0] or next(self.numbers)
        request.type_id[0] = self.types[name]
        return None

    def context_data(self, at: int) -> int:
        del at
        return self.failed("no data is attached to calls")

    def state_set(self, at: int) -> None:
        request = StateRequest.from_address(at)
        self.states[request.context, request.stage] = request.state

    def state_get(self, at: int) -> int | None:
        request = StateRequest.from_address(at)
        state = self.states.get((request.context, request.stage))
        if state is None:
            return self.failed("the handler has kept no state", NOT_FOUND)
        request.state = state
        return None

    def allocate(self, at: int) -> None:
        request = AllocateRequest.from_address(at)
        alignment = max(request.alignment, DEFAULT_ALIGNMENT)
        block = (c.c_char * (request.size + alignment))()
        start = -(-c.addressof(block) // alignment) * alignment
        self.memory[start] = block
        request.data = start

    def free(self, at: int) -> None:
        self.memory.pop(FreeRequest.from_address(at).data, None)

    def schedule(self, at: int) -> None:
        """Run a task at once: the caller is already off the main thread."""
        request = TaskRequest.from_address(at)
        TASK(request.task)(request.data)

    def n_threads(self, at: int) -> None:
        ThreadsRequest.from_address(at).count[0] = 1

    def future_create(self, at: int) -> None:
        number = next(self.numbers)
        self.promises[number] = Promise()
        FutureRequest.from_address(at).future = number

    def future_set(self, at: int) -> None:
        self.promises[FutureRequest.from_address(at).future].done.set()

    def future_fail(self, at: int) -> None:
        request = FutureRequest.from_address(at)
        promise = self.promises[request.future]
        promise.error = request.error
        promise.done.set()

    def run_id(self, at: int) -> None:
        ContextRequest.from_address(at).value = next(self.numbers)

    def ordinal(self, at: int) -> None:
        c.c_int32.from_address(at + ContextRequest.value.offset).value = 0

    def wait(self, future: int) -> int | None:
        """Wait for a promise; return its error's address."""
        promise = self.promises[future]
        promise.done.wait()
        return self.promises.pop(future).error


class Promise:
    """What a handler that returns early resolves later."""

    def __init__(self) -> None:
        self.done = threading.Event()
        self.error: int | None = None


class Shared:
    """The interface, made when it is first needed."""

    def __init__(self, make: Callable[[], Interface]) -> None:
        self.make = make
        self.made: Interface | None = None

    def __call__(self) -> Interface:
        if self.made is None:
            self.made = self.make()
        return self.made


interface = Shared(Interface)
