"""Kernel expressions: what an operation computes, element by element.

Two layers, both immutable.

*Scalars* say how one element is computed. They are interned, so that equal expressions are one
object and sharing costs nothing. `Index(axis)` is the position (int64) on an axis of the enclosing
index space. `Load` reads an element of a tensor; where its guard is false it reads zero and touches
no memory; indices must be inside the tensor wherever the guard holds. Integer arithmetic wraps;
division and remainder of integers truncate, and x/0 = -1, x%0 = x, INT_MIN/-1 = INT_MIN. `min` and
`max` of floats give NaN when either operand is. `convert` from float to integer saturates, NaN
gives 0.

*Tensors* say how an array is computed from others: a `Map` evaluates a scalar over its own index
space; a `Node` has one or more results. The tensors reachable from a program's outputs are its
graph.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import TYPE_CHECKING, Any, final

import numpy as np

from gradax.sizes import Size, is_open

INT = np.dtype(np.int64)
BOOL = np.dtype(np.bool_)

Shape = tuple[int, ...]
# Costs are those of trees: without sharing they may grow beyond any bound.
MOST_COST = 1 << 40


class Scalar:
    """Base of scalar expressions: a dtype, the axes it depends on (a bit set), a rough cost."""

    __slots__ = ("dtype", "axes", "cost")

    dtype: np.dtype[Any]
    axes: int
    cost: int

    if TYPE_CHECKING:  # `kernel.build` gives scalars Python's operators

        def __add__(self, other: Any) -> Scalar: ...
        def __radd__(self, other: Any) -> Scalar: ...
        def __sub__(self, other: Any) -> Scalar: ...
        def __rsub__(self, other: Any) -> Scalar: ...
        def __mul__(self, other: Any) -> Scalar: ...
        def __rmul__(self, other: Any) -> Scalar: ...
        def __truediv__(self, other: Any) -> Scalar: ...
        def __rtruediv__(self, other: Any) -> Scalar: ...
        def __mod__(self, other: Any) -> Scalar: ...
        def __and__(self, other: Any) -> Scalar: ...
        def __or__(self, other: Any) -> Scalar: ...
        def __xor__(self, other: Any) -> Scalar: ...
        def __lshift__(self, other: Any) -> Scalar: ...
        def __rshift__(self, other: Any) -> Scalar: ...
        def __lt__(self, other: Any) -> Scalar: ...
        def __le__(self, other: Any) -> Scalar: ...
        def __gt__(self, other: Any) -> Scalar: ...
        def __ge__(self, other: Any) -> Scalar: ...
        def __neg__(self) -> Scalar: ...
        def __invert__(self) -> Scalar: ...


class Interned:
    """The table of scalars, and of what is made of them alone; emptied between programs."""

    def __init__(self) -> None:
        self.table: dict[Any, Any] = {}

    def get(self, key: Any, make: Callable[[], Any]) -> Any:
        """Return what belongs to `key`, made on first use."""
        found = self.table.get(key)
        if found is None:
            found = self.table[key] = make()
        return found

    def trim(self, most: int = 200_000) -> None:
        """Forget all scalars when there are more than `most` (they only cost sharing)."""
        if len(self.table) > most:
            self.table.clear()


interned = Interned()


@final
class Const(Scalar):
    """A constant; `value` is a Python bool, int, float or complex, or the size of an open axis."""

    __slots__ = ("value",)
    value: Any


@final
class Index(Scalar):
    """The position on an axis of the index space."""

    __slots__ = ("axis",)
    axis: int


@final
class Slot(Scalar):
    """An operand of a combining function: 0 … n-1 the accumulators, n … 2n-1 the new elements."""

    __slots__ = ("position",)
    position: int


@final
class Load(Scalar):
    """An element of `source`; zero where `guard` is there and false."""

    __slots__ = ("source", "indices", "guard")
    source: Tensor
    indices: tuple[Scalar, ...]
    guard: Scalar | None


@final
class Apply(Scalar):
    """A function of scalars; `kernel.functions` says which there are and what they mean."""

    __slots__ = ("fn", "args")
    fn: str
    args: tuple[Scalar, ...]


def const(value: Any, dtype: Any) -> Const:
    """Make a constant of `dtype`; a size that is not one of `INT` is converted to it."""
    dtype = np.dtype(dtype)
    if type(value) is Size:
        if dtype != INT:
            return make_apply("convert", (const(value, INT),), dtype, 1)  # type: ignore[return]
        python: Any = value
        key: Any = (Const, value)
    else:
        python = value if fits(value, dtype) else plain(value, dtype)
        key = (Const, python if type(python) is int else repr(python), dtype)
    node = interned.table.get(key)
    if node is None:
        node = interned.table[key] = Const()
        node.value, node.dtype, node.axes, node.cost = python, dtype, 0, 0
    return node


def fits(value: Any, dtype: np.dtype[Any]) -> bool:
    """Tell at once, for the most common values, that a constant is as it should be."""
    if type(value) is int:
        bound = 1 << 62 if dtype == INT else 1 << 7
        return dtype.kind == "i" and -bound <= value < bound
    return type(value) is bool and dtype == BOOL


def plain(value: Any, dtype: np.dtype[Any]) -> Any:
    """Return a constant as a Python number, rounded to `dtype`."""
    with np.errstate(all="ignore"):
        item = np.asarray(value).astype(dtype)
    if dtype == BOOL:
        return bool(item)
    if dtype.kind in "iu" or dtype.name in ("int4", "uint4", "int2", "uint2"):
        return int(item)
    return complex(item) if dtype.kind == "c" else float(item)


def index(axis: int) -> Index:
    """Make the position on `axis`."""

    def make() -> Index:
        node = Index()
        node.axis, node.dtype, node.axes, node.cost = axis, INT, 1 << axis, 0
        return node

    return interned.get((Index, axis), make)


def slot(position: int, dtype: Any) -> Slot:
    """Make an operand of a combining function."""

    def make() -> Slot:
        node = Slot()
        node.position, node.dtype, node.axes, node.cost = position, np.dtype(dtype), 0, 0
        return node

    return interned.get((Slot, position, np.dtype(dtype)), make)


def load(source: Tensor, indices: Sequence[Scalar], guard: Scalar | None = None) -> Load:
    """Make the element of `source` at `indices`."""
    indices = tuple(indices)
    assert len(indices) == len(source.shape), (source.shape, indices)
    key = (Load, source, indices, guard)
    node = interned.table.get(key)
    if node is None:
        node = interned.table[key] = Load()
        node.source, node.indices, node.guard, node.dtype = source, indices, guard, source.dtype
        node.axes, node.cost = 0 if guard is None else guard.axes, 1
        for i in indices:
            node.axes |= i.axes
            node.cost += i.cost
    return node


def make_apply(fn: str, args: tuple[Scalar, ...], dtype: np.dtype[Any], cost: int) -> Apply:
    """Make a function's application as it stands; `kernel.build.apply` simplifies it first."""
    key = (Apply, fn, args, dtype)
    node = interned.table.get(key)
    if node is None:
        node = interned.table[key] = Apply()
        node.fn, node.args, node.dtype, axes = fn, args, dtype, 0
        for a in args:
            axes |= a.axes
            cost += a.cost
        node.axes, node.cost = axes, min(cost, MOST_COST)
    return node


