"""`sparsify`: functions of dense arrays as functions of sparse ones.

The function is traced with dense types; its program is then run on sparse values by an operation of
theirs, where there is one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

import numpy as np

from gradax import tree
from gradax.api.arguments import flat_result, name_of
from gradax.control.call import Jit
from gradax.core.evaluate import literal_value
from gradax.core.jaxpr import Atom, Eqn, Jaxpr, Literal, Var
from gradax.core.op import Op
from gradax.core.staging import stage
from gradax.core.value import as_value, is_value
from gradax.errors import UnsupportedArgumentError, at_user_line
from gradax.experimental.sparse import operations
from gradax.experimental.sparse.base import JAXSparse
from gradax.experimental.sparse.bcsr import BCSR
from gradax.lax.arithmetic import Add, AddAny, Div, IntegerPow, Mul, Neg, Sub
from gradax.lax.convert import ConvertElementType
from gradax.lax.dot import DotGeneral
from gradax.lax.elementary import Expm1, Log1p, Sqrt, Square
from gradax.lax.joining import Concatenate
from gradax.lax.rounding import Abs, Sign
from gradax.lax.shapes import BroadcastInDim, ReduceSum, Reshape, Squeeze, Transpose
from gradax.lax.slicing import Slice
from gradax.lax.trigonometric import Asin, Asinh, Atan, Atanh, Sin, Sinh, Tan, Tanh

# They keep zero, so that only stored values change; those stored twice are added before.
KEEP_ZERO: tuple[type[Op], ...] = (
    Abs, Asin, Asinh, Atan, Atanh, Expm1, IntegerPow, Log1p, Sign, Sin, Sinh, Sqrt, Square, Tan,
    Tanh,
)  # fmt: skip


def is_sparse(x: Any) -> bool:
    """Tell whether a leaf is a sparse array."""
    return isinstance(x, JAXSparse)


def as_bcoo(x: Any) -> Any:
    """Return a sparse array as a BCOO, others as they are."""
    return x.to_bcoo() if isinstance(x, BCSR) else x


def sparsify(f: Callable[..., Any], use_tracer: bool = False) -> Callable[..., Any]:
    """Return `f`, written for dense arrays, as a function that takes sparse ones as well.

    Results that no dense array was mixed into are sparse.
    Errors: NotImplementedError for an operation that has no rule for sparse arrays.
    """
    del use_tracer

    @wraps(f)
    def run(*args: Any, **kwargs: Any) -> Any:
        leaves, structure = tree.flatten((args, kwargs), is_sparse)
        taken = [is_sparse(x) or is_value(x) for x in leaves]
        values = [
            as_bcoo(x) if is_sparse(x) else as_value(x)
            for x, t in zip(leaves, taken, strict=True)
            if t
        ]
        found: list[Any] = []

        def flat(*xs: Any) -> list[Any]:
            given = iter(xs)
            every = [next(given) if t else x for x, t in zip(leaves, taken, strict=True)]
            own_args, own_kwargs = tree.unflatten(structure, every)
            outs, out_tree = flat_result("sparsify", f, f(*own_args, **own_kwargs))
            found.append(out_tree)
            return outs

        closed = stage(flat, [x.aval for x in values], name_of(f))
        outs = run_sparse(closed.jaxpr, [*closed.consts, *values])
        return tree.unflatten(found[0], outs)

    return run


def run_sparse(jaxpr: Jaxpr, args: Sequence[Any]) -> list[Any]:
    """Run a program on dense and sparse values; its consts are the first."""
    env: dict[Var, Any] = dict(zip((*jaxpr.constvars, *jaxpr.invars), args, strict=True))

    def read(atom: Atom) -> Any:
        return literal_value(atom) if isinstance(atom, Literal) else env[atom]

    for eqn in jaxpr.eqns:
        operands = [read(a) for a in eqn.invars]
        if any(map(is_sparse, operands)):
            outs = run_rule(eqn, operands)
        else:
            out = eqn.op(*operands)
            outs = out if eqn.op.multiple_results else (out,)
        env.update(zip(eqn.outvars, outs, strict=True))
    return [read(a) for a in jaxpr.outvars]


def run_rule(eqn: Eqn, operands: list[Any]) -> Sequence[Any]:
    """Run an operation on sparse values."""
    op = eqn.op
    if isinstance(op, Jit):
        return run_sparse(op.jaxpr, operands)
    if isinstance(op, KEEP_ZERO) and (not isinstance(op, IntegerPow) or op.y > 0):
        (mat,) = operands
        single = mat if mat.unique_indices else operations.sum_duplicates(mat, mat.nse)
        return [single.with_data(op(single.data))]
    rule = RULES.get(type(op))
    if rule is None:
        raise UnsupportedArgumentError(
            f"sparsify: the operation {op.name} has no rule for sparse arrays."
            f"{at_user_line()}\nMake its operands dense there, with x.todense()."
        )
    return [rule(op, *operands)]


def on_values(op: Op, mat: Any) -> Any:
    """Apply a linear function to the stored values."""
    return mat.with_data(op(mat.data))


def multiplied(op: Op, a: Any, b: Any) -> Any:
    """Multiply; a factor of size 1 along an axis is the same for all."""
    return operations.multiply(a, b) if is_sparse(a) else operations.multiply(b, a)


def divided(op: Op, a: Any, b: Any) -> Any:
    """Divide stored values by a dense array."""
    if is_sparse(b):
        raise UnsupportedArgumentError(
            f"sparsify: a division by a sparse array is one by zeros.{at_user_line()}"
        )
    if b.ndim == 0:
        return a.with_data(op(a.data, b))
    return a.with_data(a.data / operations.extract(a, b))


def added(op: Op, a: Any, b: Any) -> Any:
    """Add."""
    return operations.add(a, b) if is_sparse(a) else operations.add(b, a)


def subtracted(op: Op, a: Any, b: Any) -> Any:
    """Subtract."""
    return operations.add(a, -b) if is_sparse(a) else operations.add(-b, a)


def contracted(op: DotGeneral, a: Any, b: Any) -> Any:
    """Contract."""
    return operations.dot_general(a, b, op.dimension_numbers)


def summed(op: ReduceSum, mat: Any) -> Any:
    """Sum over axes."""
    return operations.reduce_sum(mat, op.axes)


def sliced(op: Slice, mat: Any) -> Any:
    """Take a part."""
    return operations.slices(mat, op.start_indices, op.limit_indices, op.strides)


def broadcast(op: BroadcastInDim, mat: Any) -> Any:
    """Repeat."""
    return operations.broadcast_in_dim(mat, op.shape, op.broadcast_dimensions)


def reshaped(op: Reshape, mat: Any) -> Any:
    """Reshape."""
    return operations.reshape(mat, op.new_sizes)


def squeezed(op: Squeeze, mat: Any) -> Any:
    """Leave out axes of size 1."""
    return operations.squeeze(mat, op.dimensions)


def transposed(op: Transpose, mat: Any) -> Any:
    """Permute axes."""
    return operations.transpose(mat, op.permutation)


def joined(op: Concatenate, *parts: Any) -> Any:
    """Join; dense parts are made sparse."""
    mats = [x if is_sparse(x) else operations.fromdense(x, int(np.prod(x.shape))) for x in parts]
    return operations.concatenate(mats, op.dimension)


RULES: dict[type[Op], Callable[..., Any]] = {
    Add: added,
    AddAny: added,
    BroadcastInDim: broadcast,
    Concatenate: joined,
    ConvertElementType: on_values,
    Div: divided,
    DotGeneral: contracted,
    Mul: multiplied,
    Neg: on_values,
    ReduceSum: summed,
    Reshape: reshaped,
    Slice: sliced,
    Squeeze: squeezed,
    Sub: subtracted,
    Transpose: transposed,
}
