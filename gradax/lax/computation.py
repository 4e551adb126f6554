"""The scalar functions that users give to `reduce` and its like, as programs and as kernels."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import ml_dtypes
import numpy as np

from gradax import dtypes, kernel
from gradax.core.aval import Aval
from gradax.core.jaxpr import Jaxpr, Literal, Var, subprograms
from gradax.core.op import Op
from gradax.core.staging import stage
from gradax.core.tangent import Zero, is_zero
from gradax.core.value import aval_of
from gradax.errors import ConcretizationTypeError, UnsupportedRule, at_user_line, require
from gradax.kernel.functions import cost_of
from gradax.kernel.ir import make_apply
from gradax.lax.operands import operands as as_operands
from gradax.lax.shapes import broadcast_batch

CALLS = ("jit", "custom_jvp_call", "custom_vjp_call", "remat2", "checkpoint")


def stage_computation(
    computation: Callable[..., Any], avals: Sequence[Aval], is_tuple: bool
) -> Jaxpr:
    """Trace `computation(accumulators, elements)` on scalars; tuples of them when `is_tuple`.

    Errors: TypeError unless it returns scalars of the operands' dtypes and captures no array.
    """
    n = len(avals)

    def flat(*args: Any) -> Sequence[Any]:
        if not is_tuple:
            return (computation(*args),)
        return tuple(computation(tuple(args[:n]), tuple(args[n:])))

    scalars = [Aval((), a.dtype) for a in avals]
    closed = stage(flat, [*scalars, *scalars], "computation")
    got = tuple(a.strip_weak_type() for a in closed.out_avals)
    require(got == tuple(scalars), "reduce", f"a computation that returns {scalars}", *got)
    if closed.consts:
        raise ConcretizationTypeError(
            f"reduce: the computation captures an array{at_user_line()}\n"
            "Pass it as an operand, or use functions of the two arguments alone."
        )
    return closed.jaxpr


def monoid_of(jaxpr: Jaxpr) -> Op | None:
    """Return the operation when the program is just op(accumulator, element) of a monoid."""
    if len(jaxpr.eqns) != 1 or len(jaxpr.outvars) != 1:
        return None
    (eqn,) = jaxpr.eqns
    if set(eqn.invars) != set(jaxpr.invars) or jaxpr.outvars[0] is not eqn.outvars[0]:
        return None
    inner = subprograms(eqn.op)
    if inner:
        return monoid_of(inner[0]) if eqn.op.name in CALLS else None
    return eqn.op if eqn.op.name in MONOIDS else None


def lowest(dtype: Any) -> Any:
    """Return the identity of max."""
    if dtypes.issubdtype(dtype, np.inexact):
        has_infinity = np.isinf(np.asarray(-np.inf).astype(dtype))
        return -np.inf if has_infinity else float(ml_dtypes.finfo(dtype).min)
    return False if dtype == np.bool_ else int(ml_dtypes.iinfo(dtype).min)


def highest(dtype: Any) -> Any:
    """Return the identity of min."""
    if dtypes.issubdtype(dtype, np.inexact):
        has_infinity = np.isinf(np.asarray(np.inf).astype(dtype))
        return np.inf if has_infinity else float(ml_dtypes.finfo(dtype).max)
    return True if dtype == np.bool_ else int(ml_dtypes.iinfo(dtype).max)


def all_ones(dtype: Any) -> Any:
    """Return the identity of bitwise and."""
    if dtype == np.bool_:
        return True
    info = ml_dtypes.iinfo(dtype)
    return -1 if info.min < 0 else int(info.max)


MONOIDS: dict[str, Callable[[Any], Any]] = {  # operation: its identity in a dtype
    "add": lambda dtype: 0,
    "mul": lambda dtype: 1,
    "max": lowest,
    "min": highest,
    "and": all_ones,
    "or": lambda dtype: 0,
    "xor": lambda dtype: 0,
}


def is_identity(monoid: str, init: Any, dtype: Any) -> bool:
    """Tell whether `init` is known to be the identity of `monoid`."""
    if hasattr(init, "interpreter"):
        return False
    return bool(np.asarray(init) == np.asarray(MONOIDS[monoid](dtype)).astype(dtype))


def initial_values(name: str, operands: Sequence[Any], inits: Sequence[Any]) -> list[Any]:
    """Return one initial value for each operand; Python numbers take its dtype.

    Errors: TypeError unless they are scalars of the operands' dtypes.
    """
    one_each = len(operands) == len(inits)
    require(one_each, name, "an initial value for each operand", len(operands), len(inits))
    found = [as_operands(x, init)[1] for init, x in zip(inits, operands, strict=True)]
    for x, init in zip(operands, map(aval_of, found), strict=True):
        fits = init.shape == () and init.dtype == x.dtype
        require(fits, name, f"a scalar initial value of {x.dtype.name}", init)
    return found


def scalars_of(jaxpr: Jaxpr, args: Sequence[kernel.Scalar]) -> list[kernel.Scalar]:
    """Return the results of a program of scalars as kernel scalars.

    Errors: UnsupportedRule where an operation is not elementwise.
    """
    env: dict[Any, kernel.Scalar] = dict(zip(jaxpr.invars, args, strict=True))

    def read(atom: Any) -> kernel.Scalar:
        if isinstance(atom, Literal):
            return kernel.const(atom.val, atom.aval.dtype)
        return env[atom]

    for eqn in jaxpr.eqns:
        operands = [read(a) for a in eqn.invars]
        inner = subprograms(eqn.op)
        if inner and eqn.op.name in CALLS:
            outs = scalars_of(inner[0], operands)
        else:
            stand_ins: dict[kernel.Tensor, kernel.Scalar] = {
                kernel.Input((), s.dtype, i): s for i, s in enumerate(operands)
            }
            lowered = eqn.op.lower(*stand_ins)
            tensors = lowered if eqn.op.multiple_results else (lowered,)
            outs = [inlined(t, stand_ins, eqn.op) for t in tensors]
        env.update(zip(eqn.outvars, outs, strict=True))
    return [read(a) for a in jaxpr.outvars]


def inlined(
    tensor: kernel.Tensor, known: Mapping[kernel.Tensor, kernel.Scalar], op: Op
) -> kernel.Scalar:
    """Return the scalar that a rank-0 tensor built of Maps and `known` tensors computes."""
    if tensor in known:
        return known[tensor]
    if isinstance(tensor, kernel.View) and tensor.operand.shape == ():
        return inlined(tensor.operand, known, op)
    if not isinstance(tensor, kernel.Map):
        raise UnsupportedRule(
            f"reduce: the computation uses {op.name!r}, which is no function of scalars"
        )
    return without_loads(tensor.body, known, op)


def without_loads(
    scalar: kernel.Scalar, known: Mapping[kernel.Tensor, kernel.Scalar], op: Op
) -> kernel.Scalar:
    """Replace the loads of rank-0 tensors by what they compute."""
    if isinstance(scalar, kernel.Load):
        return inlined(scalar.source, known, op)
    if isinstance(scalar, kernel.Apply):
        args = tuple(without_loads(a, known, op) for a in scalar.args)
        return make_apply(scalar.fn, args, scalar.dtype, cost_of(scalar.fn))
    return scalar


def fold_slots(jaxpr: Jaxpr, dtypes_: Sequence[Any]) -> tuple[list[Any], list[Any]]:
    """Return the combining rules and identities that fold by a program without an identity.

    Slot 0 says whether the accumulator holds anything yet; the others are the program's own.
    """
    n = len(dtypes_) + 1
    types = [kernel.BOOL, *dtypes_]
    left = [kernel.slot(i, t) for i, t in enumerate(types)]
    right = [kernel.slot(n + i, t) for i, t in enumerate(types)]
    joined = scalars_of(jaxpr, [*left[1:], *right[1:]])
    rules: list[Any] = [kernel.apply("or", left[0], right[0])]
    for a, b, c in zip(left[1:], right[1:], joined, strict=True):
        rules.append(kernel.select(left[0], kernel.select(right[0], c, a), b))
    return rules, [kernel.const(False, kernel.BOOL), *(kernel.const(0, t) for t in dtypes_)]


def fold_reference(jaxpr: Jaxpr, xs: Sequence[Any]) -> list[Any]:
    """Fold arrays over their first axis, of at least one element, with NumPy."""
    values = [np.asarray(x) for x in xs]
    while len(values[0]) > 1:
        half = len(values[0]) // 2
        joined = call_reference(
            jaxpr, [v[:half] for v in values] + [v[half : 2 * half] for v in values]
        )
        values = [
            np.concatenate([np.broadcast_to(j, v[:half].shape).astype(v.dtype), v[2 * half :]])
            for j, v in zip(joined, values, strict=True)
        ]
    return [v[0] for v in values]


def call_reference(jaxpr: Jaxpr, args: Sequence[Any]) -> list[Any]:
    """Run a program of scalars on whole arrays with the operations' NumPy functions."""
    env: dict[Any, Any] = dict(zip(jaxpr.invars, args, strict=True))

    def read(atom: Any) -> Any:
        return atom.value if isinstance(atom, Literal) else env[atom]

    for eqn in jaxpr.eqns:
        operands = [read(a) for a in eqn.invars]
        inner = subprograms(eqn.op)
        if inner and eqn.op.name in CALLS:
            out: Any = call_reference(inner[0], operands)
        else:
            shape = np.broadcast_shapes(*(np.shape(x) for x in operands))
            out = eqn.op.reference(*(np.broadcast_to(x, shape) for x in operands))
            out = out if eqn.op.multiple_results else (out,)
        env.update(zip(eqn.outvars, out, strict=True))
    return [read(a) for a in jaxpr.outvars]


