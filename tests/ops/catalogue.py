"""The catalogue of operations and all of their samples."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from types import ModuleType

import gradax.control
import gradax.extend
import gradax.ffi
import gradax.lax
import gradax.random
from gradax.core.op import Op
from tests.ops.sample import Sample

# Operations without a sample, and why.
NAMED_AXIS = "it lives under a mapped axis only: tests/transforms/test_named_axes.py"
EXEMPT: dict[str, str] = dict.fromkeys(
    ("AllGather", "AllToAll", "AxisIndex", "Pmax", "Pmin", "Ppermute", "Psum", "PsumScatter"),
    NAMED_AXIS,
)


# Operations that nothing binds while a function is traced or evaluated.
UNREACHED: dict[str, str] = dict.fromkeys(
    ("ThreadedCall", "ThreadedCheck"),
    "the compiler makes it of another operation, when nothing is transformed any more",
)

# Operations of inexact operands that are not differentiated, and declare no reason themselves.
CONSTANT: dict[str, str] = {
    "BitcastConvertType": "bits are constant",
    "RngUniform": "random numbers are constant in their bounds: they are rounded to a grid",
}


def operations() -> list[type[Op]]:
    """Return the classes of all operations of gradax.lax, families left out."""
    return operations_of(gradax.lax)


def all_operations() -> list[type[Op]]:
    """Return the classes of the whole library's operations, families left out."""
    packages = (gradax.lax, gradax.control, gradax.random, gradax.extend, gradax.ffi)
    return [cls for package in packages for cls in operations_of(package)]


def operations_of(package: ModuleType) -> list[type[Op]]:
    """Return the classes of the operations of a package."""
    prefix = package.__name__ + "."
    for module in iter_modules(package.__path__, prefix):
        import_module(module.name)
    found: list[type[Op]] = []
    stack: list[type[Op]] = [Op]
    while stack:
        cls = stack.pop()
        stack.extend(cls.__subclasses__())
        if cls.__module__.startswith(prefix) and getattr(cls, "__final__", False):
            found.append(cls)
    return sorted(set(found), key=lambda cls: cls.__name__)


def samples() -> list[Sample]:
    """Return the samples of every file in tests/ops/samples, one for each dtype."""
    found: list[Sample] = []
    for path in sorted((Path(__file__).parent / "samples").glob("[a-z]*.py")):
        module = import_module(f"tests.ops.samples.{path.stem}")
        for sample in module.SAMPLES:
            found.extend(sample.each_dtype())
    return found
