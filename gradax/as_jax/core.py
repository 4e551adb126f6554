"""`jax.core`'s names, those of earlier releases that libraries still read included."""

from __future__ import annotations

from typing import Any

from gradax.api.scopes import ensure_compile_time_eval as ensure_compile_time_eval
from gradax.core.aval import Aval as AbstractValue
from gradax.core.aval import Aval as ShapedArray
from gradax.core.aval import tangent_aval
from gradax.core.evaluate import eval_jaxpr as eval_jaxpr
from gradax.core.jaxpr import ClosedJaxpr as ClosedJaxpr
from gradax.core.jaxpr import Jaxpr as Jaxpr
from gradax.core.jaxpr import Literal as Literal
from gradax.core.jaxpr import Var as Var
from gradax.core.tracer import Tracer as Tracer
from gradax.core.tracer import under
from gradax.core.value import aval_of
from gradax.extend.core import Primitive as Primitive
from gradax.extend.core import Trace as Trace
from gradax.extend.core import TraceTag as TraceTag
from gradax.extend.core import concrete_or_error as concrete_or_error
from gradax.extend.core import find_top_trace as find_top_trace
from gradax.extend.core import get_opaque_trace_state as get_opaque_trace_state
from gradax.extend.core import jaxpr_as_fun as jaxpr_as_fun
from gradax.extend.core import set_current_trace as set_current_trace
from gradax.extend.core import take_current_trace as take_current_trace
from gradax.extend.core import valid_jaxtype as valid_jaxtype
from gradax.native import get_trace

__all__ = ["AbstractValue", "ShapedArray"]

Atom = Var | Literal
Value = Any
ParamDict = dict[str, Any]


def get_aval(x: Any) -> AbstractValue:
    """Return the type of a value."""
    return aval_of(x)


def raise_to_shaped(aval: AbstractValue, weak_type: bool | None = None) -> AbstractValue:
    """Return a type, as it is: every type here has a shape."""
    return aval if weak_type is None else aval.update(weak_type=weak_type)


def trace_state_clean() -> bool:
    """Tell whether no function is being traced."""
    return get_trace() is None


def eval_context() -> Any:
    """Return a context in which operations are evaluated, though a function is being traced."""
    return under(None)


def min_dim(d1: int, d2: int) -> int:
    """Return the lesser of two sizes."""
    return min(d1, d2)


def max_dim(d1: int, d2: int) -> int:
    """Return the greater of two sizes."""
    return max(d1, d2)


def is_constant_shape(shape: Any) -> bool:
    """Tell whether all sizes are integers."""
    return all(type(n) is int for n in shape)


def taught_names() -> None:
    """Give types the names by which libraries ask JAX's for that of their tangents."""
    for name in ("to_tangent_aval", "at_least_vspace", "to_ct_aval"):
        if not hasattr(AbstractValue, name):
            setattr(AbstractValue, name, tangent_aval)


taught_names()
