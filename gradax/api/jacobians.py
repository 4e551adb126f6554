"""`jacfwd`, `jacrev` and `hessian`: all derivatives of functions of any results."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gradax import dtypes, tree
from gradax.api.arguments import (
    argument_indices,
    check_callable,
    differentiable,
    leaf_names,
    name_of,
    named_after,
    replace_arguments,
)
from gradax.api.jvp import jvp
from gradax.api.vjp import vjp
from gradax.api.vmap import vmap
from gradax.core.value import as_value, aval_of, conversion
from gradax.errors import DtypeError, at_user_line
from gradax.lax.arithmetic import Add
from gradax.lax.comparison import Eq
from gradax.lax.convert import ConvertElementType, scalar_of
from gradax.lax.creation import Iota
from gradax.lax.shapes import Reshape, broadcast_scalar
from gradax.lax.slicing import Slice
from gradax.sizes import is_open


def jacfwd(
    fun: Callable[..., Any],
    argnums: int | Sequence[int] = 0,
    has_aux: bool = False,
    holomorphic: bool = False,
) -> Callable[..., Any]:
    """Return the function that computes the Jacobian of `fun` column by column, in forward mode.

    Shapes: for a result leaf T[r] and an argument leaf T[a]: T[r, a], in the result's tree of the
    argument's trees (a tuple of such for a tuple of argnums).
    Cost: as many forward derivatives, vectorized, as the arguments have elements.
    """
    check_callable("jacfwd", fun)

    @named_after(fun, "jacfwd", f"Jacobian of {name_of(fun)} with respect to argument {argnums}.")
    def jacobian_of(*args: Any, **kwargs: Any) -> Any:
        inputs = Inputs("jacfwd", fun, argnums, args, kwargs, holomorphic, has_aux)
        basis = standard_basis(inputs.leaves)

        def push(*tangents: Any) -> Any:
            pair = jvp(inputs.run, tuple(inputs.leaves), tangents, has_aux=has_aux)
            return (pair[1], pair[0], pair[2]) if has_aux else (pair[1], pair[0])

        found = vmap(push, out_axes=(-1, None, None) if has_aux else (-1, None))(*basis)
        columns = found[0]
        check_outputs("jacfwd", fun, found[1], holomorphic)
        jacobian = tree.map(lambda x: inputs.by_argument(split_last(x, inputs.leaves)), columns)
        return (jacobian, found[2]) if has_aux else jacobian

    return jacobian_of


def jacrev(
    fun: Callable[..., Any],
    argnums: int | Sequence[int] = 0,
    has_aux: bool = False,
    holomorphic: bool = False,
    allow_int: bool = False,
) -> Callable[..., Any]:
    """Return the function that computes the Jacobian of `fun` row by row, in reverse mode.

    Shapes: as jacfwd.
    Cost: as many reverse derivatives, vectorized, as the results have elements.
    """
    check_callable("jacrev", fun)

    @named_after(fun, "jacrev", f"Jacobian of {name_of(fun)} with respect to argument {argnums}.")
    def jacobian_of(*args: Any, **kwargs: Any) -> Any:
        inputs = Inputs("jacrev", fun, argnums, args, kwargs, holomorphic, has_aux, allow_int)
        out, pull, *aux = vjp(inputs.run, *inputs.leaves, has_aux=has_aux)
        check_outputs("jacrev", fun, out, holomorphic)
        outs, out_tree = tree.flatten(out)
        basis = standard_basis(outs)
        rows = vmap(lambda *cts: pull(tree.unflatten(out_tree, cts)))(*basis)
        per_leaf = [split_first(x, outs) for x in rows]
        jacobian = tree.unflatten(
            out_tree, [inputs.by_argument(list(leaf)) for leaf in zip(*per_leaf, strict=True)]
        )
        return (jacobian, aux[0]) if has_aux else jacobian

    return jacobian_of


jacobian = jacrev


def hessian(
    fun: Callable[..., Any],
    argnums: int | Sequence[int] = 0,
    has_aux: bool = False,
    holomorphic: bool = False,
) -> Callable[..., Any]:
    """Return the function that computes the second derivatives: forward over reverse mode.

    Shapes: for a result leaf T[r] and argument leaves T[a], T[b]: T[r, a, b].
    """
    return jacfwd(
        jacrev(fun, argnums, has_aux=has_aux, holomorphic=holomorphic),
        argnums, has_aux=has_aux, holomorphic=holomorphic,
    )  # fmt: skip


class Inputs:
    """The differentiated leaves of a call, and the function of those alone."""

    def __init__(
        self, what: str, fun: Any, argnums: Any, args: Any, kwargs: Any,
        holomorphic: bool, has_aux: bool, allow_int: bool = False,
    ) -> None:  # fmt: skip
        self.fun, self.args, self.kwargs, self.has_aux = fun, args, kwargs, has_aux
        self.several = not hasattr(argnums, "__index__")
        self.indices = argument_indices(what, argnums, len(args))
        leaves, self.in_tree = tree.flatten(tuple(args[i] for i in self.indices))
        names = iter(leaf_names(fun, args))
        per_arg = [[next(names) for _ in tree.leaves(x)] for x in args]
        chosen = [name for i in self.indices for name in per_arg[i]]
        self.leaves = [
            as_value(differentiable(what, name, x, allow_int, holomorphic))
            for name, x in zip(chosen, leaves, strict=True)
        ]

    def run(self, *leaves: Any) -> Any:
        """Call the user's function with the leaves in their places."""
        new = tree.unflatten(self.in_tree, leaves)
        return self.fun(*replace_arguments(self.args, self.indices, new), **self.kwargs)

    def by_argument(self, leaves: Sequence[Any]) -> Any:
        """Return leaves in the tree of the differentiated argument, or the tuple of several."""
        found = tree.unflatten(self.in_tree, leaves)
        return found if self.several else found[0]


