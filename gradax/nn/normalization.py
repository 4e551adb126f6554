"""Functions along an axis: softmax and its kin, one-hot codes, standardization."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradax import dtypes, lax
from gradax import numpy as gnp
from gradax.errors import ShapeError, at_user_line

Axis = int | tuple[int, ...] | None


def largest(x: Any, axis: Axis, where: Any, initial: Any = None) -> Any:
    """Return the largest element along `axis`, as a constant for derivatives."""
    low = -gnp.inf if initial is None else initial
    extra = {} if where is None else {"where": where, "initial": low}
    return lax.stop_gradient(gnp.max(x, axis, keepdims=True, **extra))


def softmax(
    x: Any, axis: Axis = -1, where: Any = None, initial: Any = None
) -> Any:
    """Return exp(x) over its sum along `axis`; zero where `where` is false.

    Accuracy: the largest element is subtracted first, so nothing overflows.
    """
    x = gnp.asarray(x)
    shifted = x - largest(x, axis, where, initial)
    if where is not None:
        shifted = gnp.where(where, shifted, -gnp.inf)
    numbers = gnp.exp(shifted)
    return numbers / gnp.sum(numbers, axis, keepdims=True)


def log_softmax(
    x: Any, axis: Axis = -1, where: Any = None, initial: Any = None
) -> Any:
    """Return the logarithm of softmax; -inf where `where` is false."""
    x = gnp.asarray(x)
    shifted = x - largest(x, axis, where, initial)
    extra = {} if where is None else {"where": where}
    out = shifted - gnp.log(gnp.sum(gnp.exp(shifted), axis, keepdims=True, **extra))
    return out if where is None else gnp.where(where, out, -gnp.inf)


def logsumexp(
    a: Any, axis: Axis = None, b: Any = None, keepdims: bool = False, return_sign: bool = False,
    where: Any = None,
) -> Any:  # fmt: skip
    """Return log(sum(b * exp(a))) along `axis`, without overflow."""
    a = gnp.asarray(a)
    if not gnp.issubdtype(a.dtype, np.inexact):
        a = a.astype(gnp.result_type(a, 1.0))
    if b is not None:
        b = gnp.asarray(b)
        a, b = gnp.broadcast_arrays(a, b)
        a = gnp.where(b != 0, a, -gnp.inf)
    top = largest(a.real, axis, where)
    top = gnp.where(gnp.isfinite(top), top, 0)
    terms = gnp.exp(a - top)
    terms = terms if b is None else b * terms
    extra = {} if where is None else {"where": where}
    total = gnp.sum(terms, axis, keepdims=keepdims, **extra)
    sign = gnp.sign(total)
    size = gnp.abs(total) if return_sign else total
    out = gnp.log(size) + (top if keepdims else gnp.squeeze(top, axis))
    return (out, sign) if return_sign else out


def logmeanexp(x: Any, axis: Axis = None, where: Any = None, keepdims: bool = False) -> Any:
    """Return log(mean(exp(x))) along `axis`."""
    total = logsumexp(x, axis, keepdims=keepdims, where=where)
    shape = gnp.shape(x)
    count = gnp.ones(shape) if where is None else gnp.broadcast_to(where, shape) * 1.0
    return total - gnp.log(gnp.sum(count, axis, keepdims=keepdims)).astype(total.dtype)


def standardize(
    x: Any,
    axis: Axis = -1,
    mean: Any = None,
    variance: Any = None,
    epsilon: Any = 1e-5,
    where: Any = None,
) -> Any:
    """Return x less its mean over the root of its variance plus `epsilon`, along `axis`."""
    extra = {} if where is None else {"where": where}
    if mean is None:
        mean = gnp.mean(x, axis, keepdims=True, **extra)
    if variance is None:
        squares = gnp.mean(gnp.square(x), axis, keepdims=True, **extra)
        variance = squares - gnp.square(mean)
    return (x - mean) * lax.rsqrt(variance + epsilon)


def one_hot(x: Any, num_classes: Any, *, dtype: Any = None, axis: int = -1) -> Any:
    """Return arrays that are 1 at the places x along a new axis and 0 elsewhere.

    Shapes: x: integers [s] -> dtype[s with num_classes at axis].
    Errors: ValueError for a size that is no integer; TypeError for an axis outside.
    """
    try:
        size = int(num_classes.__index__())
    except AttributeError:
        raise ValueError(
            f"one_hot: num_classes is an integer; got {num_classes!r}.{at_user_line()}"
        ) from None
    places = gnp.asarray(x)
    kind = dtypes.canonicalize_dtype(np.float64 if dtype is None else dtypes.jax_dtype(dtype))
    n = places.ndim + 1
    if not -n <= axis < n:
        raise ShapeError(f"one_hot: axis {axis} is outside {n} axes.{at_user_line()}")
    axis = axis % n
    shape = tuple(size if i == axis else 1 for i in range(n))
    classes = gnp.arange(size, dtype=places.dtype).reshape(shape)
    return (gnp.expand_dims(places, axis) == classes).astype(kind)
