"""Programs and primitives, for libraries that read and write them."""

from __future__ import annotations

import typing as _typing
from collections.abc import Callable, Iterator
from typing import Any

from gradax import dtypes as _dtypes
from gradax.core.aval import Aval as _Aval
from gradax.core.aval import tangent_aval as _tangent_aval
from gradax.core.aval import with_axis as _with_axis
from gradax.core.aval import without_axis as _without_axis
from gradax.core.check import check_jaxpr as check_jaxpr
from gradax.core.evaluate import eval_jaxpr as _eval_jaxpr
from gradax.core.jaxpr import ClosedJaxpr as ClosedJaxpr
from gradax.core.jaxpr import Eqn as JaxprEqn  # noqa: F401  the name that JAX's users know
from gradax.core.jaxpr import Jaxpr as Jaxpr
from gradax.core.jaxpr import Literal as Literal
from gradax.core.jaxpr import Var as Var
from gradax.core.jaxpr import subprograms as _subprograms
from gradax.core.staging import StagingTrace as _StagingTrace
from gradax.core.tracer import Tracer as _Tracer
from gradax.core.value import is_value as _is_value
from gradax.errors import ConcretizationTypeError as _ConcretizationTypeError
from gradax.errors import InconclusiveDimensionOperation as InconclusiveDimensionOperation
from gradax.errors import JaxprTypeError as JaxprTypeError
from gradax.errors import at_user_line as _at_user_line
from gradax.extend.linear_util import DebugInfo as DebugInfo
from gradax.extend.user_primitives import UserPrimitive as Primitive  # noqa: F401  JAX's name
from gradax.extend.user_traces import Trace as Trace
from gradax.extend.user_traces import TraceTag as TraceTag
from gradax.extend.user_traces import find_top_trace as find_top_trace
from gradax.extend.user_traces import set_current_trace as set_current_trace
from gradax.extend.user_traces import take_current_trace as take_current_trace
from gradax.lazy import export as _export
from gradax.native import get_trace as _get_trace

if _typing.TYPE_CHECKING:
    from gradax.extend.core import primitives as primitives

no_effects: frozenset[Any] = frozenset()


def jaxpr_as_fun(closed_jaxpr: ClosedJaxpr, *args: Any) -> Any:
    """Evaluate a program on flat arguments; without any, return the function that does."""
    if args or not closed_jaxpr.in_avals:
        return _eval_jaxpr(closed_jaxpr.jaxpr, closed_jaxpr.consts, *args)
    return lambda *xs: _eval_jaxpr(closed_jaxpr.jaxpr, closed_jaxpr.consts, *xs)


def subjaxprs(jaxpr: Jaxpr) -> Iterator[Jaxpr]:
    """Yield the programs that are parameters of a program's equations."""
    for eqn in jaxpr.eqns:
        yield from _subprograms(eqn.op)


def jaxprs_in_params(params: dict[str, Any]) -> Iterator[Jaxpr]:
    """Yield the programs among parameters."""
    for value in params.values():
        for item in value if isinstance(value, tuple) else (value,):
            if isinstance(item, Jaxpr):
                yield item
            elif isinstance(item, ClosedJaxpr):
                yield item.jaxpr


def mapped_aval(size: int, axis: int | None, aval: _Aval) -> _Aval:
    """Return the type of one entry along an axis; None: the type itself."""
    del size
    return aval if axis is None else _without_axis(aval, axis)


def unmapped_aval(size: int, axis: int | None, aval: _Aval) -> _Aval:
    """Return the type with an axis of a size inserted; None: the type itself."""
    return aval if axis is None else _with_axis(aval, size, axis)


def primal_dtype_to_tangent_dtype(primal_dtype: Any) -> Any:
    """Return the dtype of the tangents of a dtype."""
    return _tangent_aval(_Aval((), _dtypes.parse_dtype(primal_dtype))).dtype


def valid_jaxtype(x: Any) -> bool:
    """Tell whether a value can be the operand of an operation."""
    return _is_value(x)


def concrete_or_error(force: Any, value: Any, context: str = "") -> Any:
    """Return a value that is known, converted by `force` unless it is None.

    Errors: TypeError for one that stands for an array which is not known yet.
    """
    if isinstance(value, _Tracer):
        known = value.concrete()
        if known is None:
            raise _ConcretizationTypeError(
                f"A known value is needed; got {value.aval}. {context}{_at_user_line()}"
            )
        value = known
    return value if force is None else force(value)


def unsafe_am_i_under_a_jit_DO_NOT_USE() -> bool:
    """Tell whether a function is being staged."""
    trace = _get_trace()
    while trace is not None:
        if isinstance(trace, _StagingTrace):
            return True
        trace = trace.parent
    return False


class DropVar:
    """A result that nothing reads, for JAX; here it is a `Var` as others are."""


def get_opaque_trace_state(convention: str | None = None) -> Any:
    """Return an object that is equal to another while the same trace is running."""
    del convention
    return _TraceState(_get_trace())


class _TraceState:
    """The trace that is running, compared by identity."""

    def __init__(self, trace: Any) -> None:
        self._trace = trace

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _TraceState) and self._trace is other._trace

    def __hash__(self) -> int:
        return id(self._trace)


def gensym() -> Callable[[_Aval], Var]:
    """Return the function that makes variables."""
    return Var


if not _typing.TYPE_CHECKING:  # with `__getattr__`, no misspelt name would be found
    __getattr__, __dir__ = _export(__name__, "", "primitives")
