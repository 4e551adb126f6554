"""Building kernel expressions: typed, simplified as they are made.

`lower` rules are written with these functions and with the operators of scalars:
`compute((3, 4), lambda i, j: x[i, j] * y[j])`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from gradax.kernel.functions import CHOICES, cost_of, is_complex, is_float, is_integer, result_dtype
from gradax.kernel.ir import (
    BOOL,
    INT,
    Apply,
    Const,
    Map,
    Reduce,
    Result,
    Scalar,
    Shape,
    Slot,
    Tensor,
    View,
    const,
    index,
    make_apply,
    slot,
)
from gradax.kernel.simplify import simplified
from gradax.sizes import Size

# The most common functions whose result has the dtype of their operands, whatever it is.
SAME_DTYPE = frozenset({"add", "sub", "mul", "div", "min", "max", "neg", "fma", "and", "or", "xor"})


def apply(fn: str, *args: Any) -> Scalar:
    """Apply a function to scalars; Python numbers take the dtype of the first scalar."""
    scalars = lift(args, 1 if fn in CHOICES else 0)
    dtype = scalars[0].dtype
    if fn not in SAME_DTYPE:
        dtype = result_dtype(fn, tuple(s.dtype for s in scalars))
    return simplified(fn, scalars, dtype) or make_apply(fn, scalars, dtype, cost_of(fn))


def lift(args: Sequence[Any], skip: int) -> tuple[Scalar, ...]:
    """Turn Python numbers into constants of the dtype of the scalars beside them."""
    for a in args:
        if not isinstance(a, Scalar):
            break
    else:
        return tuple(args)
    dtype = next((a.dtype for a in args[skip:] if isinstance(a, Scalar)), None)
    if dtype is None:
        dtype = next(a.dtype for a in args if isinstance(a, Scalar))
    return tuple(a if isinstance(a, Scalar) else const(a, dtype) for a in args)


def convert(x: Scalar, dtype: Any) -> Scalar:
    """Convert to `dtype` with the meaning stated in `kernel.ir`."""
    dtype = np.dtype(dtype)
    if x.dtype == dtype:
        return x
    if isinstance(x, Const) and type(x.value) is Size:
        return const(x.value, dtype)
    if isinstance(x, Const) and not (is_float(x.dtype) and is_integer(dtype)):
        value = x.value.real if is_complex(x.dtype) and not is_complex(dtype) else x.value
        return const(value, dtype)
    return make_apply("convert", (x,), dtype, 1)


def bitcast(x: Scalar, dtype: Any) -> Scalar:
    """Read the bits as another dtype of the same size."""
    dtype = np.dtype(dtype)
    assert x.dtype.itemsize == dtype.itemsize, (x.dtype, dtype)
    if x.dtype == dtype:
        return x
    if isinstance(x, Apply) and x.fn == "bitcast":
        return bitcast(x.args[0], dtype)
    return make_apply("bitcast", (x,), dtype, 0)


def select(condition: Scalar, yes: Any, no: Any) -> Scalar:
    """Return `yes` where the condition holds, `no` elsewhere; both may be computed."""
    return apply("select", condition, yes, no)


def compute(shape: Shape, element: Callable[..., Scalar]) -> Map:
    """Make the array whose element at i, j, … is `element(i, j, …)`."""
    return Map(tuple(shape), element(*map(index, range(len(shape)))))


def elementwise(element: Callable[..., Scalar], *operands: Tensor) -> Map:
    """Combine arrays of one shape element by element; rank-0 ones are broadcast."""
    shape = next((x.shape for x in operands if x.shape), ())
    here = tuple(map(index, range(len(shape))))
    return Map(shape, element(*(x[here] if x.shape else x[()] for x in operands)))


def reduce_with(
    combine: str, init: Any, x: Tensor, axes: Sequence[int], accumulate: Any = None
) -> Tensor:
    """Fold `x` over `axes` by a basic function with its identity; optionally in a wider dtype."""
    wide = x.dtype if accumulate is None else np.dtype(accumulate)
    kept = [i for i in range(x.ndim) if i not in axes]
    position = {axis: k for k, axis in enumerate([*kept, *axes])}
    body = convert(x[tuple(index(position[i]) for i in range(x.ndim))], wide)
    shape = tuple(x.shape[i] for i in kept)
    extents = tuple(x.shape[i] for i in axes)
    rule = apply(combine, slot(0, wide), slot(1, wide))
    out = Reduce(shape, extents, (rule,), (const(init, wide),), (body,)).results[0]
    return out if wide == x.dtype else cast(out, x.dtype)


def cast(x: Tensor, dtype: Any) -> Tensor:
    """Convert an array."""
    return x if x.dtype == dtype else elementwise(partial(convert, dtype=dtype), x)


def reshape(x: Tensor, shape: Shape) -> Tensor:
    """View an array in another shape; views of views are one view."""
    if tuple(shape) == x.shape:
        return x
    if isinstance(x, View):
        return View(x.operand, tuple(shape), x.dtype)
    return View(x, tuple(shape))


def flat_index(indices: Sequence[Scalar], shape: Shape) -> Scalar:
    """Return the row-major position of `indices` in `shape`."""
    position: Scalar = const(0, INT)
    for i, n in zip(indices, shape, strict=True):
        position = apply("add", apply("mul", position, n), i)
    return position


def unflat_index(position: Scalar, shape: Shape) -> tuple[Scalar, ...]:
    """Return the indices in `shape` of a row-major position."""
    out: list[Scalar] = []
    for k, n in enumerate(reversed(shape)):
        last = k == len(shape) - 1
        out.append(position if last else apply("rem", position, n))
        position = position if last else apply("div", position, n)
    return tuple(reversed(out))


def both(a: Scalar | None, b: Scalar | None) -> Scalar | None:
    """Return the conjunction of two guards; None holds always."""
    if a is None or b is None:
        return b if a is None else a
    return apply("and", a, b)


def in_range(i: Scalar, n: int) -> Scalar:
    """Return 0 <= i < n."""
    return apply("and", apply("ge", i, 0), apply("lt", i, n))


def clamp(i: Scalar, low: int, high: int) -> Scalar:
    """Return i kept within low … high."""
    return apply("min", apply("max", i, low), high)


def true() -> Const:
    """Return the constant True."""
    return const(True, BOOL)


def one_result(node: Any) -> Result:
    """Return the result of a node that has one."""
    (out,) = node.results
    return out


def is_slot(x: Scalar, position: int) -> bool:
    """Tell whether a scalar is the slot of that position."""
    return isinstance(x, Slot) and x.position == position


def basic_combine(rule: Scalar) -> str | None:
    """Return fn when a combining rule is just fn(slot 0, slot 1)."""
    if not isinstance(rule, Apply) or len(rule.args) != 2:
        return None
    return rule.fn if is_slot(rule.args[0], 0) and is_slot(rule.args[1], 1) else None


def install_operators() -> None:
    """Give scalars Python's operators."""

    def binary(fn: str, swap: bool = False) -> Callable[[Scalar, Any], Scalar]:
        return (lambda a, b: apply(fn, b, a)) if swap else (lambda a, b: apply(fn, a, b))

    def unary(fn: str) -> Callable[[Scalar], Scalar]:
        return lambda a: apply(fn, a)

    names = {
        "add": "add", "sub": "sub", "mul": "mul", "truediv": "div", "mod": "rem", "and": "and",
        "or": "or", "xor": "xor", "lshift": "shl", "rshift": "shr",
    }  # fmt: skip
    for python, fn in names.items():
        setattr(Scalar, f"__{python}__", binary(fn))
        setattr(Scalar, f"__r{python}__", binary(fn, swap=True))
    for fn in ("lt", "le", "gt", "ge"):
        setattr(Scalar, f"__{fn}__", binary(fn))
    for python, fn in (("neg", "neg"), ("invert", "not")):
        setattr(Scalar, f"__{python}__", unary(fn))


install_operators()
