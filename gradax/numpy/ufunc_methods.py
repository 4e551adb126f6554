"""What universal functions of two arrays have besides a call: their reductions.

`jnp.add` and its like are plain functions, which have `reduce`, `accumulate`, `reduceat`, `outer`
and `at` as attributes: `install` gives them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gradax.control.scan import scan
from gradax.errors import ArgumentError, at_user_line
from gradax.numpy import arithmetic, cumulative, elementary, integers, logic, reductions
from gradax.numpy.at import at
from gradax.numpy.axes import canonical_axes, canonical_axis, known_array
from gradax.numpy.indexing import index
from gradax.numpy.joining import stack
from gradax.numpy.logic import where_select
from gradax.numpy.promotion import convert, operand
from gradax.numpy.shaping import moveaxis, reshaped


class Methods:
    """The methods of a universal function of two arrays and one result."""

    def __init__(self, function: Callable[..., Any], identity: Any, fast: Any = None) -> None:
        self.function, self.identity, self.fast = function, identity, fast

    def reduce(
        self,
        a: Any,
        axis: Any = 0,
        dtype: Any = None,
        out: None = None,
        keepdims: bool = False,
        initial: Any = None,
        where: Any = None,
    ) -> Any:
        """Fold an array along axes by the function."""
        arithmetic.refuse_out("reduce", out)
        if self.fast is not None and dtype is None:
            options = {"initial": initial, "where": where}
            given = {k: v for k, v in options.items() if v is not None}
            return self.fast[0](operand("reduce", a), axis, keepdims=keepdims, **given)
        x = operand("reduce", a)
        x = x if dtype is None else x.astype(dtype)
        axes = canonical_axes("reduce", axis, x.ndim)
        start = self.identity if initial is None else initial
        if where is not None and start is None:
            raise ArgumentError(f"reduce: where= needs initial= for this function{at_user_line()}")
        if where is not None:
            x = where_select(where, x, convert(start, x.dtype))
        rest = [i for i in range(x.ndim) if i not in axes]
        kept = tuple(1 if i in axes else n for i, n in enumerate(x.shape))
        shape = tuple(x.shape[i] for i in rest)
        rows = reshaped(x.transpose((*axes, *rest)), (-1 if x.size else 0, *shape))
        result = self.folded(rows, start)
        return reshaped(result, kept) if keepdims else result

    def folded(self, rows: Any, start: Any) -> Any:
        """Fold the slices along the first axis, from the left."""
        if start is None and rows.shape[0] == 0:
            raise ArgumentError(f"reduce: no elements and no identity{at_user_line()}")
        if start is None:
            first, rows = index(rows, 0), index(rows, slice(1, None))
        else:
            value = operand("reduce", start)
            first = operand("reduce", np.zeros(rows.shape[1:], bool)) * 0 + value
        wanted = self.function(first, first).dtype
        first = convert(first, wanted)
        return scan(lambda c, r: (convert(self.function(c, r), wanted), None), first, rows)[0]

    def accumulate(self, a: Any, axis: int = 0, dtype: Any = None, out: None = None) -> Any:
        """Fold the elements up to each place of an axis."""
        arithmetic.refuse_out("accumulate", out)
        x = operand("accumulate", a)
        x = x if dtype is None else x.astype(dtype)
        axis = canonical_axis("accumulate", axis, x.ndim)
        if self.fast is not None and self.fast[1] is not None:
            return self.fast[1](x, axis)
        rows = moveaxis(x, axis, 0)
        if rows.shape[0] == 0:
            return x
        first = index(rows, 0)

        def step(c: Any, r: Any) -> Any:
            new = convert(self.function(c, r), c.dtype)
            return new, new

        rest = scan(step, first, index(rows, slice(1, None)))[1]
        return moveaxis(stack([first, *rest]), 0, axis)

    def outer(self, A: Any, B: Any, /) -> Any:
        """Apply the function to all pairs of elements."""
        x, y = operand("outer", A), operand("outer", B, 1)
        return self.function(reshaped(x, (*x.shape, *(1,) * y.ndim)), y)

    def at(self, a: Any, indices: Any, b: Any = None, /, *, inplace: bool = True) -> Any:
        """Return the array with the function applied at indices, again where one comes twice."""
        if inplace:
            raise NotImplementedError("ufunc.at: arrays are immutable; pass inplace=False")
        x = operand("at", a)
        if self.fast is not None and self.fast[2] is not None:
            return getattr(at(x)[indices], self.fast[2])(b)
        places = indices if isinstance(indices, tuple) else (indices,)
        shape = np.broadcast_shapes(*(np.shape(p) for p in places))
        flat = [reshaped(operand("at", np.broadcast_to(p, shape)), (-1,)) for p in places]
        values = reshaped(operand("at", np.broadcast_to(b, shape)), (-1,))

        def step(c: Any, place: Any) -> Any:
            *key, value = place
            new = self.function(c[tuple(key)], value)
            return at(c)[tuple(key)].set(convert(new, c.dtype)), None

        return scan(step, x, (*flat, values))[0]

    def reduceat(
        self, a: Any, indices: Any, axis: int = 0, dtype: Any = None, out: None = None
    ) -> Any:
        """Fold the parts of an axis that begin at known places."""
        arithmetic.refuse_out("reduceat", out)
        x = operand("reduceat", a)
        axis = canonical_axis("reduceat", axis, x.ndim)
        places = [int(i) for i in known_array("reduceat", indices, "the places")]
        rows = moveaxis(x, axis, 0)
        ends = [*places[1:], rows.shape[0]]
        parts = [
            self.reduce(index(rows, slice(i, j)), 0, dtype) if i < j else index(rows, i)
            for i, j in zip(places, ends, strict=True)
        ]
        return moveaxis(stack(parts), 0, axis)


def add_methods(
    target: Any, function: Callable[..., Any], nin: int, nout: int, identity: Any, fast: Any = None
) -> None:
    """Give a function the attributes of a universal function."""
    target.nin, target.nout, target.nargs, target.identity = nin, nout, nin + nout, identity
    methods = Methods(function, identity, fast)
    for name in ("reduce", "accumulate", "outer", "at", "reduceat"):
        setattr(target, name, getattr(methods, name))


def install() -> None:
    """Give the package's own binary functions their reductions."""
    quick = {
        arithmetic.add: (reductions.sum, cumulative.cumsum, "add"),
        arithmetic.multiply: (reductions.prod, cumulative.cumprod, "multiply"),
        arithmetic.maximum: (reductions.max, None, "max"),
        arithmetic.minimum: (reductions.min, None, "min"),
        logic.logical_and: (reductions.all, None, None),
        logic.logical_or: (reductions.any, None, None),
    }
    others = {
        arithmetic: "subtract true_divide floor_divide remainder power float_power fmod fmax fmin",
        elementary: "arctan2 copysign hypot logaddexp logaddexp2 nextafter heaviside ldexp",
        logic: "equal not_equal less less_equal greater greater_equal logical_xor bitwise_and"
        " bitwise_or bitwise_xor left_shift right_shift",
        integers: "gcd lcm",
    }
    identities = {
        "add": 0, "multiply": 1, "logical_and": True, "logical_or": False, "logical_xor": False,
        "bitwise_and": -1, "bitwise_or": 0, "bitwise_xor": 0, "logaddexp": -np.inf,
        "logaddexp2": -np.inf, "hypot": 0, "gcd": 0,
    }  # fmt: skip
    for function, fast in quick.items():
        add_methods(function, function, 2, 1, identities.get(function.__name__), fast)
    for module, names in others.items():
        for name in names.split():
            function = getattr(module, name)
            add_methods(function, function, 2, 1, identities.get(name))
