"""Arrays from Python values, and constant arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np

from gradax import dtypes
from gradax.api.device import device_put
from gradax.core.aval import Aval
from gradax.core.tracer import Tracer
from gradax.core.value import as_value, check_fits, conversion
from gradax.errors import ArgumentError, DtypeError, ShapeError, at_user_line
from gradax.lax.barriers import Copy
from gradax.lax.joining import Concatenate
from gradax.lax.shapes import BroadcastInDim
from gradax.native import Array, get_trace
from gradax.native import empty as empty_ndarray
from gradax.numpy.axes import static_shape
from gradax.numpy.promotion import (
    ARRAYS,
    INTEGERS,
    SCALARS,
    broadcast,
    broadcast_shape,
    constants,
    convert,
    operand,
)
from gradax.sizes import Size

_COPY: Final = Copy()
_ORDERS: Final = (None, "K", "C", "A")


def array(
    object: Any,
    dtype: Any = None,
    copy: bool = True,
    order: str | None = "K",
    ndmin: int = 0,
    *,
    device: Any = None,
    out_sharding: Any = None,
) -> Any:
    """Make an array from a number, an array, or nested sequences of them.

    Errors: TypeError for what is no number, ValueError for ragged sequences or None.
    """
    if order not in _ORDERS:
        raise NotImplementedError(f"array: order={order!r}; arrays are row-major{at_user_line()}")
    wanted = dtypes.check_user_dtype(dtype, "array")
    is_ours = isinstance(object, ARRAYS)
    x = as_array(object, wanted)
    if copy and is_ours and x is object:
        x = _COPY(x)
    if ndmin > x.ndim:
        x = BroadcastInDim((1,) * (ndmin - x.ndim) + x.shape, tuple(range(ndmin - x.ndim, ndmin)))(
            x
        )
    return placed(x, device, out_sharding)


def asarray(
    a: Any,
    dtype: Any = None,
    order: str | None = None,
    *,
    copy: bool | None = None,
    device: Any = None,
    out_sharding: Any = None,
) -> Any:
    """Return `a` as an array; arrays of the right dtype are returned as they are.

    Errors: as `array`; ValueError with copy=False where a copy is needed.
    """
    if copy is False and not isinstance(a, ARRAYS):
        raise ArgumentError(
            f"asarray: copy=False cannot be kept for a {type(a).__name__}{at_user_line()}"
        )
    return array(a, dtype, bool(copy), order, device=device, out_sharding=out_sharding)


def placed(x: Any, device: Any, out_sharding: Any = None) -> Any:
    """Return an array on the device or the sharding that the user asked for."""
    where = device if device is not None else out_sharding
    return x if where is None else device_put(x, where)


def as_array(x: Any, dtype: Any) -> Any:
    """Return a value as an array of `dtype` (None: its own)."""
    if isinstance(x, ARRAYS):
        return x if dtype is None else convert(x, dtype)
    if type(x) in SCALARS:
        if dtype is None:
            return operand("array", x)
        return constants(type(x), dtype, False).make(x)
    if isinstance(x, (np.ndarray, np.generic)):
        return from_numpy(x, dtype)
    if type(x) is Size:
        return as_value(x) if dtype is None else Size.to_number(x, dtype, False)
    if isinstance(x, (list, tuple)):
        return from_sequence(x, dtype)
    if hasattr(x, "__jax_array__"):
        return as_array(x.__jax_array__(), dtype)
    if x is None:
        raise ArgumentError(f"None is not a valid value for jnp.array{at_user_line()}")
    return from_numpy(np.asarray(x), dtype)


def from_numpy(x: Any, dtype: Any) -> Any:
    """Return a NumPy value as an array of `dtype` (None: its own)."""
    if x.dtype == object:
        raise not_numbers(x)
    if x.dtype.kind in "USMmO" or (dtype is None and x.dtype.names is not None):
        raise not_numbers(x)
    if dtype is None or x.dtype == dtype:
        return as_value(x)
    if dtypes.is_extended(dtype):
        raise DtypeError(f"array: numbers cannot become {dtype.name}{at_user_line()}")
    with np.errstate(all="ignore"):
        return conversion.to_array(np.asarray(x).astype(dtype), Aval(np.shape(x), dtype))


def not_numbers(x: Any) -> Exception:
    """Make the error for values that are no numbers."""
    if x.dtype == object and any(v is None for v in np.ravel(x)):
        return ArgumentError(f"None is not a valid value for jnp.array{at_user_line()}")
    return DtypeError(
        f"array: expected numbers or booleans, got values of dtype {x.dtype}: {str(x)[:60]!r}"
        f"{at_user_line()}"
    )


def from_sequence(x: Any, dtype: Any) -> Any:
    """Return nested sequences as an array."""
    found = leaves(x)
    if any(isinstance(v, (Tracer, Size)) or is_key(v) for v in found):
        if dtype is None:
            dtype = dtypes.result_type(*found)
        return stacked(x, dtype)
    if dtype is None:
        dtype = dtype_of_leaves(found)
    if dtype is not None and dtype in INTEGERS:
        for v in found:
            if type(v) is int:
                check_fits(v, dtype)
    concrete = to_nested_numpy(x) if any(isinstance(v, Array) for v in found) else x
    try:
        values = np.array(concrete)
    except ValueError as error:
        raise ArgumentError(f"array: {error}{at_user_line()}") from None
    return from_numpy(values, dtype)


def leaves(x: Any) -> list[Any]:
    """Return the elements of nested sequences."""
    out: list[Any] = []
    for v in x:
        if isinstance(v, (list, tuple)):
            out.extend(leaves(v))
        else:
            out.append(v.__jax_array__() if hasattr(v, "__jax_array__") else v)
    return out


def is_key(x: Any) -> bool:
    """Tell whether a value is an array of random keys."""
    return isinstance(x, Array) and dtypes.is_extended(x.dtype)


def dtype_of_leaves(found: list[Any]) -> Any:
    """Return the dtype that the elements have together, None where NumPy must look at them."""
    if not found:
        return dtypes.default_dtype("f")
    kinds = {type(v) for v in found}
    if kinds <= SCALARS:
        return dtypes.result_type(*kinds)
    known = (*ARRAYS, np.ndarray, np.generic)
    if any(type(v) not in SCALARS and not isinstance(v, known) for v in found):
        return None
    if any(isinstance(v, np.ndarray) and v.dtype.kind not in "biufcV" for v in found):
        return None
    return dtypes.result_type(*found)


def to_nested_numpy(x: Any) -> Any:
    """Return nested sequences with our arrays as NumPy's."""
    if isinstance(x, (list, tuple)):
        return [to_nested_numpy(v) for v in x]
    return np.asarray(x) if isinstance(x, Array) else x


