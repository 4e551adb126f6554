"""The catalogue of operations and all of their samples."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import gradax.lax
from gradax.core.op import Op
from tests.ops.sample import Sample

# Operations without a sample, and why.
NAMED_AXIS = "it lives under a mapped axis only: tests/transforms/test_named_axes.py"
EXEMPT: dict[str, str] = dict.fromkeys(
    ("AllGather", "AllToAll", "AxisIndex", "Pmax", "Pmin", "Ppermute", "Psum", "PsumScatter"),
    NAMED_AXIS,
)


def operations() -> list[type[Op]]:
    """Return the classes of all operations of gradax.lax, families left out."""
    for module in iter_modules(gradax.lax.__path__, "gradax.lax."):
        import_module(module.name)
    found: list[type[Op]] = []
    stack: list[type[Op]] = [Op]
    while stack:
        cls = stack.pop()
        stack.extend(cls.__subclasses__())
        if cls.__module__.startswith("gradax.lax.") and getattr(cls, "__final__", False):
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
