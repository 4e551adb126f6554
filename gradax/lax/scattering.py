"""Writing at many places: scatter and its combining forms."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any, final

import numpy as np

from gradax import kernel
from gradax.core.aval import Aval
from gradax.core.jaxpr import Jaxpr
from gradax.core.op import operation, unsupported
from gradax.core.staging import stage
from gradax.core.tangent import Zero, is_linear, is_zero
from gradax.core.value import as_value
from gradax.errors import ConcretizationTypeError, UnsupportedRule, at_user_line, require
from gradax.lax.arithmetic import Add, Div, Mul, Neg
from gradax.lax.comparison import Eq, Ne, SelectN, zeros
from gradax.lax.computation import call_reference, scalars_of
from gradax.lax.convert import ConvertElementType
from gradax.lax.creation import Iota
from gradax.lax.families import ANY, NUMBER, REAL, tangent_like
from gradax.lax.gathering import (
    LinearScatter,
    ScatterAdd,
    ScatterFamily,
    or_zeros,
)
from gradax.lax.joining import mapped_first
from gradax.lax.operands import operands
from gradax.lax.placement import (
    GatherScatterMode,
    Placement,
    ScatterDimensionNumbers,
    as_gather_numbers,
    as_scatter_numbers,
    canonical_numbers,
    mapped_numbers,
)
from gradax.lax.shapes import Reshape, broadcast_scalar, move_batch_axis
from gradax.lax.slicing import static_ints
from gradax.records import replace


@final
@operation
class Scatter(LinearScatter):
    """Replace the windows at index vectors by updates; of equal places, the last one stays."""

    accepts = ANY

    def transpose(self, ct: Any, *operands: Any) -> Any:
        x, indices, updates = operands
        is_x, is_updates = is_linear(x), is_linear(updates)
        aval = updates.aval
        kept = self(ct, indices, zeros(aval)) if is_x else None
        if not is_updates:
            return kept, None, None
        where = self.placement(ct.shape, aval.shape)
        read = self.reader(where)(ct, indices)
        if not self.is_unique(where):
            stays = self.winners(where, indices, ct.shape, aval.shape)
            read = SelectN()(stays, zeros(aval), read)
        return kept, None, read

    def winners(
        self, where: Placement, indices: Any, shape: tuple[int, ...], windows: tuple[int, ...]
    ) -> Any:
        """Return which updates are not overwritten by later ones."""
        flat = Iota(np.dtype(np.int32), (prod(windows),), 0)()
        numbers = Reshape(windows)(flat)
        last = self(zeros(Aval(shape, np.int32)), indices, numbers)
        return Eq()(self.reader(where)(last, indices), numbers)


@final
@operation
class ScatterSub(LinearScatter):
    """Subtract updates from the windows at index vectors."""

    name = "scatter-sub"
    fn = "sub"
    numpy = np.subtract

    def transpose(self, ct: Any, *operands: Any) -> Any:
        x, indices, updates = operands
        read = None
        if is_linear(updates):
            where = self.placement(ct.shape, updates.aval.shape)
            read = Neg()(self.reader(where)(ct, indices))
        return ct if is_linear(x) else None, None, read


@final
@operation
class ScatterMul(ScatterFamily):
    """Multiply the windows at index vectors by updates."""

    name = "scatter-mul"
    fn = "mul"
    numpy = np.multiply
    accepts = NUMBER

    def jvp(self, primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
        x, indices, updates = primals
        dx, _, du = tangents
        out = self(x, indices, updates)
        terms: list[Any] = []
        if not is_zero(dx):
            terms.append(self(dx, indices, updates))
        if not is_zero(du):
            add = ScatterAdd(*self.params.values())
            where = self.placement(x.shape, updates.shape)
            none = zeros(out.aval)
            if self.is_unique(where):
                terms.append(Mul()(x, add(none, indices, du)))
            else:
                others = self.others(where, add, x, indices, updates)
                terms.append(add(none, indices, Mul()(others, du)))
        if not terms:
            return out, Zero(tangent_like(out))
        return out, terms[0] if len(terms) == 1 else Add()(*terms)

    def others(self, where: Placement, add: ScatterAdd, x: Any, indices: Any, updates: Any) -> Any:
        """Return, for each update, the product of all the other factors of its place."""
        read = self.reader(where)
        nought, one = (broadcast_scalar(np.asarray(v, x.dtype), updates.shape) for v in (0, 1))
        is_zero_factor = Eq()(updates, nought)
        factors = SelectN()(is_zero_factor, updates, one)
        product = read(self(x, indices, factors), indices)
        n_zeros = read(add(zeros(x.aval), indices, SelectN()(is_zero_factor, nought, one)), indices)
        without_zeros = SelectN()(Eq()(n_zeros, nought), nought, Div()(product, factors))
        only_zero = SelectN()(Eq()(n_zeros, one), nought, product)
        return SelectN()(is_zero_factor, without_zeros, only_zero)

    def transpose(self, ct: Any, *operands: Any) -> Any:
        _, indices, updates = operands
        if is_linear(updates):
            raise UnsupportedRule("scatter-mul: it is not linear in the updates")
        return self(ct, indices, updates), None, None


@operation
class ScatterExtremum(ScatterFamily):
    """A scatter that chooses an element; ties share the derivative equally."""

    accepts = REAL

    def jvp(self, primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
        x, indices, updates = primals
        dx, _, du = tangents
        out = self(x, indices, updates)
        if is_zero(dx) and is_zero(du):
            return out, Zero(tangent_like(out))
        add = ScatterAdd(*self.params.values())
        where = self.placement(x.shape, updates.shape)
        is_new = Eq()(self.reader(where)(out, indices), updates)
        # NaN that is no update's stays, and so does its tangent.
        is_old = SelectN()(Ne()(x, x), Eq()(x, out), broadcast_scalar(np.asarray(True), x.shape))
        old, new = (ConvertElementType(x.dtype)(c) for c in (is_old, is_new))
        n_chosen = add(old, indices, new)
        none = broadcast_scalar(np.zeros((), x.dtype), x.shape)
        one = broadcast_scalar(np.ones((), x.dtype), x.shape)
        count = SelectN()(Eq()(n_chosen, none), n_chosen, one)
        dx, du = Mul()(or_zeros(dx), old), Mul()(or_zeros(du), new)
        return out, Div()(add(dx, indices, du), count)


@final
@operation
class ScatterMin(ScatterExtremum):
    """Keep the least of the windows' elements and updates; NaN if there is one."""

    name = "scatter-min"
    fn = "min"
    numpy = np.minimum


