"""Identities that a transformation or the compiler treats in its own way."""

from __future__ import annotations

from typing import Any, TypeVar, final

import numpy as np

from gradax import kernel, tree
from gradax.core.aval import Aval
from gradax.core.op import Op, operation
from gradax.core.tangent import Zero, is_linear, is_zero
from gradax.core.value import as_value, aval_of, is_value
from gradax.errors import DtypeError, at_user_line
from gradax.lax.comparison import zeros
from gradax.lax.families import tangent_like
from gradax.lax.shapes import Shaping
from gradax.native import get_trace

T = TypeVar("T")


@final
@operation
class StopGradient(Op):
    """The operand, as a constant to differentiation."""

    def infer(self, *avals: Aval) -> Aval:
        return avals[0]

    def jvp(self, primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
        out = self(primals[0])
        return out, Zero(tangent_like(out))

    def transpose(self, ct: Any, *operands: Any) -> Any:
        """Pass the cotangent: asked of a function that is linear, which the identity is."""
        return ct

    def batch(self, args: tuple[Any, ...], dims: tuple[int | None, ...]) -> Any:
        return self(args[0]), dims[0]

    def lower(self, *operands: kernel.Tensor) -> Any:
        return operands[0]

    def reference(self, *operands: Any) -> Any:
        return operands[0]


@final
@operation
class OptimizationBarrier(Op):
    """The operands; nothing that uses a result is computed before all operands are."""

    multiple_results = True

    def infer(self, *avals: Aval) -> tuple[Aval, ...]:
        return avals

    def jvp(self, primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
        outs = self(*primals)
        kept = [t for t in tangents if not is_zero(t)]
        moved = iter(self(*kept) if kept else ())
        return outs, tuple(t if is_zero(t) else next(moved) for t in tangents)

    def transpose(self, ct: Any, *operands: Any) -> Any:
        outs = self(*(zeros(c.aval) if is_zero(c) else c for c in ct))
        return tuple(c if is_linear(x) else None for c, x in zip(outs, operands, strict=True))

    def batch(self, args: tuple[Any, ...], dims: tuple[int | None, ...]) -> Any:
        return self(*args), dims

    def lower(self, *operands: kernel.Tensor) -> Any:
        return operands

    def reference(self, *operands: Any) -> Any:
        return operands


@final
@operation
class Copy(Shaping):
    """The operand, in memory of its own."""

    def infer(self, *avals: Aval) -> Aval:
        return avals[0]

    def transpose(self, ct: Any, *operands: Any) -> Any:
        return self(ct)

    def batch(self, args: tuple[Any, ...], dims: tuple[int | None, ...]) -> Any:
        return self(args[0]), dims[0]

    def lower(self, *operands: kernel.Tensor) -> Any:
        return kernel.elementwise(lambda a: a, operands[0])

    def reference(self, *operands: Any) -> Any:
        return np.array(operands[0])


def stop_gradient(x: T) -> T:
    """Return `x` (an array or a pytree of arrays) as a constant to differentiation."""

    def stop(leaf: Any) -> Any:
        if not is_value(leaf):
            raise DtypeError(
                f"stop_gradient: {leaf!r} of type {type(leaf).__name__} is no array{at_user_line()}"
            )
        return leaf if get_trace() is None else StopGradient()(as_value(leaf))

    return tree.map(stop, x)


def optimization_barrier(operand: T, /) -> T:
    """Return `operand` (a pytree of arrays); what uses it is computed after all of it."""
    leaves, structure = tree.flatten(operand)
    outs = OptimizationBarrier()(*map(as_value, leaves)) if leaves else ()
    return tree.unflatten(structure, outs)


def copy(x: Any) -> Any:
    """Return an array in memory of its own."""
    aval_of(x)
    return Copy()(as_value(x))
