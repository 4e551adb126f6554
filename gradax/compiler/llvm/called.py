"""Approximated functions on vectors, which kernels that apply them often call."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from gradax.compiler.llvm.values import Values
from gradax.compiler.llvm.writer import Writer, scalar_type, vector
from gradax.kernel import Scalar, Slot, slot
from gradax.kernel.math import expand

BINARY = frozenset({"pow", "atan2", "nextafter"})


class LaneValues(Values):
    """Emits scalars of slots that are vectors: every value has a lane for each of theirs."""

    def is_vector(self, node: Scalar) -> bool:
        """Tell that a value has lanes."""
        return True

    def emit(self, node: Scalar) -> str:
        """Write the instructions of a value; an operand has its register already."""
        return self.slots[node.position] if isinstance(node, Slot) else super().emit(node)


@cache
def function_texts(fn: str, dtype: np.dtype[Any], lanes: int) -> tuple[str, ...]:
    """Return the definition of a function on vectors, and the declarations it needs."""
    type_ = vector(lanes, scalar_type(dtype))
    names = ["%x", "%y"] if fn in BINARY else ["%x"]
    header = ", ".join(f"{type_} {name}" for name in names)
    w = Writer(f"define internal {type_} @{fn}.v{lanes}{dtype.name}({header}) #0")
    result = expand(fn, [slot(k, dtype) for k in range(len(names))])
    values = LaneValues(w, {}, {}, lanes=lanes)
    values.slots = dict(enumerate(names))
    values.plan([result])
    values.begin()
    w.do(f"ret {type_} {values.get(result, lanes)}")
    return (w.text(), *w.declared)