def standard_basis(leaves: Sequence[Any]) -> list[Any]:
    """Return, for leaves of n elements in all, arrays of n rows, together the unit vectors."""
    sizes = [x.size for x in map(aval_of, leaves)]
    total, start, out = sum(sizes), 0, []
    for x, size in zip(map(aval_of, leaves), sizes, strict=True):
        if not dtypes.issubdtype(x.dtype, np.inexact):
            out.append(as_value(np.zeros((total, *x.shape), dtypes.float0)))
            start += size
            continue
        if is_open(total):
            out.append(Reshape((total, *x.shape))(unit_rows(total, size, start, x.dtype)))
            start += size
            continue
        rows = np.eye(total, size, -start, dtype=np.float32).astype(x.dtype)
        shape = (total, *x.shape)
        out.append(conversion.to_array(rows.reshape(shape), x.update(shape=shape)))
        start += size
    return out


def unit_rows(total: int, size: int, start: int, dtype: Any) -> Any:
    """Return the identity's columns from `start` on, `size` of them, with open sizes."""
    shape, counted = (total, size), np.dtype(np.int32)
    place = broadcast_scalar(scalar_of(start, counted), shape)
    columns = Add()(Iota(counted, shape, 1)(), place)
    return ConvertElementType(dtype)(Eq()(Iota(counted, shape, 0)(), columns))


def split_last(x: Any, leaves: Sequence[Any]) -> list[Any]:
    """Cut the last axis into the leaves' elements and give the parts the leaves' shapes."""
    return split_axis(x, leaves, x.ndim - 1)


def split_first(x: Any, leaves: Sequence[Any]) -> list[Any]:
    """Cut the first axis into the leaves' elements and give the parts the leaves' shapes."""
    return split_axis(x, leaves, 0)


def split_axis(x: Any, leaves: Sequence[Any], axis: int) -> list[Any]:
    """Cut an axis into the leaves' elements and give the parts the leaves' shapes there."""
    out, start = [], 0
    for leaf in map(aval_of, leaves):
        low, high = [0] * x.ndim, list(x.shape)
        low[axis], high[axis] = start, start + leaf.size
        part = x if leaf.size == x.shape[axis] else Slice(tuple(low), tuple(high), None)(x)
        shape = (*x.shape[:axis], *leaf.shape, *x.shape[axis + 1 :])
        part = part if part.shape == shape else Reshape(shape)(part)
        out.append(part)
        start += leaf.size
    return out


def check_outputs(what: str, fun: Any, out: Any, holomorphic: bool) -> None:
    """Raise for results that have no derivative of the kind asked for."""
    for x in map(aval_of, tree.leaves(out)):
        is_complex = dtypes.issubdtype(x.dtype, np.complexfloating)
        if is_complex != holomorphic or not dtypes.issubdtype(x.dtype, np.inexact):
            wanted = "complex, since holomorphic=True" if holomorphic else "real floats"
            raise DtypeError(
                f"{what}: the results of {name_of(fun)} must be {wanted}; got {x}.{at_user_line()}"
            )
