"""Random programs that run on NumPy and on gradax alike.

A program is a list of steps; each takes values made before it and makes one more. The same step
runs on `numpy` and on `gradax.numpy`, so that NumPy is the reference.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

Run = Callable[[Any, list[Any]], Any]
FLOATS = ("float32", "float64")
INTS = ("int32", "int8", "uint8", "int64", "uint32")
MOST_ELEMENTS = 600


@dataclass(frozen=True)
class Step:
    """A step: its text, and how a module's functions compute its value from those before it."""

    text: str
    run: Run
    smooth: bool = True


@dataclass
class Program:
    """Inputs and steps; the outputs are the last values."""

    seed: int
    inputs: list[np.ndarray[Any, Any]]
    steps: list[Step]
    n_outputs: int

    def __call__(self, module: Any, *inputs: Any) -> list[Any]:
        """Run the program with the functions of a module."""
        values = list(inputs)
        for step in self.steps:
            values.append(step.run(module, values))
        return values[-self.n_outputs :]

    def __str__(self) -> str:
        lines = [f"seed {self.seed}"]
        lines += [f"v{k}: {x.dtype}{list(x.shape)}" for k, x in enumerate(self.inputs)]
        n = len(self.inputs)
        lines += [f"v{n + k} = {s.text}" for k, s in enumerate(self.steps)]
        return "\n".join(lines)


class Generator:
    """Makes random programs; the values are computed along, so that shapes and ranges are known."""

    def __init__(self, seed: int, dtypes: tuple[str, ...] = (*FLOATS, *INTS, "bool")) -> None:
        self.rng = np.random.default_rng(seed)
        self.seed = seed
        self.dtypes = dtypes
        self.values: list[np.ndarray[Any, Any]] = []
        self.steps: list[Step] = []

    def pick(self, items: Any) -> Any:
        """Return one of the items."""
        return items[int(self.rng.integers(len(items)))]

    def shape(self) -> tuple[int, ...]:
        """Return a random small shape."""
        sizes = (1, 2, 3, 5, 8, 17)
        return tuple(self.pick(sizes) for _ in range(int(self.rng.integers(0, 4))))

    def array(self, shape: tuple[int, ...], dtype: str) -> np.ndarray[Any, Any]:
        """Return a random array."""
        if dtype == "bool":
            return self.rng.random(shape) < 0.5
        if dtype.startswith("float"):
            return np.asarray(self.rng.normal(size=shape)).astype(dtype)
        return np.asarray(self.rng.integers(0 if dtype[0] == "u" else -9, 10, shape)).astype(dtype)

    def program(self, n_inputs: int, n_steps: int, n_outputs: int) -> Program:
        """Return a program."""
        for _ in range(n_inputs):
            self.values.append(self.array(self.shape(), self.pick(self.dtypes)))
        inputs = list(self.values)
        while len(self.steps) < n_steps:
            self.try_step()
        return Program(self.seed, inputs, self.steps, min(n_outputs, n_steps))

    def try_step(self) -> None:
        """Add a random step, unless its value would be too large or not finite."""
        k = int(self.rng.integers(len(self.values)))
        kind = self.pick(KINDS)
        step = kind(self, k)
        if step is None:
            return
        with np.errstate(all="ignore"):
            value = np.asarray(step.run(np, self.values))
        fits = 0 < value.size <= MOST_ELEMENTS and value.ndim <= 4
        if value.dtype.kind == "f":
            fits = fits and bool(np.all(np.isfinite(value))) and float(np.abs(value).max()) < 1e4
        if fits and value.dtype.name in self.dtypes:
            self.steps.append(step)
            self.values.append(value)

    def other(self, k: int) -> int | None:
        """Return a value that broadcasts with value k and has its dtype."""
        x = self.values[k]
        fitting = [
            j
            for j, y in enumerate(self.values)
            if y.dtype == x.dtype and broadcasts(x.shape, y.shape)
        ]
        return self.pick(fitting) if fitting else None

    def axis(self, k: int) -> int | None:
        """Return a random axis of value k."""
        n = self.values[k].ndim
        return int(self.rng.integers(-n, n)) if n else None


def broadcasts(a: tuple[int, ...], b: tuple[int, ...]) -> bool:
    """Tell whether two shapes broadcast."""
    return all(m == n or 1 in (m, n) for m, n in zip(a[::-1], b[::-1], strict=False))


