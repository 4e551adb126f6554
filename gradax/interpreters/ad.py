"""Derivatives of primitives of one's own.

A rule `primitive_jvps[p](primals, tangents, **params)` returns results and tangents; a tangent may
be a `Zero`. `primitive_transposes[p](ct, *operands, **params)` returns a cotangent for each operand
that `is_undefined_primal`, None for the others.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any

from gradax.core.aval import tangent_aval
from gradax.core.tangent import Linear as UndefinedPrimal
from gradax.core.tangent import Zero as Zero
from gradax.core.tangent import is_linear as is_undefined_primal
from gradax.core.value import aval_of
from gradax.extend.user_primitives import Registry, flat_rule
from gradax.lax.arithmetic import AddAny
from gradax.lax.comparison import zeros
from gradax.transforms.jvp import JVPTrace as JVPTrace
from gradax.transforms.jvp import JVPTracer as JVPTracer

Rule = Callable[..., Any]

__all__ = [
    "UndefinedPrimal", "Zero", "add_tangents", "defbilinear", "defjvp", "defjvp2", "deflinear",
    "deflinear2", "instantiate_zeros", "is_undefined_primal", "primitive_jvps",
    "primitive_transposes", "zeros_like_aval",
]  # fmt: skip

primitive_jvps = Registry("derivative", lambda kind: flat_rule(kind, "jvp"))
primitive_transposes = Registry("transpose", lambda kind: flat_rule(kind, "transpose"))


def is_zero(x: Any) -> bool:
    """Tell whether a tangent is a symbolic zero."""
    return type(x) is Zero


def zeros_like_aval(aval: Any) -> Any:
    """Return an array of zeros of a type."""
    return zeros(aval)


def instantiate_zeros(tangent: Any) -> Any:
    """Return a tangent or cotangent as an array."""
    return zeros(tangent.aval) if is_zero(tangent) else tangent


def add_tangents(x: Any, y: Any) -> Any:
    """Return the sum of two tangents, either of which may be a symbolic zero."""
    if is_zero(x):
        return y
    return x if is_zero(y) else AddAny()(x, y)


def deflinear(primitive: Any, transpose_rule: Rule) -> None:
    """Make a primitive linear in all operands: `transpose_rule(ct, **params)` lists cotangents."""
    deflinear2(primitive, lambda ct, *_, **params: transpose_rule(ct, **params))


def deflinear2(primitive: Any, transpose_rule: Rule) -> None:
    """Make a primitive linear in all operands, which `transpose_rule(ct, *operands)` sees too."""

    def jvp(primals: Any, tangents: Any, **params: Any) -> Any:
        out = primitive.bind(*primals, **params)
        if all(map(is_zero, tangents)):
            return out, zero_of(out, primitive.multiple_results)
        return out, primitive.bind(*map(instantiate_zeros, tangents), **params)

    def transpose(ct: Any, *operands: Any, **params: Any) -> Any:
        cts = list(map(instantiate_zeros, ct)) if primitive.multiple_results else ct
        return transpose_rule(cts, *operands, **params)

    primitive_jvps[primitive] = jvp
    primitive_transposes[primitive] = transpose


def zero_of(out: Any, multiple: bool) -> Any:
    """Return the zero tangent(s) of result(s)."""
    return [Zero(tangent_aval(aval_of(x))) for x in out] if multiple else Zero(
        tangent_aval(aval_of(out))
    )  # fmt: skip


def defjvp(primitive: Any, *jvprules: Rule | None) -> None:
    """Give a rule for each operand: `rule(tangent, *primals, **params)`; None: it has none."""

    def with_answer(rule: Rule) -> Rule:
        return lambda g, ans, *primals, **params: rule(g, *primals, **params)

    defjvp2(primitive, *(None if r is None else with_answer(r) for r in jvprules))


def defjvp2(primitive: Any, *jvprules: Rule | None) -> None:
    """Give a rule for each operand that sees the result: `rule(tangent, result, *primals)`."""

    def jvp(primals: Any, tangents: Any, **params: Any) -> Any:
        out = primitive.bind(*primals, **params)
        parts = [
            rule(g, out, *primals, **params)
            for rule, g in zip(jvprules, tangents, strict=True)
            if rule is not None and not is_zero(g)
        ]
        return out, reduce(add_tangents, parts, zero_of(out, False))

    primitive_jvps[primitive] = jvp


def defbilinear(primitive: Any, lhs_rule: Rule, rhs_rule: Rule) -> None:
    """Make a primitive of two operands linear in each.

    `lhs_rule(ct, x, y, **params)` gives the cotangent of x, `rhs_rule` that of y; the operand that
    is asked for is an `UndefinedPrimal`.
    """

    def transpose(ct: Any, x: Any, y: Any, **params: Any) -> Any:
        left, right = is_undefined_primal(x), is_undefined_primal(y)
        return (
            lhs_rule(ct, x, y, **params) if left else None,
            rhs_rule(ct, x, y, **params) if right else None,
        )

    defjvp(
        primitive,
        lambda g, x, y, **params: primitive.bind(g, y, **params),
        lambda g, x, y, **params: primitive.bind(x, g, **params),
    )
    primitive_transposes[primitive] = transpose
