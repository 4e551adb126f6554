"""The cases of all operations: their samples, and rows of those that need a function around."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from tests.ops.case import Case, of_sample
from tests.ops.catalogue import samples


def cases() -> list[Case]:
    """Return one case for each operation, parameters, number of axes and kind of numbers."""
    seen = set()
    found = []
    for s in samples():
        kind = s.operands()[0].dtype.kind if s.args else ""
        key = (s.op, kind, bool(s.differentiated()), tuple(len(a.shape) for a in s.args))
        if key not in seen and all(max(a.shape, default=0) < 40 for a in s.args):
            seen.add(key)
            found.append(of_sample(s))
    for path in sorted((Path(__file__).parent / "rows").glob("[a-z]*.py")):
        found.extend(import_module(f"tests.ops.rows.{path.stem}").CASES)
    return found


CASES = cases()
