"""Reverse mode for a linearized function: cotangents in, cotangents out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gradax import dtypes, tree
from gradax.api.arguments import name_of
from gradax.core.aval import Aval
from gradax.core.jaxpr import ClosedJaxpr
from gradax.core.tangent import Linear, is_zero
from gradax.core.tracer import Tracer
from gradax.core.value import as_value, conversion, is_value
from gradax.core.watch import watch
from gradax.errors import ArgumentTypeError, at_user_line
from gradax.lax.convert import ConvertElementType
from gradax.native import get_trace
from gradax.transforms.jvp import JVPTrace
from gradax.transforms.transpose import backward_pass


def pull_back(
    program: ClosedJaxpr, nonzero: Sequence[bool], cts: Sequence[Any], primals: Sequence[Any]
) -> list[Any]:
    """Return the cotangents of the primals, given those of all outputs."""
    if watch.transposition is not None:
        watch.transposition(program)
    alive = [ct for ct, n in zip(cts, nonzero, strict=True) if n]
    args = [Linear(v.aval) for v in program.jaxpr.invars]
    found = backward_pass(program.jaxpr, program.consts, args, alive)
    return [typed(array_of(ct), v.aval) for ct, v in zip(found, program.jaxpr.invars, strict=True)]


def array_of(ct: Any) -> Any:
    """Return a cotangent as an array; the zero of dtype float0 is NumPy's."""
    if not is_zero(ct):
        return ct
    if ct.aval.dtype == dtypes.float0:
        return float0_zeros(ct.aval)
    return conversion.to_array(np.zeros(ct.aval.shape, ct.aval.dtype), ct.aval)


def typed(ct: Any, aval: Aval) -> Any:
    """Return a cotangent as weakly typed as the primal's tangent is."""
    if aval.dtype == dtypes.float0 or ct.weak_type == aval.weak_type:
        return ct
    return ConvertElementType(aval.dtype, aval.weak_type)(ct)


def float0_zeros(aval: Aval) -> Any:
    """Return the tangent of an integer: an array that holds no bytes."""
    return np.zeros(aval.shape, dtypes.float0)


def take_aux(what: str, fun: Any, out: Any, found: list[Any]) -> Any:
    """Return the first of the pair that a function with `has_aux` returns; keep the second.

    What is kept has no tangents: the tracers of the current trace are opened.
    """
    if not isinstance(out, (tuple, list)) or len(out) != 2:
        length = f" of length {len(out)}" if isinstance(out, tuple) else ""
        raise ArgumentTypeError(
            f"{what}: with has_aux=True {name_of(fun)} must return a pair (result, aux); it"
            f" returned {type(out).__name__}{length}.{at_user_line()}"
        )
    result, aux = out
    trace = get_trace()
    found.append(tree.map(lambda x: primal(trace, x), aux))
    return result


def primal(trace: Any, x: Any) -> Any:
    """Return the primal of a value of a JVP trace; other objects as they are."""
    if isinstance(trace, JVPTrace) and isinstance(x, Tracer):
        return trace.pair(x)[0]
    return as_value(x) if isinstance(x, np.ndarray) and is_value(x) else x


def scalar_like(x: Any, wanted: Aval) -> Any:
    """Return a Python number as a weak scalar of a tangent's dtype, other values as they are."""
    if type(x) not in (bool, int, float, complex) or wanted.dtype == dtypes.float0:
        return x
    return conversion.to_array(np.asarray(x, wanted.dtype), Aval((), wanted.dtype, True))
