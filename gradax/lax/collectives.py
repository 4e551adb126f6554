"""Communication along named mapped axes: sums, exchanges, the index.

An operation here lives until the mapping that binds its name turns it into ordinary operations of
one array (`batch_axis`). Sizes of axes are parameters, so that programs can be typed anywhere.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, ClassVar, final

import numpy as np

from gradax import kernel
from gradax.core.aval import Aval
from gradax.core.axes import unbound
from gradax.core.op import Op, operation, unsupported
from gradax.core.tangent import Zero, is_zero
from gradax.errors import ShapeError, at_user_line, require
from gradax.lax.arithmetic import Div, Mul
from gradax.lax.comparison import Eq, SelectN, zeros
from gradax.lax.convert import ConvertElementType
from gradax.lax.creation import iota
from gradax.lax.families import tangent_like
from gradax.lax.gathering import index_take
from gradax.lax.reductions import ReduceMax, ReduceMin
from gradax.lax.reshaping import Reshape
from gradax.lax.shapes import ReduceSum, broadcast_batch, move_batch_axis

Groups = tuple[tuple[int, ...], ...] | None
Dims = tuple[int | None, ...]


class Collective(Op):
    """An operation of one operand along named axes."""

    def lower(self, *operands: kernel.Tensor) -> Any:
        """Refuse: nothing binds the name where a program is compiled."""
        raise unbound(self.name, self.axis_names[0])

    def reference(self, *operands: Any) -> Any:
        """Refuse: nothing binds the name where an operation is evaluated."""
        raise unbound(self.name, self.axis_names[0])


class LinearCollective(Collective):
    """A linear one."""

    def jvp(self, primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
        """Apply the operation to the tangent."""
        (dx,) = tangents
        return self(primals[0]), Zero(self.infer(dx.aval)) if is_zero(dx) else self(dx)


class AxisReduction(Collective):
    """A reduction over named axes, in groups of indices or over all."""

    axes: tuple[Hashable, ...]
    groups: Groups

    reduction: ClassVar[type[Any]]

    @property
    def axis_names(self) -> tuple[Any, ...]:
        return self.axes

    def infer(self, *avals: Aval) -> Aval:
        return avals[0]

    def batch(self, args: tuple[Any, ...], dims: Dims) -> Any:
        return self(args[0]), dims[0]

    def batch_axis(self, name: Any, size: int, args: tuple[Any, ...], dims: Dims) -> Any:
        """Reduce over the mapped axis; names that are left are reduced by who binds them."""
        rest = tuple(a for a in self.axes if a != name)
        (x,), (dim,) = args, dims
        if self.groups is not None:
            x, dim = self.in_groups(x, dim, size), 0
        elif dim is None:
            x = self.repeated(x, size)
        else:
            x, dim = type(self).reduction((dim,))(x), None
        again: Any = type(self)
        return (again(rest, None)(x) if rest else x), dim

    def in_groups(self, x: Any, dim: int | None, size: int) -> Any:
        """Reduce within each group; the result is mapped on axis 0."""
        assert self.groups is not None
        x = broadcast_batch(x, size) if dim is None else move_batch_axis(x, dim, 0)
        members = np.asarray(self.groups, np.int32)
        group_of = np.zeros(size, np.int32)
        for k, group in enumerate(self.groups):
            group_of[list(group)] = k
        rows = take_rows(x, members.ravel())
        rows = Reshape((*members.shape, *x.shape[1:]))(rows)
        return take_rows(type(self).reduction((1,))(rows), group_of)

    def repeated(self, x: Any, size: int) -> Any:
        """Reduce `size` equal values."""
        return x

    def printed_params(self) -> dict[str, Any]:
        return {"axes": self.axes, "axis_index_groups": self.groups}


@final
@operation
class Psum(AxisReduction):
    """The sum over named axes."""

    axes: tuple[Hashable, ...]
    groups: Groups

    reduction = ReduceSum

    def jvp(self, primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
        return self(primals[0]), tangents[0] if is_zero(tangents[0]) else self(tangents[0])

    def transpose(self, ct: Any, *operands: Any) -> Any:
        return self(ct)

    def repeated(self, x: Any, size: int) -> Any:
        return Mul()(x, np.asarray(size).astype(x.dtype))


class AxisExtremum(AxisReduction):
    """The largest or smallest value; its derivative is that of the places where it is."""

    def jvp(self, primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
        (x,), (dx,) = primals, tangents
        out = self(x)
        if is_zero(dx):
            return out, Zero(tangent_like(out))
        sums = Psum(self.axes, self.groups)
        at = Eq()(x, out)
        count = sums(ConvertElementType(np.dtype(dx.dtype))(at))
        return out, Div()(sums(SelectN()(at, zeros(dx.aval), dx)), count)

    transpose = unsupported("an extremum is not linear")


@final
@operation
class Pmax(AxisExtremum):
    """The largest value over named axes."""

    axes: tuple[Hashable, ...]
    groups: Groups

    reduction = ReduceMax


@final
@operation
class Pmin(AxisExtremum):
    """The smallest value over named axes."""

    axes: tuple[Hashable, ...]
    groups: Groups

    reduction = ReduceMin


class AxisMove(LinearCollective):
    """A movement of values along one named axis."""

    axis_name: Hashable
    axis_size: int

    @property
    def axis_names(self) -> tuple[Any, ...]:
        return (self.axis_name,)


@final
@operation
class Ppermute(AxisMove):
    """Each value goes to another index; indices that get none have zeros."""

    axis_name: Hashable
    axis_size: int
    perm: tuple[tuple[int, int], ...]

    def infer(self, *avals: Aval) -> Aval:
        return avals[0]

    def transpose(self, ct: Any, *operands: Any) -> Any:
        back = tuple((b, a) for a, b in self.perm)
        return Ppermute(self.axis_name, self.axis_size, back)(ct)

    def batch(self, args: tuple[Any, ...], dims: Dims) -> Any:
        return self(args[0]), dims[0]

    def batch_axis(self, name: Any, size: int, args: tuple[Any, ...], dims: Dims) -> Any:
        """Take, for each index, the row of the index that it gets its value from."""
        (x,), (dim,) = args, dims
        x = broadcast_batch(x, size) if dim is None else move_batch_axis(x, dim, 0)
        source = np.full(size, -1, np.int32)
        for a, b in self.perm:
            source[b] = a
        rows = take_rows(x, np.maximum(source, 0))
        if (source < 0).any():
            shape = (size,) + (1,) * (x.ndim - 1)
            given = np.broadcast_to((source >= 0).reshape(shape), x.shape)
            rows = SelectN()(given, zeros(x.aval), rows)
        return rows, 0


@final
@operation
class AllGather(AxisMove):
    """The values of all indices, stacked at `position` or, tiled, joined along it."""

    axis_name: Hashable
    axis_size: int
    position: int
    tiled: bool

    def infer(self, *avals: Aval) -> Aval:
        (x,) = avals
        p, n = self.position, self.axis_size
        inside = 0 <= p < x.ndim + (not self.tiled)
        require(inside, self, f"an operand with an axis {p} to gather at", x)
        if self.tiled:
            return x.update(shape=(*x.shape[:p], n * x.shape[p], *x.shape[p + 1 :]))
        return x.update(shape=(*x.shape[:p], n, *x.shape[p:]))

    def transpose(self, ct: Any, *operands: Any) -> Any:
        return PsumScatter(self.axis_name, self.axis_size, self.position, self.tiled)(ct)

    def batch(self, args: tuple[Any, ...], dims: Dims) -> Any:
        (dim,) = dims
        assert dim is not None
        # The unmapped position counts without the mapped axis.
        if self.tiled:
            p = self.position + (dim <= self.position)
            return AllGather(self.axis_name, self.axis_size, p, True)(args[0]), dim
        p = self.position + (dim < self.position)
        return AllGather(self.axis_name, self.axis_size, p, False)(args[0]), dim + (p <= dim)

    def batch_axis(self, name: Any, size: int, args: tuple[Any, ...], dims: Dims) -> Any:
        """Bring the mapped axis to the position; the result is mapped no more."""
        (x,), (dim,) = args, dims
        p = self.position
        x = broadcast_batch(x, size, p) if dim is None else move_batch_axis(x, dim, p)
        if self.tiled:
            x = Reshape((*x.shape[:p], x.shape[p] * x.shape[p + 1], *x.shape[p + 2 :]))(x)
        return x, None


@final
@operation
class PsumScatter(AxisMove):
    """The sum over all indices, of which each keeps its part along `position`."""

    axis_name: Hashable
    axis_size: int
    position: int
    tiled: bool

    def infer(self, *avals: Aval) -> Aval:
        (x,) = avals
        p, n = self.position, self.axis_size
        inside = 0 <= p < x.ndim
        require(inside, self, f"an operand with an axis {p} to scatter", x)
        if self.tiled:
            require(x.shape[p] % n == 0, self, f"an axis {p} that {n} divides", x)
            return x.update(shape=(*x.shape[:p], x.shape[p] // n, *x.shape[p + 1 :]))
        require(x.shape[p] == n, self, f"an axis {p} of size {n}", x)
        return x.without((p,))

    def transpose(self, ct: Any, *operands: Any) -> Any:
        return AllGather(self.axis_name, self.axis_size, self.position, self.tiled)(ct)

    def batch(self, args: tuple[Any, ...], dims: Dims) -> Any:
        (dim,) = dims
        assert dim is not None
        p = self.position + (dim <= self.position)
        out = PsumScatter(self.axis_name, self.axis_size, p, self.tiled)(args[0])
        return out, dim - (not self.tiled and p < dim)

    def batch_axis(self, name: Any, size: int, args: tuple[Any, ...], dims: Dims) -> Any:
        """Sum over the mapped axis; the parts become the new one."""
        x, _ = Psum((name,), None).batch_axis(name, size, args, dims)
        p = self.position
        if self.tiled:
            x = Reshape((*x.shape[:p], size, x.shape[p] // size, *x.shape[p + 1 :]))(x)
        return x, p


@final
@operation
class AllToAll(AxisMove):
    """Exchange: part `i` along `split` goes to index i, what arrives is stacked at `concat`."""

    axis_name: Hashable
    axis_size: int
    split: int
    concat: int

    def infer(self, *avals: Aval) -> Aval:
        (x,) = avals
        inside = 0 <= self.split < x.ndim and 0 <= self.concat < x.ndim
        require(inside, self, f"an operand with axes {self.split} and {self.concat}", x)
        fits = x.shape[self.split] == self.axis_size
        require(fits, self, f"an axis {self.split} of size {self.axis_size}", x)
        rest = x.without((self.split,)).shape
        return x.update(shape=(*rest[: self.concat], self.axis_size, *rest[self.concat :]))

    def transpose(self, ct: Any, *operands: Any) -> Any:
        return AllToAll(self.axis_name, self.axis_size, self.concat, self.split)(ct)

    def batch(self, args: tuple[Any, ...], dims: Dims) -> Any:
        (dim,) = dims
        assert dim is not None
        x = move_batch_axis(args[0], dim, 0)
        return AllToAll(self.axis_name, self.axis_size, self.split + 1, self.concat + 1)(x), 0

    def batch_axis(self, name: Any, size: int, args: tuple[Any, ...], dims: Dims) -> Any:
        """Let the axis that is split be the mapped one, and the mapped one stand at `concat`."""
        (x,), (dim,) = args, dims
        x = broadcast_batch(x, size) if dim is None else move_batch_axis(x, dim, 0)
        x = move_batch_axis(x, self.split + 1, 0)
        return move_batch_axis(x, 1, self.concat + 1), 0


@final
@operation
class AxisIndex(Collective):
    """The index along a named axis."""

    axis_name: Hashable
    axis_size: int

    @property
    def axis_names(self) -> tuple[Any, ...]:
        return (self.axis_name,)

    def infer(self, *avals: Aval) -> Aval:
        return Aval((), np.dtype(np.int32))

    jvp = unsupported("an index has no operand to differentiate")
    transpose = unsupported("an index is not linear")
    batch = unsupported("an index has no operand that could be mapped")

    def batch_axis(self, name: Any, size: int, args: tuple[Any, ...], dims: Dims) -> Any:
        """Return all indices, mapped."""
        return iota(np.int32, size), 0

    def printed_params(self) -> dict[str, Any]:
        return {"axis_name": self.axis_name}


def take_rows(x: Any, indices: Any) -> Any:
    """Return rows of an array."""
    return index_take(x, (indices,), (0,))


def checked_groups(what: str, groups: Any, size: int) -> Groups:
    """Return groups of indices as tuples.

    Errors: ValueError unless each index is in one group and all groups have one size.
    """
    if groups is None:
        return None
    found = tuple(tuple(int(i) for i in group) for group in groups)
    flat = sorted(i for group in found for i in group)
    if flat != list(range(size)) or len({len(group) for group in found}) != 1:
        raise ShapeError(
            f"{what}: expected axis_index_groups of one size that have each index below {size}"
            f" once; got {groups!r}.{at_user_line()}"
        )
    return found
