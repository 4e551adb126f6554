"""Random programs of gradax.lax operations, control flow included, as jaxprs.

Floats hold small whole numbers, so that every level must agree to the last bit whatever the order
of a sum; `smooth` programs use elementary functions instead and agree up to rounding.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import ml_dtypes
import numpy as np

from gradax import lax

Array = np.ndarray[Any, Any]
EXACT = ("float32", "float32", "int32", "float64", "int8", "uint8", "bfloat16", "int64", "bool",
         "complex64", "uint32", "float16")  # fmt: skip
SMOOTH = ("float32", "float64")
SIZES = (1, 2, 3, 5, 8, 17)
MOST_ELEMENTS = 700
BOUND = 7


def dtype_of(name: str) -> np.dtype[Any]:
    """Return the dtype of a name."""
    return np.dtype(getattr(ml_dtypes, name, name))


class Generator:
    """Draws operations; what is drawn depends on shapes and dtypes alone."""

    def __init__(self, seed: int, smooth: bool = False) -> None:
        self.rng = np.random.default_rng(seed)
        self.smooth = smooth
        self.depth = 0

    def pick(self, items: Sequence[Any]) -> Any:
        """Return one of the items."""
        return items[int(self.rng.integers(len(items)))]

    def array(self) -> Array:
        """Return an input."""
        shape = tuple(self.pick(SIZES) for _ in range(int(self.rng.integers(0, 4))))
        name = self.pick(SMOOTH if self.smooth else EXACT)
        if self.smooth:
            return np.asarray(self.rng.uniform(-1, 1, shape)).astype(name)
        low = 0 if name[0] == "u" or name == "bool" else -BOUND
        x = self.rng.integers(low, 2 if name == "bool" else BOUND, shape)
        if name == "complex64":
            x = x + 1j * self.rng.integers(-BOUND, BOUND, shape)
        return np.asarray(x).astype(dtype_of(name))

    def inputs(self, n: int) -> list[Array]:
        """Return inputs of a program."""
        return [self.array() for _ in range(n)]

    def run(self, values: Sequence[Any], n_steps: int, n_outputs: int) -> list[Any]:
        """Apply random operations; return some of the values, inputs and repetitions included."""
        made = list(values)
        start = len(made)
        tries = 0
        while len(made) < start + n_steps and tries < 20 * n_steps:
            tries += 1
            out = self.pick(STEPS)(self, made)
            if out is not None and 0 < out.size <= MOST_ELEMENTS and out.ndim <= 5:
                made.append(self.tame(out))
        last = made[-n_outputs:]
        extra = [self.pick(made)] if self.rng.integers(3) == 0 else []
        return [*last, *extra]

    def tame(self, x: Any) -> Any:
        """Keep a value small and exact."""
        kind = x.dtype.kind
        if self.smooth and x.dtype.kind == "f":
            return lax.tanh(x)
        if kind in "iu" or kind == "b":
            return x
        if kind == "c":
            bound = np.float32(BOUND)
            return lax.complex(lax.rem(lax.real(x), bound), lax.rem(lax.imag(x), bound))
        return lax.rem(x, np.asarray(BOUND, x.dtype)[()])

    def alike(self, values: Sequence[Any], x: Any) -> Any:
        """Return a value of the type of x, most often the last that was made."""
        fitting = [y for y in values if y.shape == x.shape and y.dtype == x.dtype]
        return fitting[-1] if self.rng.integers(2) else self.pick(fitting)

    def axis(self, x: Any) -> int | None:
        """Return an axis of x."""
        return int(self.rng.integers(x.ndim)) if x.ndim else None

    def axes(self, x: Any) -> tuple[int, ...]:
        """Return some axes of x."""
        return tuple(a for a in range(x.ndim) if self.rng.integers(2))


Step = Callable[[Generator, list[Any]], Any]


def is_number(x: Any) -> bool:
    """Tell whether a value is ordered and not bool."""
    return x.dtype.kind in "fiuV"


def unary(g: Generator, values: list[Any]) -> Any:
    """A function of one value."""
    x = g.pick(values)
    if x.dtype == np.bool_:
        return lax.bitwise_not(x)
    if g.smooth and x.dtype.kind == "f":
        return g.pick((lax.sin, lax.exp, lax.expm1, lax.logistic, lax.neg, lax.erf))(x)
    names = [lax.neg]
    if x.dtype.kind in "fV":
        names += [lax.floor, lax.abs, lax.sign]
    if x.dtype.kind in "iu":
        names += [lax.bitwise_not, lax.population_count, lax.clz]
    return g.pick(names)(x)


def binary(g: Generator, values: list[Any]) -> Any:
    """A function of two values of one type."""
    x = g.pick(values)
    y = g.alike(values, x)
    if x.dtype == np.bool_:
        return g.pick((lax.bitwise_and, lax.bitwise_or, lax.bitwise_xor))(x, y)
    functions = [lax.add, lax.sub, lax.mul]
    if is_number(x):
        functions += [lax.max, lax.min]
    if x.dtype.kind in "iu":
        functions += [lax.div, lax.rem, lax.shift_left, lax.shift_right_logical]
    return g.pick(functions)(x, y)


def compare(g: Generator, values: list[Any]) -> Any:
    """A comparison."""
    x = g.pick(values)
    if g.smooth or not is_number(x):
        return None
    return g.pick((lax.lt, lax.ge, lax.eq, lax.ne))(x, g.alike(values, x))


def choose(g: Generator, values: list[Any]) -> Any:
    """A selection."""
    masks = [v for v in values if v.dtype == np.bool_]
    if not masks:
        return None
    c = g.pick(masks)
    fitting = [v for v in values if v.shape == c.shape]
    x = g.pick(fitting)
    return lax.select(c, x, g.alike(values, x))


def convert(g: Generator, values: list[Any]) -> Any:
    """Another dtype."""
    x = g.pick(values)
    if g.smooth or x.dtype.kind == "c":
        return None
    return lax.convert_element_type(x, dtype_of(g.pick(EXACT)))


def reduce(g: Generator, values: list[Any]) -> Any:
    """A reduction over some axes."""
    x = g.pick(values)
    axes = g.axes(x)
    if x.dtype == np.bool_:
        return g.pick((lax.reduce_and, lax.reduce_or))(x, axes)
    if x.dtype.kind == "c" or g.smooth:
        return lax.reduce_sum(x, axes)
    return g.pick((lax.reduce_sum, lax.reduce_max, lax.reduce_min))(x, axes)


def arg_extremum(g: Generator, values: list[Any]) -> Any:
    """The position of an extremum."""
    x = g.pick(values)
    axis = g.axis(x)
    if axis is None or g.smooth or x.dtype.kind == "c":
        return None
    return g.pick((lax.argmax, lax.argmin))(x, axis, np.int32)


def cumulate(g: Generator, values: list[Any]) -> Any:
    """A cumulative operation."""
    x = g.pick(values)
    axis = g.axis(x)
    if axis is None or x.dtype.kind not in "fiuV":
        return None
    functions = (lax.cumsum,) if g.smooth else (lax.cumsum, lax.cummax, lax.cummin)
    return g.pick(functions)(x, axis, bool(g.rng.integers(2)))


def reshape(g: Generator, values: list[Any]) -> Any:
    """Another shape of the same size."""
    x = g.pick(values)
    shapes = [(x.size,), (1, *x.shape), (*x.shape, 1)]
    shapes += [(n, x.size // n) for n in (2, 3, 5) if x.size % n == 0]
    if x.ndim > 1:
        shapes.append((x.shape[0] * x.shape[1], *x.shape[2:]))
    return lax.reshape(x, g.pick(shapes))


def transpose(g: Generator, values: list[Any]) -> Any:
    """A permutation of the axes."""
    x = g.pick(values)
    return lax.transpose(x, tuple(int(i) for i in g.rng.permutation(x.ndim)))


def broadcast(g: Generator, values: list[Any]) -> Any:
    """New axes anywhere."""
    x = g.pick(values)
    shape, dims = list(x.shape), list(range(x.ndim))
    at = int(g.rng.integers(x.ndim + 1))
    shape.insert(at, g.pick((1, 2, 3)))
    return lax.broadcast_in_dim(x, tuple(shape), tuple(d + (d >= at) for d in dims))


def cut(g: Generator, values: list[Any]) -> Any:
    """A slice, or an array turned round."""
    x = g.pick(values)
    if not x.ndim or g.rng.integers(3) == 0:
        return lax.rev(x, g.axes(x))
    starts = [int(g.rng.integers(n)) for n in x.shape]
    stops = [int(g.rng.integers(s + 1, n + 1)) for s, n in zip(starts, x.shape, strict=True)]
    return lax.slice(x, starts, stops, [int(g.rng.integers(1, 3)) for _ in starts])


def pad(g: Generator, values: list[Any]) -> Any:
    """Padding: outside, inside, negative."""
    x = g.pick(values)
    width = [tuple(int(v) for v in g.rng.integers((-1, -1, 0), (3, 3, 2))) for _ in x.shape]
    short = any(
        lo + hi + n + max(n - 1, 0) * i < 0 for (lo, hi, i), n in zip(width, x.shape, strict=True)
    )
    return None if short else lax.pad(x, np.asarray(1, x.dtype)[()], width)


def concatenate(g: Generator, values: list[Any]) -> Any:
    """Values one after another."""
    x = g.pick(values)
    axis = g.axis(x)
    if axis is None:
        return None
    return lax.concatenate([x, g.alike(values, x), x][: int(g.rng.integers(1, 4))], axis)


def positions(g: Generator, values: list[Any], n: int) -> Any:
    """Return int32 positions, some of them outside 0 … n-1, as a vector."""
    found = [v for v in values if v.dtype == np.int32 and v.ndim == 1]
    if found and g.rng.integers(2):
        return g.pick(found)
    return lax.sub(lax.iota(np.int32, int(g.rng.integers(1, n + 3))), np.int32(1))


def gather(g: Generator, values: list[Any]) -> Any:
    """Rows at computed positions."""
    x = g.pick(values)
    if not x.ndim:
        return None
    rows = positions(g, values, x.shape[0])
    at = lax.broadcast_in_dim(rows, (*rows.shape, 1), (0,))
    numbers = lax.GatherDimensionNumbers(tuple(range(1, x.ndim)), (0,), (0,))
    mode = g.pick(("clip", "fill"))
    if mode == "fill" and x.dtype.kind in "fcV":
        return lax.gather(x, at, numbers, (1, *x.shape[1:]), mode=mode, fill_value=0)
    return lax.gather(x, at, numbers, (1, *x.shape[1:]), mode=mode)


def scatter(g: Generator, values: list[Any]) -> Any:
    """Rows replaced or added to at computed positions, some of them met twice."""
    x = g.pick(values)
    if not x.ndim:
        return None
    rows = positions(g, values, x.shape[0])
    at = lax.broadcast_in_dim(rows, (*rows.shape, 1), (0,))
    row = lax.index_in_dim(x, 0, 0, False)
    updates = lax.broadcast_in_dim(row, (*rows.shape, *row.shape), tuple(range(1, x.ndim)))
    numbers = lax.ScatterDimensionNumbers(tuple(range(1, x.ndim)), (0,), (0,))
    functions = [lax.scatter]
    if x.dtype != np.bool_:
        functions += [lax.scatter_add]
    return g.pick(functions)(x, at, updates, numbers, mode=g.pick(("clip", "drop")))


def dynamic(g: Generator, values: list[Any]) -> Any:
    """A slice at a computed place, read or replaced."""
    x = g.pick(values)
    scalars = [v for v in values if v.dtype == np.int32 and v.ndim == 0] or [np.int32(1)]
    starts = [g.pick(scalars) for _ in x.shape]
    sizes = [int(g.rng.integers(1, n + 1)) for n in x.shape]
    part = lax.dynamic_slice(x, starts, sizes)
    if g.rng.integers(2):
        return part
    return lax.dynamic_update_slice(x, part, [g.pick(scalars) for _ in x.shape])


def product(g: Generator, values: list[Any]) -> Any:
    """A matrix product."""
    x = g.pick([v for v in values if v.ndim == 2 and v.dtype.kind in "fc"] or [None])
    if x is None:
        return None
    y = g.alike(values, x)
    return lax.dot_general(x, y, (((0,), (0,)), ((), ())))


def sort(g: Generator, values: list[Any]) -> Any:
    """Sorted along an axis."""
    x = g.pick(values)
    axis = g.axis(x)
    return None if axis is None or not is_number(x) else lax.sort(x, axis)


def predicate(g: Generator, values: list[Any]) -> Any:
    """Return a scalar bool made of some value."""
    x = g.pick([v for v in values if is_number(v)] or [lax.full((), 1, np.int32)])
    total = lax.reduce_max(x, tuple(range(x.ndim)))
    return lax.gt(total, np.asarray(2, x.dtype)[()])


def nested(g: Generator, run: Callable[[], Any]) -> Any:
    """Run something that draws inner programs, three levels deep at most."""
    if g.depth >= 3:
        return None
    g.depth += 1
    try:
        return run()
    finally:
        g.depth -= 1


def scan(g: Generator, values: list[Any]) -> Any:
    """A loop over the leading axis of a value, with carries that are swapped and passed on."""
    xs = g.pick([v for v in values if v.ndim] or [None])
    if xs is None:
        return None
    init = (g.pick(values), g.pick(values), g.pick(values))

    def body(carry: Any, x: Any) -> Any:
        made = g.run([*carry, x], 3, 3)
        new = [g.alike([*carry, *made], c) for c in carry]
        return tuple(new), g.pick(made)

    def run() -> Any:
        carry, ys = lax.scan(body, init, xs, reverse=bool(g.rng.integers(2)))
        return g.pick((*carry, ys))

    return nested(g, run)


def while_loop(g: Generator, values: list[Any]) -> Any:
    """A counted loop that ends early by a condition on a carry; sometimes with no trip."""
    init = (lax.full((), int(g.rng.integers(0, 4)), np.int32), g.pick(values), g.pick(values))

    def holds(carry: Any) -> Any:
        return lax.gt(carry[0], np.int32(0))

    def body(carry: Any) -> Any:
        made = g.run(carry, 3, 3)
        rest = [g.alike([*carry[1:], *made], c) for c in carry[1:]]
        return (lax.sub(carry[0], np.int32(1)), *rest)

    return nested(g, lambda: g.pick(lax.while_loop(holds, body, init)))


def cond(g: Generator, values: list[Any]) -> Any:
    """One of two programs."""
    x, y = g.pick(values), g.pick(values)
    p = predicate(g, values)

    def branch(*operands: Any) -> Any:
        made = g.run(operands, 3, 3)
        return g.alike([*operands, *made], operands[0]), g.alike([*operands, *made], operands[1])

    return nested(g, lambda: g.pick(lax.cond(p, branch, lambda *xs: branch(*xs[:2]), x, y)))


STEPS: tuple[Step, ...] = (
    unary, unary, binary, binary, binary, compare, choose, convert, reduce, reduce, arg_extremum,
    cumulate, reshape, reshape, transpose, broadcast, cut, cut, pad, concatenate, gather, scatter,
    dynamic, product, sort, scan, while_loop, cond,
)  # fmt: skip
