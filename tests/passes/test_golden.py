"""The texts of small programs at each level, compared with those in `golden/`.

`GRADAX_WRITE_GOLDEN=1 pytest tests/passes/test_golden.py` writes them anew: read the difference.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from gradax import lax, tree
from gradax.compiler.options import Options
from gradax.compiler.pipeline import program_text
from gradax.compiler.program import default_options

from .levels import program_of

FOLDER = Path(__file__).resolve().parent / "golden"
LEVELS = ("graph", "schedule", "llvm")
OPTIONS = Options(vector_bytes=32, unroll=2)
F32 = np.float32


def softmax(x: Any) -> Any:
    top = lax.reduce_max(x, (1,))
    y = lax.exp(lax.sub(x, lax.broadcast_in_dim(top, x.shape, (0,))))
    return lax.div(y, lax.broadcast_in_dim(lax.reduce_sum(y, (1,)), x.shape, (0,)))


def stencil(x: Any) -> Any:
    wide = lax.pad(x, F32(0), ((1, 1, 0),))
    left, right = lax.slice(wide, (0,), (40,)), lax.slice(wide, (2,), (42,))
    return lax.mul(lax.add(left, right), F32(0.5))


def transposed_sum(x: Any) -> Any:
    return lax.add(lax.transpose(x, (1, 0)), x)


def half_precision(x: Any) -> Any:
    return lax.mul(x, x), lax.reduce_sum(x, (0,))


def power(x: Any) -> Any:
    def body(c: Any, row: Any) -> Any:
        new = lax.add(lax.mul(c, F32(0.5)), row)
        return new, lax.reduce_sum(new, (0,))

    return lax.scan(body, lax.full((5,), 0, F32), x)


def collatz(n: Any) -> Any:
    def body(c: Any) -> Any:
        k, steps = c
        odd = lax.eq(lax.rem(k, np.int32(2)), np.int32(1))
        bigger = lax.add(lax.mul(k, np.int32(3)), np.int32(1))
        return lax.select(odd, bigger, lax.div(k, np.int32(2))), lax.add(steps, np.int32(1))

    return lax.while_loop(lambda c: lax.gt(c[0], np.int32(1)), body, (n, np.int32(0)))[1]


def rows_put(x: Any) -> Any:
    rows = [lax.slice(x, (k, 0), (k + 1, 7)) for k in (2, 0)]
    joined = lax.concatenate(rows, 0)
    return joined, lax.dynamic_update_slice(x, joined, [np.int32(1), np.int32(0)])


def complex_product(x: Any) -> Any:
    return lax.mul(x, lax.conj(x)), lax.reduce_sum(x, (0,))


def chosen(x: Any) -> Any:
    p = lax.gt(lax.reduce_max(x, (0,)), F32(0))
    return lax.cond(p, lambda v: lax.neg(v), lambda v: lax.cumsum(v, 0), x)


PROGRAMS: dict[str, tuple[Callable[..., Any], Any]] = {
    "softmax": (softmax, np.zeros((6, 20), F32)),
    "stencil": (stencil, np.zeros(40, F32)),
    "transposed_sum": (transposed_sum, np.zeros((9, 9), F32)),
    "half_precision": (half_precision, np.zeros(20, ml_dtypes.bfloat16)),
    "power": (power, np.zeros((4, 5), F32)),
    "collatz": (collatz, np.zeros((), np.int32)),
    "rows_put": (rows_put, np.zeros((3, 7), F32)),
    "complex_product": (complex_product, np.zeros(9, np.complex64)),
    "chosen": (chosen, np.zeros(33, F32)),
}


def text_of(name: str) -> str:
    """Return a program's text at all levels."""
    fun, x = PROGRAMS[name]
    jaxpr = program_of(lambda v: tree.leaves(fun(v)), x)
    # Approximations of functions change on their own: their texts are not the compiler's.
    levels = LEVELS[:1] if name == "softmax" else LEVELS
    return "\n".join(f"== {v} ==\n{program_text(jaxpr, OPTIONS, v)}" for v in levels)


@pytest.mark.parametrize("name", PROGRAMS)
def test_text(name: str) -> None:
    path, text = FOLDER / f"{name}.txt", text_of(name)
    if os.environ.get("GRADAX_WRITE_GOLDEN"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    assert text == path.read_text(), f"GRADAX_WRITE_GOLDEN=1 writes {path.name} anew"


@pytest.mark.parametrize("name", PROGRAMS)
def test_text_is_the_same_twice(name: str) -> None:
    assert text_of(name) == text_of(name)


def test_assembly_is_text() -> None:
    fun, x = PROGRAMS["stencil"]
    text = program_text(program_of(lambda v: [fun(v)], x), default_options(), "asm")
    assert "entry:" in text


def test_unknown_level() -> None:
    jaxpr = program_of(lambda v: [v], np.zeros(3, F32))
    with pytest.raises(ValueError, match="a level is jaxpr, graph, schedule, llvm or asm; got 'x'"):
        program_text(jaxpr, OPTIONS, "x")
