"""Functions along an axis: softmax and its kin, one-hot codes, standardization."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from gradax import dtypes, lax
from gradax import numpy as gnp
from gradax.api.custom_jvp import custom_jvp
from gradax.api.jit import jit
from gradax.config import current
from gradax.errors import ArgumentError, ShapeError, at_user_line
from gradax.numpy.one_program import one_program
from gradax.sizes import as_size

Axis = int | tuple[int, ...] | None


def masked(where: Any) -> dict[str, Any]:
    """Return the arguments of a reduction over some of the elements."""
    return {} if where is None else {"where": where}


def largest(x: Any, axis: Axis, where: Any) -> Any:
    """Return the largest element along `axis`, as a constant for derivatives."""
    extra = {} if where is None else {"where": where, "initial": -gnp.inf}
    return lax.stop_gradient(gnp.max(x, axis, keepdims=True, **extra))


def plain_softmax(axis: Axis, x: Any, where: Any) -> Any:
    """Return exp(x) over its sum along `axis`."""
    x = gnp.asarray(x)
    inside = x if where is None else gnp.where(where, x, -gnp.inf)
    numbers = gnp.exp(inside - largest(x, axis, where))
    out = numbers / gnp.sum(numbers, axis, keepdims=True, **masked(where))
    return out if where is None else gnp.where(where, out, 0)


ruled_softmax = custom_jvp(plain_softmax, nondiff_argnums=(0,))


@ruled_softmax.defjvp
def softmax_jvp(axis: Axis, primals: Any, tangents: Any) -> Any:
    """Differentiate by the result alone: y (dx - sum(y dx))."""
    (x, where), (dx, _) = primals, tangents
    y = ruled_softmax(axis, x, where)
    return y, y * (dx - gnp.sum(y * dx, axis, keepdims=True, **masked(where)))


@jit(static_argnames="axis")
def softmax(x: Any, axis: Axis = -1, where: Any = None) -> Any:
    """Return exp(x) over its sum along `axis`; zero where `where` is false.

    Accuracy: the largest element is subtracted first, so nothing overflows.
    """
    x = gnp.asarray(x)
    if not gnp.issubdtype(x.dtype, np.inexact):
        x = x.astype(gnp.result_type(x, 1.0))
    compute = ruled_softmax if current.softmax_custom_jvp else plain_softmax
    return compute(axis, x, where)


@jit(static_argnames="axis")
def log_softmax(x: Any, axis: Axis = -1, where: Any = None) -> Any:
    """Return the logarithm of softmax; -inf where `where` is false."""
    x = gnp.asarray(x)
    inside = x if where is None else gnp.where(where, x, -gnp.inf)
    shifted = inside - largest(x, axis, where)
    total = gnp.log(gnp.sum(gnp.exp(shifted), axis, keepdims=True, **masked(where)))
    return shifted - total if where is None else gnp.where(where, shifted - total, -gnp.inf)


@one_program("axis", "keepdims", "return_sign")
def logsumexp(
    a: Any,
    axis: Axis = None,
    b: Any = None,
    keepdims: bool = False,
    return_sign: bool = False,
    where: Any = None,
) -> Any:
    """Return log(sum(b * exp(a))) along `axis`, without overflow.

    With `return_sign` also the sign of the sum, of whose size the logarithm then is.
    """
    a = gnp.asarray(a)
    if not gnp.issubdtype(a.dtype, np.inexact):
        a = a.astype(gnp.result_type(a, 1.0))
    if b is not None:
        dtype = gnp.result_type(a, b)
        a, b = gnp.broadcast_arrays(a.astype(dtype), gnp.asarray(b, dtype))
        a = gnp.where(b != 0, a, -gnp.inf)
    top = largest(a.real, axis, where)
    top = lax.stop_gradient(gnp.where(gnp.isfinite(top), top, 0))
    terms = gnp.exp(a - top)
    terms = terms if b is None else b * terms
    total = gnp.sum(terms, axis, keepdims=keepdims, **masked(where))
    top = top if keepdims else gnp.squeeze(top, axis)
    if not return_sign:
        return gnp.log(total) + top
    sign = gnp.sign(total)
    return gnp.log(gnp.abs(total)) + top, sign


def logmeanexp(x: Any, axis: Axis = None, where: Any = None, keepdims: bool = False) -> Any:
    """Return log(mean(exp(x))) along `axis`."""
    total = logsumexp(x, axis, keepdims=keepdims, where=where)
    if where is None:
        axes = range(np.ndim(x)) if axis is None else (axis if isinstance(axis, tuple) else (axis,))
        return total - np.log(prod(np.shape(x)[i] for i in axes)).astype(total.dtype)
    counted = gnp.broadcast_to(where, np.shape(x))
    return total - gnp.log(gnp.sum(counted, axis, keepdims=keepdims, dtype=total.dtype))


def standardize(
    x: Any,
    axis: Axis = -1,
    mean: Any = None,
    variance: Any = None,
    epsilon: Any = 1e-5,
    where: Any = None,
    *,
    algorithm: str = "fast",
) -> Any:
    """Return x less its mean over the root of its variance plus `epsilon`, along `axis`.

    The algorithm "fast" takes the variance from the squares in the same pass as the mean, "stable"
    from the differences from the mean.
    """
    if algorithm not in ("fast", "stable"):
        raise ArgumentError(
            f"standardize: the algorithm is 'fast' or 'stable'; got {algorithm!r}.{at_user_line()}"
        )
    x = gnp.asarray(x)
    extra = masked(where)
    if mean is None:
        mean = gnp.mean(x, axis, keepdims=True, **extra)
    if variance is None and algorithm == "fast":
        variance = gnp.mean(gnp.square(x), axis, keepdims=True, **extra) - gnp.square(mean)
    elif variance is None:
        variance = gnp.mean(gnp.square(x - mean), axis, keepdims=True, **extra)
    return (x - mean) * lax.rsqrt(variance + epsilon)


def one_hot(x: Any, num_classes: Any, *, dtype: Any = None, axis: int = -1) -> Any:
    """Return arrays that are 1 at the places x along a new axis and 0 elsewhere.

    Shapes: x: integers [s] -> dtype[s with num_classes at axis].
    Errors: ValueError for a size that is no integer or an axis outside.
    """
    try:
        size = as_size(num_classes)
    except (AttributeError, TypeError):
        raise ArgumentError(
            f"one_hot: num_classes is an integer; got {num_classes!r}.{at_user_line()}"
        ) from None
    places = gnp.asarray(x)
    if places.dtype == np.bool_:
        places = places.astype(np.int32)
    kind = float if dtype is None else dtype
    n = places.ndim + 1
    if not -n <= axis < n:
        raise ShapeError(f"one_hot: axis {axis} is outside {n} axes.{at_user_line()}")
    return _one_hot(places, size, dtypes.check_user_dtype(kind, "one_hot"), axis % n)


@jit(static_argnums=(1, 2, 3))
def _one_hot(places: Any, size: int, dtype: Any, axis: int) -> Any:
    shape = tuple(size if i == axis else 1 for i in range(places.ndim + 1))
    classes = lax.broadcasted_iota(places.dtype, shape, axis)
    return (gnp.expand_dims(places, axis) == classes).astype(dtype)