def with_tangents(jaxpr: Jaxpr) -> Jaxpr:
    """Return the program (accumulators, elements, their tangents) -> (results, tangents)."""

    def make() -> Jaxpr:
        avals = [*jaxpr.in_avals, *jaxpr.in_avals]
        return stage(lambda *args: run_dual(jaxpr, args), avals, "jvp").jaxpr

    return jaxpr.memo("jvp of a computation", make)


def run_dual(jaxpr: Jaxpr, args: Sequence[Any]) -> list[Any]:
    """Evaluate a program together with its derivative, each operation by its own rule."""
    n = len(jaxpr.invars)
    env: dict[Any, tuple[Any, Any]] = {
        v: (x, dx) for v, x, dx in zip(jaxpr.invars, args[:n], args[n:], strict=True)
    }

    def read(atom: Any) -> tuple[Any, Any]:
        if isinstance(atom, Literal):
            return atom.value, Zero(atom.aval)
        return env[atom]

    for eqn in jaxpr.eqns:
        primals, tangents = zip(*map(read, eqn.invars), strict=True)
        inner = subprograms(eqn.op)
        if inner and eqn.op.name in CALLS:
            flat = run_dual(inner[0], [*primals, *map(instantiated, tangents)])
            outs, douts = flat[: len(eqn.outvars)], flat[len(eqn.outvars) :]
        elif all(map(is_zero, tangents)):
            out = eqn.op(*primals)
            outs = out if eqn.op.multiple_results else (out,)
            douts = [Zero(v.aval) for v in eqn.outvars]
        else:
            outs, douts = eqn.op.jvp(primals, tangents)
            if not eqn.op.multiple_results:
                outs, douts = (outs,), (douts,)
        env.update(zip(eqn.outvars, zip(outs, douts, strict=True), strict=True))
    results = [read(a) for a in jaxpr.outvars]
    return [*(r[0] for r in results), *(instantiated(r[1]) for r in results)]