@final
@operation
class ScatterMax(ScatterExtremum):
    """Keep the greatest of the windows' elements and updates; NaN if there is one."""

    name = "scatter-max"
    fn = "max"
    numpy = np.maximum


@final
@operation
class ScatterApply(ScatterFamily):
    """Replace each element of the windows at index vectors by a function of it.

    Shapes: operand: T[s], indices: int[b, n] -> T[s]; update_shape says how the windows lie.
    An element that is met k times goes through the function k times.
    """

    name = "scatter"

    update_shape: tuple[int, ...] = ()
    update_jaxpr: Jaxpr | None = None

    jvp = unsupported(
        "the derivative of a function applied at indices that may repeat is not defined;"
        " pass unique_indices=True when they do not"
    )
    transpose = unsupported("it is not linear")

    def infer(self, *avals: Aval) -> Aval:
        x, indices = avals
        return Scatter(*list(self.params.values())[:4]).infer(
            x, indices, Aval(self.update_shape, x.dtype)
        )

    def batch(self, args: tuple[Any, ...], dims: tuple[int | None, ...]) -> Any:
        x, indices = args
        size = next(a.shape[d] for a, d in zip(args, dims, strict=True) if d is not None)
        (x,) = mapped_first((x,), (dims[0],), size)
        if dims[1] is not None:
            indices = move_batch_axis(indices, dims[1], 0)
        numbers = mapped_numbers(
            as_gather_numbers(self.dimension_numbers), True, dims[1] is not None
        )
        op = replace(
            self,
            dimension_numbers=as_scatter_numbers(numbers),
            update_shape=(size, *self.update_shape),
        )
        return op(x, indices), 0

    def lower(self, *operands: kernel.Tensor) -> Any:
        x, indices = operands
        none = kernel.const(0, x.dtype)
        updates = kernel.compute(self.update_shape, lambda *i: none)
        return ScatterFamily.lower(self, x, indices, updates)

    def rule(self, old: kernel.Scalar, new: kernel.Scalar) -> kernel.Scalar | None:
        assert self.update_jaxpr is not None
        return scalars_of(self.update_jaxpr, [old])[0]

    def reference(self, *operands: Any) -> Any:
        x, indices = operands
        return ScatterFamily.reference(self, x, indices, np.zeros(self.update_shape, x.dtype))

    def write(self, out: Any, places: Any, updates: Any, unique: bool) -> None:
        assert self.update_jaxpr is not None
        if places is ...:
            out[...] = call_reference(self.update_jaxpr, [out])[0]
            return
        if isinstance(places, tuple):
            places, out = (
                np.arange(out.size).reshape(out.shape)[places].reshape(-1),
                out.reshape(-1),
            )
        distinct, counts = np.unique(places, return_counts=True)
        for k in range(counts.max(initial=0)):
            again = distinct[counts > k]
            out[again] = call_reference(self.update_jaxpr, [out[again]])[0]


def scatter_with(
    make: Any,
    operand: Any,
    scatter_indices: Any,
    updates: Any,
    dimension_numbers: ScatterDimensionNumbers,
    indices_are_sorted: bool,
    unique_indices: bool,
    mode: str | GatherScatterMode | None,
) -> Any:
    """Build and call a scatter."""
    op = make(
        canonical_numbers(dimension_numbers),
        bool(indices_are_sorted),
        bool(unique_indices),
        GatherScatterMode.from_any(mode),
    )
    x, updates = operands(operand, updates)
    return op(x, as_value(scatter_indices), updates)


