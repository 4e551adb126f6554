"""Reductions by any associative and commutative function: reduce and reduce_window."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any, final

import numpy as np

from gradax import kernel
from gradax.core.aval import Aval
from gradax.core.jaxpr import Jaxpr
from gradax.core.op import Op, operation
from gradax.core.tangent import Zero, is_zero
from gradax.core.value import as_value
from gradax.errors import UnsupportedRule, require
from gradax.lax.arithmetic import scalar_like
from gradax.lax.comparison import SelectN, zeros
from gradax.lax.computation import (
    call_mapped,
    call_reference,
    fold_reference,
    fold_slots,
    initial_values,
    is_identity,
    monoid_of,
    scalars_of,
    stage_computation,
    with_tangents,
)
from gradax.lax.conv_shapes import canonical_pads, dilated, padtype_to_pads
from gradax.lax.families import tangent_like
from gradax.lax.joining import Concatenate
from gradax.lax.patches import all_patches, input_positions
from gradax.lax.reductions import (
    ReduceAnd,
    ReduceMax,
    ReduceMin,
    ReduceOr,
    ReduceProd,
    ReduceXor,
    checked_axes,
)
from gradax.lax.shapes import (
    ReduceSum,
    Reshape,
    Transpose,
    broadcast_batch,
    broadcast_scalar,
    check_axes,
    move_batch_axis,
)
from gradax.lax.slicing import Pad, Slice
from gradax.lax.windows import (
    UNROLLED_WINDOW,
    ReduceWindowMax,
    ReduceWindowMin,
    ReduceWindowSum,
    Windowed,
    joined_window,
    window_taps,
)

REDUCTIONS: dict[str, Callable[[tuple[int, ...]], Op]] = {
    "add": ReduceSum, "mul": ReduceProd, "max": ReduceMax, "min": ReduceMin,
    "and": ReduceAnd, "or": ReduceOr, "xor": ReduceXor,
}  # fmt: skip
WINDOWS: dict[str, Callable[..., Op]] = {
    "add": ReduceWindowSum,
    "max": ReduceWindowMax,
    "min": ReduceWindowMin,
}


@final
@operation
class Reduce(Op):
    """Fold arrays together over `dimensions` by a program of scalars.

    Shapes: x1: T1[s] …, init1: T1[] … -> T1[s without dimensions] …
    The program takes the accumulators, then the elements; it is associative and commutative, and
    the initial values are its identities or are folded in once.
    """

    jaxpr: Jaxpr
    dimensions: tuple[int, ...]

    multiple_results = True

    def infer(self, *avals: Aval) -> tuple[Aval, ...]:
        xs = avals[: len(avals) // 2]
        require(len({x.shape for x in xs}) == 1, self, "operands of one shape", *xs)
        check_axes(self, self.dimensions, xs[0])
        return tuple(x.without(self.dimensions).strip_weak_type() for x in xs)

    def jvp(self, primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
        outs = self(*primals)
        dual = with_tangents(self.jaxpr)
        rows = [self.rows(x, init) for x, init in halves(primals)]
        rows += [self.rows(dx, init) for dx, init in halves(tuple(map(instantiated, tangents)))]
        douts = fold_rows(dual, rows)[len(outs) :]
        return outs, tuple(
            Reshape(o.shape)(d) if is_float(o) else Zero(tangent_like(o))
            for o, d in zip(outs, douts, strict=True)
        )

    def rows(self, x: Any, init: Any) -> Any:
        """Return elements to fold, the initial value among them, as [folded, kept]."""
        kept = tuple(i for i in range(np.ndim(x)) if i not in self.dimensions)
        shape = np.shape(x)
        size = prod(shape[i] for i in kept)
        flat = Reshape((prod(shape[i] for i in self.dimensions), size))(
            Transpose((*self.dimensions, *kept))(x)
        )
        return Concatenate(0)(broadcast_scalar(init, (1, size)), flat)

    def batch(self, args: tuple[Any, ...], dims: tuple[int | None, ...]) -> Any:
        n = len(args) // 2
        xs = mapped_operands(self, args, dims)
        op = Reduce(self.jaxpr, tuple(d + 1 for d in self.dimensions))
        return op(*xs, *args[n:]), (0,) * n

    def lower(self, *operands: kernel.Tensor) -> Any:
        n = len(operands) // 2
        xs, inits = operands[:n], operands[n:]
        ndim, shape = xs[0].ndim, xs[0].shape
        kept = [i for i in range(ndim) if i not in self.dimensions]
        position = {a: k for k, a in enumerate([*kept, *self.dimensions])}
        at = [kernel.index(position[i]) for i in range(ndim)]
        rules, identities = fold_slots(self.jaxpr, [x.dtype for x in xs])
        out_shape = tuple(shape[i] for i in kept)
        node = kernel.Reduce(
            out_shape,
            tuple(shape[i] for i in self.dimensions),
            rules,
            identities,
            (kernel.true(), *(x[at] for x in xs)),
        )
        return joined(self.jaxpr, inits, node.results, out_shape)

    def reference(self, *operands: Any) -> Any:
        n = len(operands) // 2
        xs, inits = map(np.asarray, operands[:n]), operands[n:]
        rows: list[Any] = []
        kept: tuple[int, ...] = ()
        for x, init in zip(xs, inits, strict=True):
            order = [i for i in range(x.ndim) if i not in self.dimensions]
            kept = tuple(x.shape[i] for i in order)
            flat = np.transpose(x, (*self.dimensions, *order)).reshape(
                prod(x.shape[i] for i in self.dimensions), *kept
            )
            rows.append(np.concatenate([np.full((1, *kept), init, x.dtype), flat]))
        return tuple(fold_reference(self.jaxpr, rows))


@final
@operation
class ReduceWindow(Windowed):
    """Fold the elements of each window of arrays by a program of scalars.

    Shapes: x1: T1[s] …, init1: T1[] … -> T1[number of places along each axis] …
    The initial values are folded in once; padding and holes are left out.
    """

    jaxpr: Jaxpr

    multiple_results = True

    def infer(self, *avals: Aval) -> tuple[Aval, ...]:
        xs = avals[: len(avals) // 2]
        require(len({x.shape for x in xs}) == 1, self, "operands of one shape", *xs)
        self.check_window(xs[0])
        return tuple(Aval(self.out_shape(x.shape), x.dtype) for x in xs)

    def jvp(self, primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
        outs = self(*primals)
        axes = self.axes(np.shape(primals[0]))
        shape, size = outs[0].shape, outs[0].size
        dual = with_tangents(self.jaxpr)
        pairs = [*halves(primals), *halves(tuple(map(instantiated, tangents)))]
        padded = [self.padded(x, scalar_like(x, 0)) for x, _ in pairs]
        there = broadcast_scalar(np.asarray(True), np.shape(primals[0]))
        there = self.padded(there, np.asarray(False))
        totals = [broadcast_scalar(init, (size,)) for _, init in pairs]
        n = len(outs)
        for tap in np.ndindex(*self.window_dimensions):
            start = tuple(t * a.dilation for t, a in zip(tap, axes, strict=True))
            limit = tuple(s + (a.out - 1) * a.stride + 1 for s, a in zip(start, axes, strict=True))
            if 0 in shape:
                break
            new = [
                Reshape((size,))(Slice(start, limit, self.window_strides)(x))
                for x in (there, *padded)
            ]
            inside, *new = new
            folded = call_mapped(dual, [*totals[:n], *new[:n], *totals[n:], *new[n:]])
            totals = [SelectN()(inside, t, f) for t, f in zip(totals, folded, strict=True)]
        return outs, tuple(
            Reshape(shape)(d) if is_float(o) else Zero(tangent_like(o))
            for o, d in zip(outs, totals[n:], strict=True)
        )

    def padded(self, x: Any, init: Any) -> Any:
        """Put a value around and between the elements."""
        pairs = zip(self.padding, self.base_dilation, strict=True)
        return Pad(tuple((lo, hi, base - 1) for (lo, hi), base in pairs))(x, init)

    def batch(self, args: tuple[Any, ...], dims: tuple[int | None, ...]) -> Any:
        n = len(args) // 2
        xs = mapped_operands(self, args, dims)
        return self.with_axis()(*xs, *args[n:]), (0,) * n

    def lower(self, *operands: kernel.Tensor) -> Any:
        n = len(operands) // 2
        xs, inits = operands[:n], operands[n:]
        axes = self.axes(xs[0].shape)
        shape = tuple(a.out for a in axes)
        here = [kernel.index(i) for i in range(len(axes))]

        def elements(taps: Sequence[kernel.Scalar]) -> tuple[Any, list[kernel.Scalar]]:
            at, guard = input_positions(axes, here, taps)
            return guard, [kernel.load(x, at, guard) for x in xs]

        if prod(self.window_dimensions) <= UNROLLED_WINDOW:
            total: list[kernel.Scalar] = [init[()] for init in inits]
            for taps in window_taps(axes):
                guard, new = elements(taps)
                folded = scalars_of(self.jaxpr, [*total, *new])
                if guard is not None:
                    pairs = zip(folded, total, strict=True)
                    folded = [kernel.select(guard, f, t) for f, t in pairs]
                total = folded
            return tuple(kernel.Map(shape, t) for t in total)
        rules, identities = fold_slots(self.jaxpr, [x.dtype for x in xs])
        taps = [kernel.index(len(axes) + i) for i in range(len(axes))]
        guard, new = elements(taps)
        bodies = (kernel.true() if guard is None else guard, *new)
        node = kernel.Reduce(shape, self.window_dimensions, rules, identities, bodies)
        return joined(self.jaxpr, inits, node.results, shape)

    def reference(self, *operands: Any) -> Any:
        n = len(operands) // 2
        xs = [np.asarray(x) for x in operands[:n]]
        axes = self.axes(xs[0].shape)
        there = joined_window(all_patches(np.ones(xs[0].shape, bool), axes, False))
        patches = [joined_window(all_patches(x, axes, x.dtype.type(0))) for x in xs]
        shape = there.shape[:-1]
        totals = [np.full(shape, i, x.dtype) for x, i in zip(xs, operands[n:], strict=True)]
        for k in range(there.shape[-1]):
            folded = call_reference(self.jaxpr, [*totals, *(p[..., k] for p in patches)])
            pairs = zip(folded, totals, strict=True)
            totals = [np.where(there[..., k], f, t).astype(t.dtype) for f, t in pairs]
        return tuple(totals)


def halves(values: tuple[Any, ...]) -> list[tuple[Any, Any]]:
    """Pair each operand with its initial value."""
    n = len(values) // 2
    return list(zip(values[:n], values[n:], strict=True))


def is_float(x: Any) -> bool:
    """Tell whether a value has tangents."""
    return tangent_like(x).dtype == x.dtype


def instantiated(tangent: Any) -> Any:
    """Return a tangent as an array; one without tangents as zeros that nothing reads."""
    if not is_zero(tangent):
        return tangent
    aval = tangent.aval
    return zeros(aval)


def fold_rows(dual: Jaxpr, rows: list[Any]) -> list[Any]:
    """Fold [n, size] arrays of primals and tangents over their first axis, by halves."""
    k = len(rows) // 2
    while (n := rows[0].shape[0]) > 1:
        half, size = n // 2, rows[0].shape[1]

        def part(x: Any, start: int, stop: int) -> Any:
            return Slice((start, 0), (stop, x.shape[1]))(x)

        left = [Reshape((half * size,))(part(x, 0, half)) for x in rows]
        right = [Reshape((half * size,))(part(x, half, 2 * half)) for x in rows]
        folded = call_mapped(dual, [*left[:k], *right[:k], *left[k:], *right[k:]])
        folded = [Reshape((half, size))(x) for x in folded]
        if n % 2:
            pairs = zip(folded, rows, strict=True)
            folded = [Concatenate(0)(f, part(x, 2 * half, n)) for f, x in pairs]
        rows = folded
    return rows


def joined(
    jaxpr: Jaxpr, inits: Sequence[Any], results: Sequence[Any], shape: tuple[int, ...]
) -> tuple[kernel.Tensor, ...]:
    """Combine initial values with what was folded, where anything was."""
    here = [kernel.index(i) for i in range(len(shape))]
    first = [init[()] for init in inits]
    filled, *folded = (r[here] for r in results)
    combined = scalars_of(jaxpr, [*first, *folded])
    return tuple(
        kernel.Map(shape, kernel.select(filled, c, i)) for c, i in zip(combined, first, strict=True)
    )


def mapped_operands(op: Op, args: tuple[Any, ...], dims: tuple[int | None, ...]) -> list[Any]:
    """Return the operands with a first mapped axis; initial values must not be mapped."""
    n = len(args) // 2
    if any(d is not None for d in dims[n:]):
        raise UnsupportedRule(f"{op.name}: vmap over initial values of a general reduction")
    pairs = list(zip(args[:n], dims[:n], strict=True))
    size = next(x.shape[d] for x, d in pairs if d is not None)
    return [broadcast_batch(x, size) if d is None else move_batch_axis(x, d, 0) for x, d in pairs]


def reduce(
    operands: Any,
    init_values: Any,
    computation: Callable[[Any, Any], Any],
    dimensions: Sequence[int],
    out_sharding: Any = None,
) -> Any:
    """Fold an array, or several together, over `dimensions` by `computation(accumulator, element)`.

    `computation` is associative and commutative; for several operands it maps tuples to tuples.
    Shapes: x: T[s], init: T[] -> T[s without dimensions]; sequences give tuples.
    """
    several = isinstance(operands, tuple | list)
    xs = [as_value(x) for x in (operands if several else [operands])]
    inits = initial_values("reduce", xs, init_values if several else [init_values])
    axes = checked_axes("reduce", xs[0], dimensions)
    jaxpr = stage_computation(computation, [x.aval for x in xs], several)
    monoid = monoid_of(jaxpr)
    if monoid is None:
        outs = Reduce(jaxpr, axes)(*xs, *inits)
        return tuple(outs) if several else outs[0]
    out = REDUCTIONS[monoid.name](axes)(xs[0])
    if not is_identity(monoid.name, inits[0], xs[0].dtype):
        out = monoid(inits[0], out)
    return (out,) if several else out


def reduce_window(
    operand: Any,
    init_value: Any,
    computation: Callable[[Any, Any], Any],
    window_dimensions: Sequence[int],
    window_strides: Sequence[int] | None = None,
    padding: Any = "VALID",
    base_dilation: Sequence[int] | None = None,
    window_dilation: Sequence[int] | None = None,
) -> Any:
    """Fold each window of an array, or of several together, by `computation`.

    Shapes: x: T[s], init: T[] -> T[number of places along each axis]; padding is a name or pairs.
    Errors: TypeError unless there are positive window sizes, strides and dilations for each axis.
    """
    several = isinstance(operand, tuple | list)
    xs = [as_value(x) for x in (operand if several else [operand])]
    inits = initial_values("reduce_window", xs, init_value if several else [init_value])
    window = window_fields(
        xs[0].shape, window_dimensions, window_strides, padding, base_dilation, window_dilation
    )
    jaxpr = stage_computation(computation, [x.aval for x in xs], several)
    monoid = monoid_of(jaxpr)
    name = "" if monoid is None else monoid.name
    if name in WINDOWS and is_identity(name, inits[0], xs[0].dtype):
        out = WINDOWS[name](*window)(xs[0])
        return (out,) if several else out
    outs = ReduceWindow(*window, jaxpr)(*xs, *inits)
    return tuple(outs) if several else outs[0]


def window_fields(
    shape: Sequence[int],
    window_dimensions: Sequence[int],
    window_strides: Sequence[int] | None,
    padding: Any,
    base_dilation: Sequence[int] | None,
    window_dilation: Sequence[int] | None,
) -> tuple[Any, Any, Any, Any, Any]:
    """Return the fields of a window operation, defaults and named padding filled in."""
    n, name = len(shape), "reduce_window"
    window = tuple(map(int, window_dimensions))
    require(len(window) == n, name, f"a window of {n} axes for shape {tuple(shape)}", window)
    strides, base, dilation = (
        (1,) * n if values is None else tuple(map(int, values))
        for values in (window_strides, base_dilation, window_dilation)
    )
    for what, values in (("strides", strides), ("dilations", base), ("dilations", dilation)):
        positive = len(values) == n and all(v > 0 for v in values)
        require(positive, name, f"{n} positive {what}", values)
    if isinstance(padding, str):
        reach = [dilated(w, d) for w, d in zip(window, dilation, strict=True)]
        padding = padtype_to_pads(shape, reach, strides, padding)
    return window, strides, canonical_pads(name, padding, n), base, dilation


def reduce_window_shape_tuple(
    operand_shape: Sequence[int],
    window_dimensions: Sequence[int],
    window_strides: Sequence[int],
    padding: Any,
    base_dilation: Sequence[int] | None = None,
    window_dilation: Sequence[int] | None = None,
) -> tuple[int, ...]:
    """Return the number of places of a window along each axis."""
    sizes = (window_dimensions, window_strides, padding, base_dilation, window_dilation)
    return ReduceWindowSum(*window_fields(operand_shape, *sizes)).out_shape(tuple(operand_shape))