class Tensor:
    """Base of array expressions."""

    __slots__ = ("shape", "dtype", "__weakref__")

    shape: Shape
    dtype: np.dtype[Any]

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """The number of elements."""
        return prod(self.shape)

    @property
    def nbytes(self) -> int:
        """The bytes of the dense array."""
        return prod(self.shape) * self.dtype.itemsize

    def __getitem__(self, indices: Sequence[Scalar]) -> Load:
        return load(self, indices)


@final
class Input(Tensor):
    """An operand of the program, in memory."""

    __slots__ = ("position",)

    def __init__(self, shape: Shape, dtype: Any, position: int) -> None:
        self.shape, self.dtype, self.position = shape, np.dtype(dtype), position


@final
class Map(Tensor):
    """`body` evaluated at each point of `shape`."""

    __slots__ = ("body",)

    def __init__(self, shape: Shape, body: Scalar) -> None:
        assert body.axes >> len(shape) == 0, "the body depends on axes that the shape has not"
        self.shape, self.dtype, self.body = tuple(shape), body.dtype, body


@final
class View(Tensor):
    """The same bytes, row-major, as another shape (and a dtype of the same total size)."""

    __slots__ = ("operand",)

    def __init__(self, operand: Tensor, shape: Shape, dtype: Any = None) -> None:
        self.operand, self.shape = operand, tuple(shape)
        self.dtype = operand.dtype if dtype is None else np.dtype(dtype)
        assert self.nbytes == operand.nbytes, (operand.shape, shape)


@final
class Result(Tensor):
    """One of the results of a node."""

    __slots__ = ("node", "position")

    def __init__(self, node: Node, position: int, shape: Shape, dtype: Any) -> None:
        self.node, self.position = node, position
        self.shape, self.dtype = tuple(shape), np.dtype(dtype)