def scatter(
    operand: Any,
    scatter_indices: Any,
    updates: Any,
    dimension_numbers: ScatterDimensionNumbers,
    *,
    indices_are_sorted: bool = False,
    unique_indices: bool = False,
    mode: str | GatherScatterMode | None = None,
) -> Any:
    """Replace the windows at index vectors by `updates`; of equal places, the last one stays.

    Shapes: T[s], int[b, n], T[b and windows' axes at update_window_dims] -> T[s].
    Errors: TypeError for shapes or dimension numbers that do not fit.
    """
    options = (dimension_numbers, indices_are_sorted, unique_indices, mode)
    return scatter_with(Scatter, operand, scatter_indices, updates, *options)


def scatter_add(
    operand: Any,
    scatter_indices: Any,
    updates: Any,
    dimension_numbers: ScatterDimensionNumbers,
    *,
    indices_are_sorted: bool = False,
    unique_indices: bool = False,
    mode: str | GatherScatterMode | None = None,
) -> Any:
    """Add `updates` to the windows at index vectors; see `scatter`."""
    options = (dimension_numbers, indices_are_sorted, unique_indices, mode)
    return scatter_with(ScatterAdd, operand, scatter_indices, updates, *options)


def scatter_sub(
    operand: Any,
    scatter_indices: Any,
    updates: Any,
    dimension_numbers: ScatterDimensionNumbers,
    *,
    indices_are_sorted: bool = False,
    unique_indices: bool = False,
    mode: str | GatherScatterMode | None = None,
) -> Any:
    """Subtract `updates` from the windows at index vectors; see `scatter`."""
    options = (dimension_numbers, indices_are_sorted, unique_indices, mode)
    return scatter_with(ScatterSub, operand, scatter_indices, updates, *options)


def scatter_mul(
    operand: Any,
    scatter_indices: Any,
    updates: Any,
    dimension_numbers: ScatterDimensionNumbers,
    *,
    indices_are_sorted: bool = False,
    unique_indices: bool = False,
    mode: str | GatherScatterMode | None = None,
) -> Any:
    """Multiply the windows at index vectors by `updates`; see `scatter`."""
    options = (dimension_numbers, indices_are_sorted, unique_indices, mode)
    return scatter_with(ScatterMul, operand, scatter_indices, updates, *options)


def scatter_min(
    operand: Any,
    scatter_indices: Any,
    updates: Any,
    dimension_numbers: ScatterDimensionNumbers,
    *,
    indices_are_sorted: bool = False,
    unique_indices: bool = False,
    mode: str | GatherScatterMode | None = None,
) -> Any:
    """Keep the least of `updates` and the windows at index vectors; see `scatter`."""
    options = (dimension_numbers, indices_are_sorted, unique_indices, mode)
    return scatter_with(ScatterMin, operand, scatter_indices, updates, *options)


def scatter_max(
    operand: Any,
    scatter_indices: Any,
    updates: Any,
    dimension_numbers: ScatterDimensionNumbers,
    *,
    indices_are_sorted: bool = False,
    unique_indices: bool = False,
    mode: str | GatherScatterMode | None = None,
) -> Any:
    """Keep the greatest of `updates` and the windows at index vectors; see `scatter`."""
    options = (dimension_numbers, indices_are_sorted, unique_indices, mode)
    return scatter_with(ScatterMax, operand, scatter_indices, updates, *options)


def scatter_apply(
    operand: Any,
    scatter_indices: Any,
    func: Callable[[Any], Any],
    dimension_numbers: ScatterDimensionNumbers,
    *,
    update_shape: Sequence[int] = (),
    indices_are_sorted: bool = False,
    unique_indices: bool = False,
    mode: str | GatherScatterMode | None = None,
) -> Any:
    """Replace each element of the windows at index vectors by `func` of it, as often as it is met.

    Errors: TypeError unless `func` maps a scalar to a scalar of the same dtype; of indices that may
        repeat it must be made of elementwise operations and capture no array.
    """
    x, indices = as_value(operand), as_value(scatter_indices)
    shape = static_ints("scatter_apply", update_shape)
    numbers = canonical_numbers(dimension_numbers)
    is_sorted, is_unique = bool(indices_are_sorted), bool(unique_indices)
    mode = GatherScatterMode.from_any(mode)
    set_ = Scatter(numbers, is_sorted, is_unique, mode)
    set_.infer(x.aval, indices.aval, Aval(shape, x.dtype))
    where = set_.placement(x.shape, shape)
    if set_.is_unique(where):
        new = func(set_.reader(where)(x, indices))
        new = ConvertElementType(x.dtype)(new) if new.dtype != x.dtype else new
        return set_(x, indices, new)
    closed = stage(lambda a: (func(a),), [Aval((), x.dtype)], "scatter_apply")
    (out,) = closed.out_avals
    fits = out.shape == () and out.dtype == x.dtype
    require(fits, "scatter_apply", f"a function from and to {Aval((), x.dtype)}", out)
    if closed.consts:
        raise ConcretizationTypeError(
            f"scatter_apply: the function captures an array{at_user_line()}\n"
            "Pass unique_indices=True when no index repeats."
        )
    op = ScatterApply(numbers, is_sorted, is_unique, mode, shape, closed.jaxpr)
    return op(x, indices)
