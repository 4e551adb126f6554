"""Packages whose modules are loaded by the first use of what they export."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from types import ModuleType
from typing import Any


class Package(ModuleType):
    """A package that shows what it exports, also where one of its modules has the same name."""

    _exports: dict[str, str]

    def __setattr__(self, name: str, value: Any) -> None:
        # Python binds each module to its package when it is loaded: here `lax/fft.py` to `lax.fft`.
        if name in self._exports and getattr(value, "__name__", "") == f"{self.__name__}.{name}":
            return
        super().__setattr__(name, value)


def export(
    package: str, exports: str, modules: str = ""
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return the `__getattr__` and `__dir__` of a package that loads its modules on use.

    exports: `module: name name …` for each module, lines break anywhere. modules: the package's own
    modules that are public. Type checkers read the same names under `TYPE_CHECKING`.
    """
    module: Any = sys.modules[package]
    places = parse(exports)
    submodules = modules.split()
    eager = [name for name in vars(module) if not name.startswith("_")]
    public = sorted({*places, *submodules, *eager})
    module._exports = places
    module.__all__ = public
    module.__class__ = Package

    def load(name: str) -> Any:
        """Load what a name stands for, and keep it in the package."""
        if name in submodules:
            return import_module(f"{package}.{name}")
        if name not in places:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(import_module(places[name]), name)
        setattr(module, name, value)
        return value

    return load, lambda: list(public)


def parse(exports: str) -> dict[str, str]:
    """Return the module of each exported name."""
    places: dict[str, str] = {}
    where = ""
    for word in exports.split():
        if word.endswith(":"):
            where = word[:-1]
        else:
            places[word] = where
    return places