def unary(g: Generator, k: int) -> Step | None:
    """A function of one value."""
    kind = g.values[k].dtype.kind
    names = {
        "f": ("sin", "cos", "tanh", "negative", "abs", "square", "floor", "sign", "exp", "arctan",
              "log1p_abs", "sqrt_abs"),
        "i": ("negative", "abs", "square", "invert", "sign"), "u": ("square", "invert"),
        "b": ("logical_not",),
    }[kind]  # fmt: skip
    name = g.pick(names)
    smooth = name not in ("floor", "sign", "abs", "sqrt_abs", "log1p_abs")
    if name == "log1p_abs":
        return Step(f"log1p(abs(v{k}))", lambda m, v: m.log1p(m.abs(v[k])), smooth)
    if name == "sqrt_abs":
        return Step(f"sqrt(abs(v{k}) + 1)", lambda m, v: m.sqrt(m.abs(v[k]) + 1), smooth)
    return Step(f"{name}(v{k})", lambda m, v: getattr(m, name)(v[k]), smooth)


def binary(g: Generator, k: int) -> Step | None:
    """A function of two values that broadcast."""
    j = g.other(k)
    if j is None:
        return None
    kind = g.values[k].dtype.kind
    names = {
        "f": ("add", "subtract", "multiply", "maximum", "minimum", "arctan2"),
        "i": ("add", "subtract", "multiply", "maximum", "minimum", "bitwise_and", "bitwise_xor"),
        "u": ("add", "subtract", "multiply", "maximum", "bitwise_or"),
        "b": ("logical_and", "logical_or", "logical_xor"),
    }[kind]  # fmt: skip
    name = g.pick(names)
    smooth = name in ("add", "subtract", "multiply")
    return Step(f"{name}(v{k}, v{j})", lambda m, v: getattr(m, name)(v[k], v[j]), smooth)


def compare(g: Generator, k: int) -> Step | None:
    """A comparison."""
    j = g.other(k)
    if j is None:
        return None
    name = g.pick(("less", "greater_equal", "equal", "not_equal"))
    return Step(f"{name}(v{k}, v{j})", lambda m, v: getattr(m, name)(v[k], v[j]), False)


def where(g: Generator, k: int) -> Step | None:
    """A selection."""
    j = g.other(k)
    if j is None:
        return None
    shape = np.broadcast_shapes(g.values[k].shape, g.values[j].shape)
    masks = [
        i for i, c in enumerate(g.values) if c.dtype == np.bool_ and broadcasts(c.shape, shape)
    ]
    if not masks:
        return None
    i = g.pick(masks)
    return Step(f"where(v{i}, v{k}, v{j})", lambda m, v: m.where(v[i], v[k], v[j]), False)


def reduction(g: Generator, k: int) -> Step | None:
    """A reduction along an axis, some, or all."""
    x = g.values[k]
    if x.dtype == np.bool_:
        name: str = g.pick(("any", "all"))
    else:
        name = g.pick(("sum", "max", "min", "prod") if x.size < 20 else ("sum", "max", "min"))
    axis = g.pick((None, g.axis(k)))
    keep = bool(g.rng.integers(2))
    dtype = {"dtype": x.dtype} if name in ("sum", "prod") else {}
    text = f"{name}(v{k}, axis={axis}, keepdims={keep})"
    smooth = name == "sum"
    return Step(
        text, lambda m, v: getattr(m, name)(v[k], axis=axis, keepdims=keep, **dtype), smooth
    )


def cumulative(g: Generator, k: int) -> Step | None:
    """A cumulative sum or extremum position."""
    x, axis = g.values[k], g.axis(k)
    if axis is None or x.dtype == np.bool_:
        return None
    if g.rng.integers(2):
        return Step(f"cumsum(v{k}, {axis})", lambda m, v: m.cumsum(v[k], axis=axis, dtype=x.dtype))
    name = g.pick(("argmax", "argmin"))
    if x.dtype.kind == "f" and has_ties(x, axis):
        return None
    return Step(
        f"{name}(v{k}, {axis})",
        lambda m, v: getattr(m, name)(v[k], axis=axis).astype("int32"),
        False,
    )


def has_ties(x: np.ndarray[Any, Any], axis: int) -> bool:
    """Tell whether rounding could change which of two elements comes first."""
    apart = np.diff(np.sort(x, axis=axis), axis=axis)
    return bool(np.any(apart < 1e-3 * (1 + np.abs(x).max())))


