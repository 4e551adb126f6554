"""Checks of values while a program runs: an error, with the user's line, where one is broken."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, final

import numpy as np

from gradax import kernel
from gradax.control.callbacks import Flat, PythonCall
from gradax.core.aval import Aval
from gradax.core.op import Op, operation
from gradax.core.tracer import Tracer
from gradax.core.value import as_value
from gradax.errors import at_user_line
from gradax.lax.comparison import SelectN
from gradax.lax.convert import ConvertElementType
from gradax.lax.reductions import ReduceMax
from gradax.lax.shapes import BroadcastInDim
from gradax.native import get_trace
from gradax.records import record

FINE = int(np.iinfo(np.int32).min)


@record
class Complaint:
    """Raises an error; `{}` in its message is the value at fault."""

    error: type[Exception]
    message: str

    def __call__(self, worst: Any) -> Sequence[Any]:
        if worst != FINE:
            raise self.error(self.message.format(int(worst)))
        return ()


@final
@operation
class Check(PythonCall):
    """Raise where an int32 scalar is not FINE: it is the value at fault."""

    callback: Flat
    out_avals: tuple[Aval, ...]

    effects = frozenset({"check"})

    def jvp(self, primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
        self(*primals)
        return (), ()

    def batch(self, args: tuple[Any, ...], dims: tuple[int | None, ...]) -> Any:
        self(ReduceMax((dims[0],))(args[0]) if dims[0] is not None else args[0])
        return (), ()

    def threaded_op(self, index: int) -> Op:
        return ThreadedCheck(index)


@final
@operation
class ThreadedCheck(Op):
    """A check in a program to be compiled: Python is called only when it fails."""

    index: int

    multiple_results = True

    def infer(self, *avals: Aval) -> tuple[Aval, ...]:
        return (avals[0],)

    def lower(self, *operands: kernel.Tensor) -> Any:
        token, worst = operands
        node = kernel.Library(
            "check_of", (token, worst), [(token.shape, token.dtype)], (self.index, token.size, FINE)
        )
        return node.results


def check(
    bad: Any, value: Any, error: type[Exception], message: str, line: str = "", mend: str = ""
) -> None:
    """Raise `error` where `bad` is true in some element, when the program gets there.

    `value` are int32 values of the shape of `bad`, or a scalar: `{}` in the message is the largest
    of those at fault. `line` is the user's, if not the one that calls. Outside a trace the error is
    raised at once.
    """
    complaint = Complaint(error, f"{message}{line or at_user_line()}{mend}")
    if get_trace() is None and not isinstance(bad, Tracer):
        at = np.asarray(bad)
        complaint(np.where(at, np.asarray(value), FINE).max(initial=FINE))
        return
    bad = as_value(bad)
    value = as_value(value)
    if value.dtype != np.int32 or value.weak_type:
        value = ConvertElementType(np.dtype(np.int32))(value)
    if value.shape != bad.shape:
        value = BroadcastInDim(bad.shape, ())(value)
    fine = BroadcastInDim(bad.shape, ())(np.int32(FINE)) if bad.shape else np.int32(FINE)
    worst = SelectN()(bad, fine, value)
    Check(complaint, ())(ReduceMax(tuple(range(bad.ndim)))(worst) if bad.ndim else worst)