class Node:
    """Base of what has several results; `results` are its tensors."""

    __slots__ = ("results", "__weakref__")

    results: tuple[Result, ...]

    def set_results(self, types: Sequence[tuple[Shape, Any]]) -> None:
        """Make the result tensors."""
        self.results = tuple(Result(self, i, s, d) for i, (s, d) in enumerate(types))


@final
class Reduce(Node):
    """Fold each of `bodies` over the trailing `extents` of the space `shape + extents`.

    `combine` (over slots) is associative and commutative up to rounding; `inits` are its
    identities. The order of combination is not defined, but is the same from run to run.
    """

    __slots__ = ("shape", "extents", "combine", "inits", "bodies")

    def __init__(
        self,
        shape: Shape,
        extents: Shape,
        combine: Sequence[Scalar],
        inits: Sequence[Const],
        bodies: Sequence[Scalar],
    ) -> None:
        self.shape, self.extents = tuple(shape), tuple(extents)
        self.combine, self.inits, self.bodies = tuple(combine), tuple(inits), tuple(bodies)
        self.set_results([(self.shape, b.dtype) for b in bodies])


@final
class Prefix(Node):
    """Inclusive prefix combination of `body` along `axis` of `shape`, from the end if `reverse`."""

    __slots__ = ("shape", "axis", "reverse", "combine", "init", "body")

    def __init__(
        self, shape: Shape, axis: int, reverse: bool, combine: Scalar, init: Const, body: Scalar
    ) -> None:
        self.shape, self.axis, self.reverse = tuple(shape), axis, reverse
        self.combine, self.init, self.body = combine, init, body
        self.set_results([(self.shape, body.dtype)])


@final
class Update(Node):
    """`base` with elements replaced: for each point of `space`, where `guard` holds,
    `out[indices] = combine(out[indices], value)` (slot 0 the old element, slot 1 the value).

    Points are taken in row-major order unless `unique` promises that no element is met twice or
    `combine` is commutative.
    """

    __slots__ = ("base", "space", "indices", "value", "guard", "combine", "unique")

    def __init__(
        self,
        base: Tensor,
        space: Shape,
        indices: Sequence[Scalar],
        value: Scalar,
        guard: Scalar | None = None,
        combine: Scalar | None = None,
        unique: bool = False,
    ) -> None:
        self.base, self.space, self.indices = base, tuple(space), tuple(indices)
        self.value, self.guard, self.unique = value, guard, unique
        self.combine = slot(1, base.dtype) if combine is None else combine
        self.set_results([(base.shape, base.dtype)])


@final
class Join(Node):
    """The `parts` one after another along `axis`."""

    __slots__ = ("axis", "parts")

    def __init__(self, axis: int, parts: Sequence[Tensor]) -> None:
        self.axis, self.parts = axis, tuple(parts)
        shape = list(parts[0].shape)
        shape[axis] = sum(p.shape[axis] for p in parts)
        self.set_results([(tuple(shape), parts[0].dtype)])


@final
class Library(Node):
    """A kernel of the runtime, by name, with dense operands and integer parameters."""

    __slots__ = ("name", "operands", "params")

    def __init__(
        self,
        name: str,
        operands: Sequence[Tensor],
        results: Sequence[tuple[Shape, Any]],
        params: Sequence[int],
    ) -> None:
        self.name, self.operands = name, tuple(operands)
        self.params = tuple(p if is_open(p) else int(p) for p in params)
        self.set_results(results)


@final
class Program(Node):
    """Inner programs under native control flow.

    kind 'call':   results = programs[0](operands)
    kind 'branch': operands[0] is an int32 index, clamped; results = programs[index](operands[1:])
    kind 'while':  programs = (cond, body), counts = (n cond consts, n body consts); operands are
                   cond consts, body consts, carry; results = the last carry
    kind 'for':    programs = (body,), counts = (length, reverse, n consts, n carry); operands are
                   consts, carry, xs; the body maps consts, carry, x slices to carry, y slices
    The programs are jaxprs, opaque to kernels.
    """

    __slots__ = ("kind", "programs", "operands", "counts")

    def __init__(
        self,
        kind: str,
        programs: Sequence[Any],
        operands: Sequence[Tensor],
        results: Sequence[tuple[Shape, Any]],
        counts: Sequence[int] = (),
    ) -> None:
        self.kind, self.programs, self.operands = kind, tuple(programs), tuple(operands)
        self.counts = tuple(counts)
        self.set_results(results)