def stacked(x: Any, dtype: Any) -> Any:
    """Return nested sequences that hold tracers as an array, an operation a level."""
    if not isinstance(x, (list, tuple)):
        return as_array(x, dtype)
    if not x:
        return as_array(np.zeros((0,)), dtype)
    parts = [stacked(v, dtype) for v in x]
    shape = parts[0].shape
    if any(p.shape != shape for p in parts):
        raise ArgumentError(
            "array: the sequences have an inhomogeneous shape:"
            f" {', '.join(str(p.shape) for p in parts)}{at_user_line()}"
        )
    spread = BroadcastInDim((1, *shape), tuple(range(1, len(shape) + 1)))
    parts = [spread(p) for p in parts]
    return parts[0] if len(parts) == 1 else Concatenate(0)(*parts)


def filled(shape: tuple[int, ...], value: Any, dtype: Any, weak: bool = False) -> Any:
    """Return an array of one number."""
    if get_trace() is not None:
        x = constants(type(value), dtype, weak)(value)
        return BroadcastInDim(shape, ())(x) if shape else x
    aval = Aval(shape, dtype, weak)
    memory = empty_ndarray(aval)
    with np.errstate(all="ignore"):
        memory[...] = value
    return Array.from_numpy(memory, aval, False)


def zeros(shape: Any, dtype: Any = None, *, device: Any = None, out_sharding: Any = None) -> Any:
    """Return zeros, of float32 unless a dtype is given."""
    return constant_array("zeros", shape, 0, dtype, device, out_sharding)