def instantiated(tangent: Any) -> Any:
    """Return a tangent as a value."""
    return np.zeros((), tangent.aval.dtype) if is_zero(tangent) else tangent


def call_mapped(jaxpr: Jaxpr, args: Sequence[Any]) -> list[Any]:
    """Run a program of scalars on vectors, each operation by its batching rule."""
    env: dict[Var, tuple[Any, Any]] = {v: (x, 0) for v, x in zip(jaxpr.invars, args, strict=True)}

    def read(atom: Any) -> tuple[Any, Any]:
        return (atom.value, None) if isinstance(atom, Literal) else env[atom]

    for eqn in jaxpr.eqns:
        operands, dims = zip(*map(read, eqn.invars), strict=True)
        inner = subprograms(eqn.op)
        if all(d is None for d in dims):
            out = eqn.op(*operands)
            outs = out if eqn.op.multiple_results else (out,)
            places: Any = [None] * len(outs)
        elif inner and eqn.op.name in CALLS:
            size = next(x.shape[0] for x, d in zip(operands, dims, strict=True) if d == 0)
            outs = call_mapped(inner[0], list(map(spread, operands, dims, [size] * len(dims))))
            places = [0] * len(outs)
        else:
            outs, places = eqn.op.batch(operands, dims)
            if not eqn.op.multiple_results:
                outs, places = (outs,), (places,)
        env.update(zip(eqn.outvars, zip(outs, places, strict=True), strict=True))
    size = args[0].shape[0]
    return [spread(*read(a), size) for a in jaxpr.outvars]


def spread(x: Any, dim: int | None, size: int) -> Any:
    """Return a value with a mapped axis."""
    return broadcast_batch(x, size) if dim is None else x
