"""Reductions over sliding windows, and the choice of elements that differentiates max and min."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product
from math import prod
from typing import Any, ClassVar, final

import numpy as np

from gradax import kernel
from gradax.core.aval import Aval
from gradax.core.op import Op, operation
from gradax.core.tangent import Zero, is_zero
from gradax.errors import require
from gradax.kernel.libraries import dtype_code, has_dtype_code
from gradax.lax.computation import MONOIDS, highest, lowest
from gradax.lax.conv_shapes import Pads, WindowAxis
from gradax.lax.families import NUMBER, REAL, check_dtype, tangent_like
from gradax.lax.patches import all_patches, input_positions, nearest_positions, table
from gradax.lax.shapes import accumulation_dtype, broadcast_batch, move_batch_axis
from gradax.records import replace

Ints = tuple[int, ...]

# Windows of up to so many elements are written out, so that they join the loops around them.
UNROLLED_WINDOW = 16


@operation
class Windowed(Op):
    """An operation over the windows of arrays of one shape."""

    window_dimensions: Ints
    window_strides: Ints
    padding: Pads
    base_dilation: Ints
    window_dilation: Ints

    def axes(self, shape: Ints) -> list[WindowAxis]:
        """Return how the window moves along each axis of an array."""
        sizes = (self.window_dimensions, self.window_strides, self.padding)
        rows = zip(shape, *sizes, self.base_dilation, self.window_dilation, strict=True)
        return [WindowAxis(n, w, s, lo, hi, b, d) for n, w, s, (lo, hi), b, d in rows]

    def check_window(self, x: Aval) -> None:
        """Raise a ShapeError unless the window has positive sizes for each axis of x."""
        for what, values in (
            ("window dimensions", self.window_dimensions),
            ("window strides", self.window_strides),
            ("base dilations", self.base_dilation),
            ("window dilations", self.window_dilation),
        ):
            fits = len(values) == x.ndim and all(v > 0 for v in values)
            require(fits, self, f"{x.ndim} positive {what} for {x}", values)
        require(len(self.padding) == x.ndim, self, f"{x.ndim} paddings for {x}", self.padding)

    def out_shape(self, shape: Ints) -> Ints:
        """Return the number of places of the window along each axis."""
        return tuple(a.out for a in self.axes(shape))

    def with_axis(self) -> Any:
        """Return the operation for arrays with one more, first, axis."""
        return replace(
            self,
            window_dimensions=(1, *self.window_dimensions),
            window_strides=(1, *self.window_strides),
            padding=((0, 0), *self.padding),
            base_dilation=(1, *self.base_dilation),
            window_dilation=(1, *self.window_dilation),
        )

    def batch(self, args: tuple[Any, ...], dims: tuple[int | None, ...]) -> Any:
        size = next(x.shape[d] for x, d in zip(args, dims, strict=True) if d is not None)
        aligned = [
            broadcast_batch(x, size) if d is None else move_batch_axis(x, d, 0)
            for x, d in zip(args, dims, strict=True)
        ]
        return self.with_axis()(*aligned), 0

    def transposed(self, shape: Ints) -> ReduceWindowSum:
        """Return the sum over all places that see an element."""
        axes = [a.transposed() for a in self.axes(shape)]
        return ReduceWindowSum(
            self.window_dimensions,
            tuple(a.stride for a in axes),
            tuple((a.before, a.after) for a in axes),
            tuple(a.base_dilation for a in axes),
            self.window_dilation,
        )


def window_taps(axes: Sequence[WindowAxis]) -> list[list[kernel.Scalar]]:
    """Return the indices of each element of a window, as constants."""
    places = product(*(range(a.window) for a in axes))
    return [[kernel.const(p, kernel.INT) for p in place] for place in places]


def joined_window(patches: Any) -> Any:
    """Return patches [*places, *window] with the axes of the window joined."""
    n = patches.ndim // 2
    return patches.reshape(*patches.shape[:n], prod(patches.shape[n:]))


@operation
class WindowReduction(Windowed):
    """Fold the elements of each window by a function with an identity, which is also the padding.

    Shapes: x: T[s] -> T[number of places along each axis].
    """

    fn: ClassVar[str]
    numpy: ClassVar[Any]
    accepts: ClassVar[str]

    def infer(self, *avals: Aval) -> Aval:
        (x,) = avals
        check_dtype(self, self.accepts, x)
        self.check_window(x)
        return x.update(shape=self.out_shape(x.shape))

    def lower(self, *operands: kernel.Tensor) -> Any:
        (x,) = operands
        axes = self.axes(x.shape)
        shape = tuple(a.out for a in axes)
        wide = accumulation_dtype(x.dtype)
        fn = {"max": "or", "min": "and"}[self.fn] if x.dtype == np.bool_ else self.fn
        identity = kernel.const(MONOIDS[self.fn](x.dtype), wide)
        here = [kernel.index(i) for i in range(x.ndim)]

        def element(taps: Sequence[kernel.Scalar]) -> kernel.Scalar:
            positions, guard = input_positions(axes, here, taps)
            value = kernel.convert(kernel.load(x, positions, guard), wide)
            if guard is None or self.fn == "add":
                return value
            return kernel.select(guard, value, identity)

        if prod(self.window_dimensions) <= UNROLLED_WINDOW:
            first, *rest = (element(taps) for taps in window_taps(axes))
            for value in rest:
                first = kernel.apply(fn, first, value)
            return kernel.Map(shape, kernel.convert(first, x.dtype))
        if has_dtype_code(x.dtype) and x.dtype != np.bool_:
            code = {"add": 0, "max": 2, "min": 3}[self.fn]
            params = [dtype_code(x.dtype), code, x.ndim, *(v for row in table(axes) for v in row)]
            return kernel.one_result(
                kernel.Library("reduce_window", (x,), [(shape, x.dtype)], params)
            )
        body = element([kernel.index(x.ndim + i) for i in range(x.ndim)])
        rule = kernel.apply(fn, kernel.slot(0, wide), kernel.slot(1, wide))
        node = kernel.Reduce(shape, self.window_dimensions, (rule,), (identity,), (body,))
        return kernel.cast(kernel.one_result(node), x.dtype)

    def reference(self, *operands: Any) -> Any:
        x = np.asarray(operands[0])
        identity = np.asarray(MONOIDS[self.fn](x.dtype)).astype(x.dtype)
        patches = all_patches(x, self.axes(x.shape), identity)
        flat = joined_window(patches).astype(accumulation_dtype(x.dtype))
        with np.errstate(all="ignore"):
            return self.numpy.reduce(flat, axis=-1, dtype=flat.dtype).astype(x.dtype)


@final
@operation
class ReduceWindowSum(WindowReduction):
    """The sum of each window; half-precision sums are accumulated in float32."""

    fn = "add"
    numpy = np.add
    accepts = NUMBER

    def jvp(self, primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
        return self(primals[0]), self(tangents[0])

    def transpose(self, ct: Any, *operands: Any) -> Any:
        return self.transposed(operands[0].aval.shape)(ct)


@operation
class WindowExtremum(WindowReduction):
    """The best element of each window; its derivative is that of the first of equals."""

    accepts = REAL
    select_prim: ClassVar[str]

    def jvp(self, primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
        (x,), (dx,) = primals, tangents
        return self(x), SelectAndGatherAdd(*window_of(self), self.select_prim)(dx, x)


def window_of(op: Windowed) -> tuple[Ints, Ints, Pads, Ints, Ints]:
    """Return the fields that say how the window moves."""
    sizes = (op.window_dimensions, op.window_strides, op.padding)
    return (*sizes, op.base_dilation, op.window_dilation)


@final
@operation
class ReduceWindowMax(WindowExtremum):
    """The largest element of each window; NaN if there is one."""

    fn = "max"
    numpy = np.maximum
    select_prim = "ge"


@final
@operation
class ReduceWindowMin(WindowExtremum):
    """The smallest element of each window; NaN if there is one."""

    fn = "min"
    numpy = np.minimum
    select_prim = "le"


@operation
class Selection(Windowed):
    """An operation on the element that each window of an array selects.

    `select_prim`: 'ge' for the largest, 'le' for the smallest; the first of equals or first NaN.
    """

    select_prim: str

    def chosen(
        self, x: kernel.Tensor, of: Callable[[list[kernel.Scalar], Any], kernel.Scalar]
    ) -> kernel.Tensor:
        """Return, for each window of x, the value of `of(indices, guard)` at its chosen element."""
        axes = self.axes(x.shape)
        here = [kernel.index(i) for i in range(x.ndim)]
        worst = (lowest if self.select_prim == "ge" else highest)(x.dtype)
        shape = tuple(a.out for a in axes)

        def candidate(taps: Sequence[kernel.Scalar]) -> tuple[Any, Any, Any]:
            positions, guard = nearest_positions(axes, here, taps)
            return (
                x[positions] if guard is None else kernel.load(x, positions, guard),
                (kernel.true() if guard is None else guard),
                of(positions, guard),
            )

        if prod(self.window_dimensions) <= UNROLLED_WINDOW:
            first, *rest = (candidate(taps) for taps in window_taps(axes))
            value, there, result = first
            for v, t, r in rest:
                take = t & (~there | self.better(value, v))
                value, result = kernel.select(take, v, value), kernel.select(take, r, result)
                there = there | t
            return kernel.Map(shape, result)
        taps = [kernel.index(x.ndim + i) for i in range(x.ndim)]
        value, there, result = candidate(taps)
        order = kernel.flat_index(taps, self.window_dimensions)
        types = (value.dtype, kernel.BOOL, kernel.INT, result.dtype)
        a = [kernel.slot(i, t) for i, t in enumerate(types)]
        b = [kernel.slot(4 + i, t) for i, t in enumerate(types)]
        equal = ~self.better(a[0], b[0]) & ~self.better(b[0], a[0])
        wins = self.better(a[0], b[0]) | (equal & kernel.apply("lt", b[2], a[2]))
        take = b[1] & (~a[1] | wins)
        rules = [kernel.select(take, y, x_) for x_, y in zip(a, b, strict=True)]
        rules[1] = a[1] | b[1]
        values = (worst, False, np.iinfo(np.int64).max, 0)
        inits = [kernel.const(v, t) for v, t in zip(values, types, strict=True)]
        node = kernel.Reduce(
            shape, self.window_dimensions, rules, inits, (value, there, order, result)
        )
        return node.results[3]

    def better(self, old: kernel.Scalar, new: kernel.Scalar) -> kernel.Scalar:
        """Return whether the new element beats the old one."""
        wins = kernel.apply("gt" if self.select_prim == "ge" else "lt", new, old)
        if new.dtype.kind in "fV":
            wins = wins | (kernel.apply("ne", new, new) & kernel.apply("eq", old, old))
        return wins

    def chosen_places(self, x: Any) -> Any:
        """Return the row-major position of each window's element with NumPy, -1 where none is."""
        axes = self.axes(x.shape)
        places = all_patches(np.arange(x.size).reshape(x.shape), axes, -1)
        flat = joined_window(places)
        values = np.append(x.reshape(-1), x.dtype.type(0))[flat]
        worst = (lowest if self.select_prim == "ge" else highest)(x.dtype)
        extremum = np.maximum if self.select_prim == "ge" else np.minimum
        values = np.where(flat < 0, np.asarray(worst).astype(x.dtype), values)
        best = extremum.reduce(values, axis=-1, keepdims=True)
        is_best = (values == best) | ((values != values) & (best != best))
        first = np.argmax(is_best & (flat >= 0), axis=-1)
        return np.take_along_axis(flat, first[..., None], -1)[..., 0]

    def printed_params(self) -> dict[str, Any]:
        shown = self.params
        for name in ("base_dilation", "window_dilation"):
            if all(d == 1 for d in shown[name]) and isinstance(self, SelectAndScatterAdd):
                del shown[name]
        return shown

    def jvp(self, primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
        out = self(*primals)
        if is_zero(tangents[0]):
            return out, Zero(tangent_like(out))
        return out, self(tangents[0], primals[1])


@final
@operation
class SelectAndGatherAdd(Selection):
    """Take from `tangents` the element that each window of `operand` selects.

    Shapes: tangents: T[s], operand: T[s] -> T[number of places along each axis].
    """

    def infer(self, *avals: Aval) -> Aval:
        tangents, operand = avals
        require(tangents.shape == operand.shape, self, "operands of one shape", *avals)
        self.check_window(operand)
        return tangents.update(shape=self.out_shape(operand.shape))

    def transpose(self, ct: Any, *operands: Any) -> Any:
        _, x = operands
        scatter = SelectAndScatterAdd(*window_of(self), self.select_prim)
        return scatter(ct, x), None

    def lower(self, *operands: kernel.Tensor) -> Any:
        tangents, x = operands
        return self.chosen(x, lambda at, guard: kernel.load(tangents, at, guard))

    def reference(self, *operands: Any) -> Any:
        tangents, x = map(np.asarray, operands)
        places = self.chosen_places(x)
        return np.append(tangents.reshape(-1), tangents.dtype.type(0))[places]


@final
@operation
class SelectAndScatterAdd(Selection):
    """Add each element of `source` to where its window of `operand` selects.

    Shapes: source: T[number of places along each axis], operand: T[s] -> T[s].
    """

    def infer(self, *avals: Aval) -> Aval:
        source, operand = avals
        self.check_window(operand)
        places = self.out_shape(operand.shape)
        require(source.shape == places, self, f"a source of shape {places}", source)
        return source.update(shape=operand.shape)

    def transpose(self, ct: Any, *operands: Any) -> Any:
        return SelectAndGatherAdd(*window_of(self), self.select_prim)(ct, operands[1]), None

    def lower(self, *operands: kernel.Tensor) -> Any:
        source, x = operands
        axes = self.axes(x.shape)
        none = kernel.const(-1, kernel.INT)

        def place(at: list[kernel.Scalar], guard: Any) -> kernel.Scalar:
            flat = kernel.flat_index(at, x.shape)
            return flat if guard is None else kernel.select(guard, flat, none)

        chosen = self.chosen(x, place)
        n_seen = [-(-a.window // a.stride) for a in axes]
        plain = all(a.base_dilation == a.dilation == 1 and a.before >= 0 for a in axes)
        if plain and prod(n_seen) <= UNROLLED_WINDOW:
            return kernel.Map(x.shape, gathered(source, chosen, axes, n_seen, x.shape))
        here = tuple(map(kernel.index, range(source.ndim)))
        where, zero = chosen[here], kernel.const(0, source.dtype)
        node = kernel.Update(
            kernel.compute(x.shape, lambda *i: zero),
            source.shape,
            kernel.unflat_index(where, x.shape),
            source[here],
            kernel.apply("ge", where, 0),
            kernel.slot(0, source.dtype) + kernel.slot(1, source.dtype),
        )
        return kernel.one_result(node)

    def reference(self, *operands: Any) -> Any:
        source, x = map(np.asarray, operands)
        places = self.chosen_places(x)
        out = np.zeros(x.size, accumulation_dtype(source.dtype))
        np.add.at(out, places[places >= 0], source[places >= 0].astype(out.dtype))
        return out.reshape(x.shape).astype(source.dtype)


def gathered(
    source: kernel.Tensor,
    chosen: kernel.Tensor,
    axes: Sequence[WindowAxis],
    n_seen: Sequence[int],
    shape: Ints,
) -> kernel.Scalar:
    """Return the sum, at an element, of the source over the windows that chose it."""
    here = [kernel.index(i) for i in range(len(shape))]
    mine = kernel.flat_index(here, shape)
    wide = accumulation_dtype(source.dtype)
    total: kernel.Scalar | None = None
    for back in product(*map(range, n_seen)):
        guard: kernel.Scalar | None = None
        at: list[kernel.Scalar] = []
        for axis, i, k in zip(axes, here, back, strict=True):
            place = (i + axis.before) / axis.stride - k
            least, most = (
                axis.before // axis.stride - k,
                (axis.n - 1 + axis.before) // axis.stride - k,
            )
            if least < 0 or most >= axis.out:
                guard = kernel.both(guard, kernel.in_range(place, axis.out))
                place = kernel.clamp(place, 0, axis.out - 1)
            at.append(place)
        hit = kernel.apply("eq", chosen[at], mine)
        hit = hit if guard is None else hit & guard
        value = kernel.convert(source[at], wide)
        term = kernel.select(hit, value, kernel.const(0, wide))
        total = term if total is None else total + term
    assert total is not None
    return kernel.convert(total, source.dtype)