def ones(shape: Any, dtype: Any = None, *, device: Any = None, out_sharding: Any = None) -> Any:
    """Return ones, of float32 unless a dtype is given."""
    return constant_array("ones", shape, 1, dtype, device, out_sharding)


def empty(shape: Any, dtype: Any = None, *, device: Any = None, out_sharding: Any = None) -> Any:
    """Return an array of no particular values: zeros."""
    return constant_array("empty", shape, 0, dtype, device, out_sharding)


def constant_array(
    name: str, shape: Any, value: int, dtype: Any, device: Any, sharding: Any
) -> Any:
    """Return an array of zeros or ones."""
    found = dtypes.check_user_dtype(dtype, name)
    found = dtypes.default_dtype("f") if found is None else found
    if dtypes.is_extended(found):
        raise DtypeError(f"{name}: cannot make an array of dtype {found.name}{at_user_line()}")
    return placed(filled(static_shape(name, shape), value, found), device, sharding)


def full(
    shape: Any,
    fill_value: Any,
    dtype: Any = None,
    *,
    device: Any = None,
    out_sharding: Any = None,
) -> Any:
    """Return an array filled with a number, or with an array that broadcasts to the shape."""
    found, sizes = dtypes.check_user_dtype(dtype, "full"), static_shape("full", shape)
    return placed(full_of("full", sizes, fill_value, found), device, out_sharding)


def full_of(name: str, shape: tuple[int, ...], value: Any, dtype: Any, weak: bool = False) -> Any:
    """Return an array filled with `value`, in its own dtype where None is given."""
    if type(value) in SCALARS:
        if dtype is None:
            dtype, weak = dtypes.dtype_of(value), type(value) is not bool
        if type(value) is int and dtype in INTEGERS:
            check_fits(value, dtype)
        return filled(shape, value, dtype, weak)
    x = operand(name, value, 1)
    x = x if dtype is None else convert(x, dtype, weak)
    if broadcast_shape(name, x.shape, shape) != shape:
        raise ShapeError(
            f"{name}: a fill value of shape {x.shape} does not broadcast to {shape}{at_user_line()}"
        )
    return broadcast(x, shape)


def zeros_like(
    a: Any,
    dtype: Any = None,
    shape: Any = None,
    *,
    device: Any = None,
    out_sharding: Any = None,
) -> Any:
    """Return zeros of the shape and dtype of `a`, unless others are given."""
    return placed(alike("zeros_like", a, 0, dtype, shape), device, out_sharding)


def ones_like(
    a: Any,
    dtype: Any = None,
    shape: Any = None,
    *,
    device: Any = None,
    out_sharding: Any = None,
) -> Any:
    """Return ones of the shape and dtype of `a`, unless others are given."""
    return placed(alike("ones_like", a, 1, dtype, shape), device, out_sharding)


def empty_like(
    prototype: Any,
    dtype: Any = None,
    shape: Any = None,
    *,
    device: Any = None,
    out_sharding: Any = None,
) -> Any:
    """Return an array of no particular values (zeros) of the shape and dtype of another."""
    return placed(alike("empty_like", prototype, 0, dtype, shape), device, out_sharding)


def full_like(
    a: Any,
    fill_value: Any,
    dtype: Any = None,
    shape: Any = None,
    *,
    device: Any = None,
    out_sharding: Any = None,
) -> Any:
    """Return an array filled with a value, of the shape and dtype of `a` by default."""
    return placed(alike("full_like", a, fill_value, dtype, shape), device, out_sharding)


