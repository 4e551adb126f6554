"""Targets: functions of shared libraries, by name."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any

from gradax.errors import ArgumentError, ArgumentTypeError, at_user_line
from gradax.ffi.interface import interface
from gradax.ffi.structures import STAGES
from gradax.records import record

TYPED = 1


@record
class Target:
    """The addresses of a target's functions, by stage, and the interface that they are made for."""

    name: str
    version: int
    addresses: tuple[tuple[str, int], ...]

    def address(self, stage: str) -> int | None:
        """Return the address of a stage's function; None where there is none."""
        return dict(self.addresses).get(stage)


class Targets:
    """All targets of the CPU."""

    def __init__(self) -> None:
        self.by_name: dict[str, Target] = {}
        self.kept: list[Any] = []

    def find(self, name: str) -> Target:
        """Return a target.

        Errors: ValueError where nobody registered it.
        """
        found = self.by_name.get(name)
        if found is None:
            raise ArgumentError(
                f"ffi_call: no target {name!r} is registered for the CPU.{at_user_line()}\nRegister"
                f" it: gradax.ffi.register_ffi_target({name!r}, gradax.ffi.pycapsule(library.f))."
            )
        return found


targets = Targets()


def pycapsule(funcptr: Any) -> Any:
    """Return a capsule around a function of a library that ctypes has loaded."""
    make = ctypes.pythonapi.PyCapsule_New
    make.restype = ctypes.py_object
    make.argtypes = (ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p)
    targets.kept.append(funcptr)
    return make(ctypes.cast(funcptr, ctypes.c_void_p), None, None)


def address_of(capsule: Any) -> int:
    """Return the address that a capsule holds.

    Errors: TypeError for anything else.
    """
    if type(capsule).__name__ != "PyCapsule":
        raise ArgumentTypeError(
            f"register_ffi_target: expected a PyCapsule, or a dict of them by stage; got"
            f" {capsule!r}.{at_user_line()}\nWrap a function of ctypes with gradax.ffi.pycapsule."
        )
    name = ctypes.pythonapi.PyCapsule_GetName
    name.restype, name.argtypes = ctypes.c_char_p, (ctypes.py_object,)
    pointer = ctypes.pythonapi.PyCapsule_GetPointer
    pointer.restype, pointer.argtypes = ctypes.c_void_p, (ctypes.py_object, ctypes.c_char_p)
    return pointer(capsule, name(capsule))


def register_ffi_target(
    name: str, fn: Any, platform: str = "cpu", api_version: int = 1, **kwargs: Any
) -> None:
    """Name a function, given as a capsule or as a dict of capsules by stage.

    `api_version` 1 is the typed interface, 0 the earlier one: `void f(void* out, void** ins)`.
    Those of other platforms are accepted, and never called.
    """
    del kwargs
    stages: Mapping[str, Any] = fn if isinstance(fn, Mapping) else {"execute": fn}
    unknown = [stage for stage in stages if stage not in STAGES]
    if unknown or "execute" not in stages:
        raise ArgumentError(
            f"register_ffi_target: the stages are {', '.join(STAGES)}, of which execute is needed;"
            f" got {', '.join(stages)}.{at_user_line()}"
        )
    addresses = tuple((stage, address_of(capsule)) for stage, capsule in stages.items())
    if platform.lower() in ("cpu", "host"):
        targets.kept.append(fn)
        targets.by_name[name] = Target(name, api_version, addresses)


def register_ffi_type(name: str, type_registration: Any, platform: str = "cpu") -> None:
    """Give a type that handlers keep as their state a number: `{"type_id": capsule, …}`."""
    del platform
    functions = interface()
    number = functions.types.setdefault(name.encode(), next(functions.numbers))
    ctypes.c_int64.from_address(address_of(type_registration["type_id"])).value = number


def register_ffi_type_id(name: str, obj: Any, platform: str = "cpu") -> None:
    """Give a type that handlers keep as their state a number, written where the capsule points."""
    register_ffi_type(name, {"type_id": obj}, platform)


def register_ffi_target_as_batch_partitionable(name: str) -> None:
    """Say that a target's calls may be cut along their leading axes.

    Nothing needs to know: a sharded call runs once, on whole arrays.
    """
    targets.find(name)


def include_dir() -> str:
    """Return the folder of XLA's headers, `xla/ffi/api/ffi.h`, which jaxlib's wheel holds.

    Errors: ImportError where jaxlib is not installed; only compiling a library needs it.
    """
    found = find_spec("jaxlib")
    for folder in (found.submodule_search_locations or []) if found else []:
        headers = os.path.join(folder, "include")
        if os.path.isdir(headers):
            return headers
    raise ImportError(
        f"include_dir: XLA's headers are part of jaxlib, which is not installed.{at_user_line()}\n"
        "Compile the library where it is; running it needs no headers."
    )