def reshape(g: Generator, k: int) -> Step | None:
    """A reshape to fewer, more or other axes."""
    x = g.values[k]
    shapes: list[tuple[int, ...]] = [(x.size,), (1, *x.shape), (*x.shape, 1)]
    if x.ndim > 1:
        shapes.append((x.shape[0] * x.shape[1], *x.shape[2:]))
    shapes += [(n, x.size // n) for n in (2, 3, 5) if x.size % n == 0]
    shape = g.pick(shapes)
    return Step(f"reshape(v{k}, {shape})", lambda m, v: m.reshape(v[k], shape))


def transpose(g: Generator, k: int) -> Step | None:
    """A permutation of the axes."""
    order = tuple(int(i) for i in g.rng.permutation(g.values[k].ndim))
    return Step(f"transpose(v{k}, {order})", lambda m, v: m.transpose(v[k], order))


def index(g: Generator, k: int) -> Step | None:
    """A slice with steps of either sign, integers and new axes."""
    parts: list[Any] = []
    for n in g.values[k].shape:
        choice = int(g.rng.integers(5))
        if choice == 0:
            parts.append(int(g.rng.integers(-n, n)))
        elif choice == 1:
            parts.append(slice(None, None, -1))
        elif choice == 2:
            parts.append(slice(int(g.rng.integers(0, n)), None, int(g.rng.integers(1, 3))))
        else:
            parts.append(slice(None))
    if g.rng.integers(4) == 0:
        parts.insert(0, None)
    where_ = tuple(parts)
    return Step(f"v{k}[{where_}]", lambda m, v: v[k][where_])


def gather(g: Generator, k: int) -> Step | None:
    """Elements along an axis at fixed places."""
    axis = g.axis(k)
    if axis is None:
        return None
    n = g.values[k].shape[axis]
    places = g.rng.integers(0, n, int(g.rng.integers(1, 6)))
    return Step(
        f"take(v{k}, {places.tolist()}, {axis})", lambda m, v: m.take(v[k], places, axis=axis)
    )


def concatenate(g: Generator, k: int) -> Step | None:
    """Two values one after the other."""
    x, axis = g.values[k], g.axis(k)
    if axis is None:
        return None
    rest = np.delete(x.shape, axis).tolist()
    fitting = [
        j
        for j, y in enumerate(g.values)
        if y.dtype == x.dtype and y.ndim == x.ndim and np.delete(y.shape, axis).tolist() == rest
    ]
    j = g.pick(fitting)
    return Step(
        f"concatenate([v{k}, v{j}], {axis})", lambda m, v: m.concatenate([v[k], v[j]], axis=axis)
    )


def pad(g: Generator, k: int) -> Step | None:
    """Zeros around a value."""
    x = g.values[k]
    if x.dtype == np.bool_:
        return None
    width = [(int(g.rng.integers(0, 3)), int(g.rng.integers(0, 3))) for _ in x.shape]
    if not width:
        return None
    return Step(f"pad(v{k}, {width})", lambda m, v: m.pad(v[k], width))


def matmul(g: Generator, k: int) -> Step | None:
    """A matrix product."""
    x = g.values[k]
    if x.ndim < 1 or x.dtype.kind != "f":
        return None
    fitting = [
        j
        for j, y in enumerate(g.values)
        if y.dtype == x.dtype and 1 <= y.ndim <= 2 and y.shape[-min(y.ndim, 2)] == x.shape[-1]
    ]
    if not fitting:
        return None
    j = g.pick(fitting)
    return Step(f"matmul(v{k}, v{j})", lambda m, v: m.matmul(v[k], v[j]))


def sort(g: Generator, k: int) -> Step | None:
    """Sorted along an axis."""
    axis = g.axis(k)
    if axis is None or g.values[k].dtype == np.bool_:
        return None
    return Step(f"sort(v{k}, {axis})", lambda m, v: m.sort(v[k], axis=axis), False)


def cast(g: Generator, k: int) -> Step | None:
    """Another dtype, to which the conversion is the same everywhere."""
    x = g.values[k]
    targets = {
        "f": [d for d in g.dtypes if d.startswith("float")],
        "i": [d for d in g.dtypes if d != "bool"],
        "u": [d for d in g.dtypes if d != "bool"],
        "b": list(g.dtypes),
    }[x.dtype.kind]
    to = g.pick(targets)
    return Step(f"v{k}.astype({to})", lambda m, v: v[k].astype(to))


def scalar(g: Generator, k: int) -> Step | None:
    """Arithmetic with a Python number."""
    kind = g.values[k].dtype.kind
    if kind == "b":
        return None
    number: Any = int(g.rng.integers(1, 4)) if kind != "f" else round(float(g.rng.normal()), 2)
    name = g.pick(("add", "multiply", "subtract"))
    return Step(f"{name}(v{k}, {number})", lambda m, v: getattr(m, name)(v[k], number))


KINDS = (
    unary, unary, unary, binary, binary, binary, compare, where, where, reduction, reduction,
    cumulative, reshape, transpose, index, gather, concatenate, pad, matmul, sort, cast, scalar,
)  # fmt: skip


def tolerance(dtype: np.dtype[Any]) -> tuple[float, float]:
    """Return relative and absolute tolerance: sums are taken in another order than NumPy's."""
    if dtype == np.float32:
        return 2e-4, 2e-3
    return (1e-9, 1e-8) if dtype == np.float64 else (0.0, 0.0)