def alike(name: str, a: Any, value: Any, dtype: Any, shape: Any) -> Any:
    """Return an array like `a`, which may be anything with a shape and a dtype."""
    if not (hasattr(a, "shape") and hasattr(a, "dtype")):
        a = operand(name, a)
    weak = dtype is None and bool(getattr(a, "weak_type", False))
    found = dtypes.check_user_dtype(dtype, name)
    if found is None:
        found = dtypes.canonicalize_dtype(a.dtype, allow_extended=True)
    sizes = tuple(a.shape) if shape is None else static_shape(name, shape)
    if dtypes.is_extended(found):
        return keys_of_zeros(found, sizes, value)
    return full_of(name, sizes, value, found, weak)


def keys_of_zeros(dtype: Any, shape: tuple[int, ...], value: Any) -> Any:
    """Return an array of random keys whose words are all `value`."""
    aval = Aval(shape, dtype)
    words = np.full(shape, value, dtype.physical)
    memory = empty_ndarray(Aval(shape, dtype.physical))
    memory[...] = words
    return Array.from_numpy(memory, Aval(shape, dtype.physical), False)._with(aval)


def copy(a: Any, order: str | None = None) -> Any:
    """Return a copy of an array."""
    return array(a, copy=True, order=order)


def frombuffer(buffer: Any, dtype: Any = float, count: int = -1, offset: int = 0) -> Any:
    """Make an array of the memory of an object with the buffer protocol, by copy."""
    return asarray(np.frombuffer(buffer, np.dtype(dtype), count, offset))


def fromfile(*args: Any, **kwargs: Any) -> Any:
    """Make an array of a file's numbers, as `numpy.fromfile` does."""
    return asarray(np.fromfile(*args, **kwargs))


def fromiter(*args: Any, **kwargs: Any) -> Any:
    """Make an array of an iterable's numbers, as `numpy.fromiter` does."""
    return asarray(np.fromiter(*args, **kwargs))


def fromstring(string: str, dtype: Any = float, count: int = -1, *, sep: str) -> Any:
    """Make an array of the numbers of a text that `sep` separates."""
    return asarray(np.fromstring(string, np.dtype(dtype), count, sep=sep))


def fromfunction(function: Callable[..., Any], shape: Any, *, dtype: Any = float, **kw: Any) -> Any:
    """Return `function` of the arrays of indices of a shape, one an axis."""
    sizes = static_shape("fromfunction", shape)
    wanted = dtypes.jax_dtype(dtype)
    grids = np.indices(sizes) if sizes else []
    return function(*(asarray(g.astype(wanted)) for g in grids), **kw)


def from_dlpack(x: Any, /, *, device: Any = None, copy: bool | None = None) -> Any:
    """Make an array of an object that has `__dlpack__`."""
    if not hasattr(x, "__dlpack__"):
        raise DtypeError(
            f"from_dlpack: expected an array with __dlpack__, got {type(x).__name__}"
            f"{at_user_line()}"
        )
    return placed(as_value(np.from_dlpack(x)), device)


def load(file: Any, *args: Any, **kwargs: Any) -> Any:
    """Read an array, or an archive of them, that `save` wrote."""
    found = np.load(file, *args, **kwargs)
    return asarray(found) if isinstance(found, np.ndarray) else found


def save(file: Any, arr: Any, *args: Any, **kwargs: Any) -> None:
    """Write an array to a file in NumPy's format."""
    np.save(file, np.asarray(arr), *args, **kwargs)


def savez(file: Any, *args: Any, **kwargs: Any) -> None:
    """Write arrays to an archive in NumPy's format."""
    named: dict[str, Any] = {name: np.asarray(x) for name, x in kwargs.items()}
    np.savez(file, *map(np.asarray, args), **named)


def make_scalar(x: Any, dtype: Any) -> Any:
    """Return `x` as an array of `dtype`: what `jnp.float32(x)` does."""
    return array(x, dtype)
