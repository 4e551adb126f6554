"""Copies of arrays with parts changed: `x.at[idx].set(values)` and its kin."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NoReturn, final

import numpy as np

from gradax import dtypes
from gradax.config import current
from gradax.core.tracer import Tracer
from gradax.core.value import as_value, aval_of, to_numpy
from gradax.core.watch import watch
from gradax.errors import ImmutableArrayError, ShapeError, at_user_line, user_stacklevel
from gradax.lax.arithmetic import Add, Max, Min, Mul, Sub
from gradax.lax.comparison import SelectN
from gradax.lax.convert import ConvertElementType
from gradax.lax.gathering import ScatterAdd
from gradax.lax.placement import GatherScatterMode, as_scatter_numbers
from gradax.lax.scattering import (
    Scatter,
    ScatterMax,
    ScatterMin,
    ScatterMul,
    ScatterSub,
    scatter_apply,
)
from gradax.lax.shapes import BroadcastInDim, Reshape
from gradax.lax.slicing import Rev
from gradax.native import get_trace
from gradax.numpy.arithmetic import divide, power
from gradax.numpy.dynamic_slices import first_slice, parted, put_back, taken
from gradax.numpy.indexing import Layout, get, lay_out
from gradax.numpy.indices import Shape, from_known, known_index, parse
from gradax.records import replace

_SCALARS = (bool, int, float, complex)
Mode = str | GatherScatterMode | None


@final
class At:
    """The property `x.at`: index it to name the part to read or to change."""

    __slots__ = ("array",)

    def __init__(self, array: Any) -> None:
        self.array = array

    def __getitem__(self, index: Any) -> Part:
        return Part(self.array, index)

    def __repr__(self) -> str:
        return f"At({self.array!r})"


@final
class Part:
    """A part of an array, `x.at[idx]`; every method returns a new array.

    A mask that is not known while a function is traced selects places all the same, where the
    values do not differ from place to place. Indices outside the array: `get` clips, the others
    drop; `mode` says otherwise ('fill', 'drop', 'clip', 'promise_in_bounds'). Of places that come
    twice `set` keeps the last value, `add` and the others use every one. `indices_are_sorted` and
    `unique_indices` are promises.
    """

    __slots__ = ("array", "index")

    def __init__(self, array: Any, index: Any) -> None:
        self.array = array
        self.index = index

    def __repr__(self) -> str:
        return f"Part({self.array!r}, {self.index!r})"

    def get(
        self,
        *,
        indices_are_sorted: bool = False,
        unique_indices: bool = False,
        mode: Mode = None,
        fill_value: Any = None,
        out_sharding: Any = None,
        wrap_negative_indices: bool = True,
    ) -> Any:
        """Return `x[idx]`; with mode='fill', `fill_value` (NaN) where the index is outside."""
        return get(
            self.array,
            self.index,
            indices_are_sorted=indices_are_sorted,
            unique_indices=unique_indices,
            mode=mode,
            fill_value=fill_value,
            wrap_negative_indices=wrap_negative_indices,
        )

    def set(self, values: Any, **options: Any) -> Any:
        """Return the array with `values` in the part: `x[idx] = values`."""
        return update(Scatter, self.array, self.index, values, **options)

    def add(self, values: Any, **options: Any) -> Any:
        """Return the array with `values` added to the part: `x[idx] += values`."""
        return update(ScatterAdd, self.array, self.index, values, **options)

    def subtract(self, values: Any, **options: Any) -> Any:
        """Return the array with `values` subtracted from the part: `x[idx] -= values`."""
        return update(ScatterSub, self.array, self.index, values, **options)

    def multiply(self, values: Any, **options: Any) -> Any:
        """Return the array with the part multiplied by `values`: `x[idx] *= values`."""
        return update(ScatterMul, self.array, self.index, values, **options)

    mul = multiply

    def divide(self, values: Any, **options: Any) -> Any:
        """Return the array with the part divided by `values`: `x[idx] /= values`."""
        return divide(
            self.array, update(ScatterMul, ones(self.array), self.index, values, **options)
        )

    def power(self, values: Any, **options: Any) -> Any:
        """Return the array with the part raised to the power `values`: `x[idx] **= values`."""
        return power(
            self.array, update(ScatterMul, ones(self.array), self.index, values, **options)
        )

    def min(self, values: Any, **options: Any) -> Any:
        """Return the array with the lesser of part and `values` in the part."""
        return update(ScatterMin, self.array, self.index, values, **options)

    def max(self, values: Any, **options: Any) -> Any:
        """Return the array with the greater of part and `values` in the part."""
        return update(ScatterMax, self.array, self.index, values, **options)

    def apply(
        self,
        func: Callable[[Any], Any],
        *,
        indices_are_sorted: bool = False,
        unique_indices: bool = False,
        mode: Mode = None,
        wrap_negative_indices: bool = True,
    ) -> Any:
        """Return the array with `func` of each element of the part, as often as it comes."""
        x = self.array
        if (k := first_slice(self.index)) is not None:
            s, axis, rest = parted(x, self.index, k)
            return put_back(x, Part(taken(x, s, axis), rest).apply(func, mode=mode), s, axis)
        if is_traced_mask(self.index, x.shape):
            where = BroadcastInDim(x.shape, tuple(range(self.index.ndim)))(self.index)
            return SelectN()(where, x, as_dtype_of(x, func(x)))
        shape, layout = laid_out(x.shape, self.index, wrap_negative_indices)
        out = scatter_apply(
            x if shape == x.shape else Reshape(shape)(x),
            layout.vectors,
            func,
            as_scatter_numbers(layout.numbers),
            update_shape=layout.result,
            indices_are_sorted=indices_are_sorted or layout.is_distinct,
            unique_indices=unique_indices or layout.is_distinct,
            mode=mode,
        )
        return out if shape == x.shape else Reshape(x.shape)(out)


def at(x: Any) -> At:
    """Return the property `x.at` of an array or tracer."""
    return At(x)


def assign(x: Any, idx: Any, value: Any) -> NoReturn:
    """Refuse `x[idx] = value`."""
    where = repr(idx) if isinstance(idx, (int, str)) else "idx"
    what = repr(value) if isinstance(value, (int, float, complex)) else "value"
    raise ImmutableArrayError(
        "JAX arrays are immutable, and so gradax arrays are immutable: x[idx] = y cannot change"
        f" one.{at_user_line()}\nMake a changed copy: x = x.at[{where}].set({what})"
    )


def delete(x: Any, idx: Any) -> NoReturn:
    """Refuse `del x[idx]`."""
    raise ImmutableArrayError(
        "JAX arrays are immutable, and so gradax arrays are immutable: del x[idx] cannot change"
        f" one.{at_user_line()}\nMake a copy without it: jnp.delete(x, idx)"
    )


def update(
    make: Callable[..., Any],
    x: Any,
    idx: Any,
    values: Any,
    *,
    indices_are_sorted: bool = False,
    unique_indices: bool = False,
    mode: Mode = None,
    out_sharding: Any = None,
    wrap_negative_indices: bool = True,
) -> Any:
    """Return `x` with the part at `idx` combined with `values` by the operation `make`.

    Shapes: values broadcast to x[idx]; they are converted to the dtype of x.
    Errors: ValueError when they do not broadcast.
    """
    if (k := first_slice(idx)) is not None:
        s, axis, rest = parted(x, idx, k)
        part = update(
            make, taken(x, s, axis), rest, values, indices_are_sorted=indices_are_sorted,
            unique_indices=unique_indices, mode=mode, wrap_negative_indices=wrap_negative_indices,
        )  # fmt: skip
        return put_back(x, part, s, axis)
    if is_traced_mask(idx, x.shape) and fits_behind(idx, x.shape, aval_of(values).shape):
        return masked(make, x, idx, as_dtype_of(x, values))
    shape, layout = laid_out(x.shape, idx, wrap_negative_indices)
    if mode is None and current.strict and watch.places is not None:
        watch.places(shape, layout)
    op = make(
        as_scatter_numbers(layout.numbers),
        indices_are_sorted or layout.is_distinct,
        unique_indices or layout.is_distinct,
        GatherScatterMode.from_any(mode),
    )
    updates = windows_of(as_dtype_of(x, values), layout)
    out = op(x if shape == x.shape else Reshape(shape)(x), layout.vectors, updates)
    return out if shape == x.shape else Reshape(x.shape)(out)


def is_traced_mask(idx: Any, shape: Shape) -> bool:
    """Tell whether an index is a mask over leading axes that is not known yet."""
    is_mask = isinstance(idx, Tracer) and idx.dtype == np.bool_ and idx.ndim > 0
    return is_mask and idx.shape == shape[: idx.ndim]


def fits_behind(mask: Any, shape: Shape, values: Shape) -> bool:
    """Tell whether values are the same for each place that a mask selects."""
    rest = shape[mask.ndim :]
    return len(values) <= len(rest) and all(
        n in (1, m) for n, m in zip(values[::-1], rest[::-1], strict=False)
    )


def masked(make: Callable[..., Any], x: Any, mask: Any, values: Any) -> Any:
    """Combine an array with values where a mask holds, however many places those are."""
    values = as_value(values)
    values = BroadcastInDim(x.shape, tuple(range(x.ndim - values.ndim, x.ndim)))(values)
    combine = COMBINE[make]
    new = values if combine is None else combine()(x, values)
    return SelectN()(BroadcastInDim(x.shape, tuple(range(mask.ndim)))(mask), x, new)


COMBINE: dict[Any, Any] = {
    Scatter: None,
    ScatterAdd: Add,
    ScatterSub: Sub,
    ScatterMul: Mul,
    ScatterMin: Min,
    ScatterMax: Max,
}


def laid_out(shape: Shape, idx: Any, wraps: bool) -> tuple[Shape, Layout]:
    """Return an index as windows of an array of the returned shape, which may have axes joined."""
    key = known_index(idx)
    if key is not None and get_trace() is None:
        return known_layout(shape, key, wraps)
    parsed = parse(shape, idx)
    return parsed.shape, lay_out(parsed, wraps)


@lru_cache(maxsize=4096)
def known_layout(shape: Shape, key: tuple[Any, ...], wraps: bool) -> tuple[Shape, Layout]:
    """Return the windows of a static index."""
    parsed = parse(shape, from_known(key))
    layout = lay_out(parsed, wraps)
    return parsed.shape, replace(layout, vectors=as_value(layout.vectors))


def as_dtype_of(x: Any, values: Any) -> Any:
    """Return values in the dtype of an array, warning when that cannot hold them.

    Errors: TypeError for what is no array.
    """
    aval, dtype = aval_of(values), x.dtype
    if aval.dtype != dtype:
        joined, _ = dtypes.promote2(dtype, aval_of(x).weak_type, aval.dtype, aval.weak_type)
        if joined != dtype:
            warnings.warn(
                f"values of dtype {aval.dtype.name} are converted to {dtype.name}, the dtype of the"
                " array they are put in, which cannot hold all of them",
                FutureWarning,
                stacklevel=user_stacklevel(),
            )
    if type(values) in _SCALARS:
        return to_numpy(values, dtype)
    values = as_value(values)
    return values if values.dtype == dtype else ConvertElementType(dtype)(values)


def windows_of(values: Any, layout: Layout) -> Any:
    """Return values broadcast to `x[idx]` as the windows of a scatter."""
    final, got = layout.final, np.shape(values)
    extra = len(got) - len(final)
    places = zip(got, final[-extra:] if extra < 0 else final, strict=False)
    if extra > 0 or any(n not in (1, m) for n, m in places):
        raise ShapeError(
            f"Values of shape {got} do not broadcast to the part of shape {final} that they are"
            f" for.{at_user_line()}\nGive one value, or values of that shape."
        )
    if isinstance(values, np.ndarray) and get_trace() is None:
        windows = np.broadcast_to(values, final).reshape(layout.result)
        return as_value(np.flip(windows, layout.flips) if layout.flips else windows)
    if got != final:
        dims = tuple(range(-extra, len(final)))
        values = BroadcastInDim(layout.final, dims)(values)
    if layout.new:
        values = Reshape(layout.result)(values)
    return Rev(layout.flips)(values) if layout.flips else values


def ones(x: Any) -> Any:
    """Return ones like an array."""
    one = np.ones((), x.dtype)
    return BroadcastInDim(x.shape, ())(one) if x.ndim else as_value(one)
