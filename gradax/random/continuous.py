"""More continuous distributions: transformed uniform, normal and exponential numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradax import dtypes, lax
from gradax import numpy as gnp
from gradax.api.jit import jit
from gradax.core.value import as_value
from gradax.errors import ArgumentError, ShapeError, at_user_line
from gradax.random.bits import bernoulli, float_dtype, result_shape, uniform
from gradax.random.distributions import constant, exponential, normal
from gradax.random.keys import Shape, as_shape, checked, split_into, typed
from gradax.random.stream import log, log1p

METHODS = ("cholesky", "eigh", "svd")


@jit(static_argnums=(1, 2))
def _cauchy(key: Any, shape: Any, dtype: Any) -> Any:
    drawn = uniform(key, shape, dtype, minval=dtypes.finfo(dtype).eps)
    return gnp.tan(constant(np.pi, dtype) * (drawn - constant(0.5, dtype)))


def cauchy(key: Any, shape: Shape = (), dtype: Any = None, *, out_sharding: Any = None) -> Any:
    """Return random numbers of the standard Cauchy distribution."""
    value, found = checked(key, "cauchy"), float_dtype(dtype, "cauchy")
    return _cauchy(value, as_shape(shape, "cauchy"), found)


@jit(static_argnums=(1, 2))
def _logistic(key: Any, shape: Any, dtype: Any) -> Any:
    drawn = uniform(key, shape, dtype, minval=dtypes.finfo(dtype).eps)
    return log(drawn / (1 - drawn))


def logistic(key: Any, shape: Shape = (), dtype: Any = None, *, out_sharding: Any = None) -> Any:
    """Return random numbers of the standard logistic distribution."""
    value, found = checked(key, "logistic"), float_dtype(dtype, "logistic")
    return _logistic(value, as_shape(shape, "logistic"), found)


@jit(static_argnums=(2, 3))
def _lognormal(key: Any, sigma: Any, shape: Any, dtype: Any) -> Any:
    return gnp.exp(normal(key, shape, dtype) * lax.convert_element_type(sigma, dtype))


def lognormal(
    key: Any,
    sigma: Any = 1.0,
    shape: Shape | None = None,
    dtype: Any = None,
    *,
    out_sharding: Any = None,
) -> Any:
    """Return numbers whose logarithms are normal, of mean 0 and standard deviation `sigma`.

    Shapes: sigma broadcasts to shape, which is sigma's by default.
    """
    value, found = checked(key, "lognormal"), float_dtype(dtype, "lognormal")
    return _lognormal(value, as_value(sigma), result_shape(shape, "lognormal", sigma), found)


@jit(static_argnums=(1, 2))
def _maxwell(key: Any, shape: Any, dtype: Any) -> Any:
    return gnp.sqrt(gnp.sum(gnp.square(normal(key, (*shape, 3), dtype)), -1))


def maxwell(key: Any, shape: Shape = (), dtype: Any = None, *, out_sharding: Any = None) -> Any:
    """Return random numbers of Maxwell's distribution: lengths of normal vectors in space."""
    value, found = checked(key, "maxwell"), float_dtype(dtype, "maxwell")
    return _maxwell(value, as_shape(shape, "maxwell"), found)


@jit(static_argnums=(3, 4))
def _double_sided_maxwell(key: Any, loc: Any, scale: Any, shape: Any, dtype: Any) -> Any:
    key_size, key_sign = split_into(typed(key), 2)
    sign = gnp.where(bernoulli(key_sign, np.float32(0.5), shape), 1, -1).astype(dtype)
    loc, scale = (lax.convert_element_type(v, dtype) for v in (loc, scale))
    return sign * _maxwell(key_size, shape, dtype) * scale + loc


def double_sided_maxwell(
    key: Any, loc: Any, scale: Any, shape: Shape = (), dtype: Any = None
) -> Any:
    """Return loc plus or minus scale times numbers of Maxwell's distribution.

    Shapes: -> dtype[shape, that of loc and scale together].
    """
    value, found = checked(key, "double_sided_maxwell"), float_dtype(dtype, "double_sided_maxwell")
    common = result_shape(None, "double_sided_maxwell", loc, scale)
    size = (*as_shape(shape, "double_sided_maxwell"), *common)
    return _double_sided_maxwell(value, as_value(loc), as_value(scale), size, found)


@jit(static_argnums=(2, 3))
def _pareto(key: Any, b: Any, shape: Any, dtype: Any) -> Any:
    return gnp.exp(exponential(key, shape, dtype) / lax.convert_element_type(b, dtype))


def pareto(
    key: Any, b: Any, shape: Shape | None = None, dtype: Any = None, *, out_sharding: Any = None
) -> Any:
    """Return random numbers of Pareto's distribution with exponent `b`, from 1 upwards.

    Shapes: b broadcasts to shape, which is b's by default.
    """
    value, found = checked(key, "pareto"), float_dtype(dtype, "pareto")
    return _pareto(value, as_value(b), result_shape(shape, "pareto", b), found)


@jit(static_argnums=(2, 3))
def _rayleigh(key: Any, scale: Any, shape: Any, dtype: Any) -> Any:
    drawn = uniform(key, shape, dtype)
    return lax.convert_element_type(scale, dtype) * gnp.sqrt(log(drawn) * -2)


def rayleigh(
    key: Any, scale: Any, shape: Shape | None = None, dtype: Any = None, *, out_sharding: Any = None
) -> Any:
    """Return random numbers of Rayleigh's distribution.

    Shapes: scale broadcasts to shape, which is scale's by default.
    """
    value, found = checked(key, "rayleigh"), float_dtype(dtype, "rayleigh")
    return _rayleigh(value, as_value(scale), result_shape(shape, "rayleigh", scale), found)


@jit(static_argnums=(4, 5))
def _triangular(key: Any, left: Any, mode: Any, right: Any, shape: Any, dtype: Any) -> Any:
    left, mode, right = (lax.convert_element_type(v, dtype) for v in (left, mode, right))
    drawn = uniform(key, shape, dtype)
    width = right - left
    rising = left + gnp.sqrt(drawn * width * (mode - left))
    falling = right - gnp.sqrt((1 - drawn) * width * (right - mode))
    return gnp.where(drawn < (mode - left) / width, rising, falling)


def triangular(
    key: Any,
    left: Any,
    mode: Any,
    right: Any,
    shape: Shape | None = None,
    dtype: Any = None,
    *,
    out_sharding: Any = None,
) -> Any:
    """Return random numbers of the triangular density from `left` over `mode` to `right`.

    Shapes: left, mode, right broadcast to shape, which is theirs together by default.
    """
    value, found = checked(key, "triangular"), float_dtype(dtype, "triangular")
    size = result_shape(shape, "triangular", left, mode, right)
    return _triangular(value, as_value(left), as_value(mode), as_value(right), size, found)


@jit(static_argnums=(2, 3))
def _wald(key: Any, mean: Any, shape: Any, dtype: Any) -> Any:
    key_normal, key_side = split_into(typed(key), 2)
    mean = lax.convert_element_type(mean, dtype)
    y = gnp.square(normal(key_normal, shape, dtype))
    square = gnp.square(mean)
    root = gnp.sqrt(4 * mean * y + square * gnp.square(y))
    x = mean + square * y / 2 - mean / 2 * root
    is_near = uniform(key_side, shape, dtype) <= mean / (mean + x)
    return gnp.where(is_near, x, square / x)


def wald(
    key: Any, mean: Any, shape: Shape | None = None, dtype: Any = None, *, out_sharding: Any = None
) -> Any:
    """Return random numbers of Wald's (the inverse Gaussian) distribution of scale 1.

    Shapes: mean broadcasts to shape, which is mean's by default.
    Source: Michael, Schucany, Haas, "Generating random variates using transformations" (1976).
    """
    value, found = checked(key, "wald"), float_dtype(dtype, "wald")
    return _wald(value, as_value(mean), result_shape(shape, "wald", mean), found)


@jit(static_argnums=(3, 4))
def _weibull_min(key: Any, scale: Any, concentration: Any, shape: Any, dtype: Any) -> Any:
    scale, concentration = (lax.convert_element_type(v, dtype) for v in (scale, concentration))
    return gnp.power(-log1p(-uniform(key, shape, dtype)), 1.0 / concentration) * scale


def weibull_min(
    key: Any, scale: Any, concentration: Any, shape: Shape = (), dtype: Any = None
) -> Any:
    """Return random numbers of Weibull's distribution (of minima)."""
    value, found = checked(key, "weibull_min"), float_dtype(dtype, "weibull_min")
    size = result_shape(shape, "weibull_min", scale, concentration)
    return _weibull_min(value, as_value(scale), as_value(concentration), size, found)


@jit(static_argnums=(3, 4, 5))
def _multivariate_normal(key: Any, mean: Any, cov: Any, shape: Any, dtype: Any, method: str) -> Any:
    mean, cov = (lax.convert_element_type(v, dtype) for v in (mean, cov))
    if method == "svd":
        u, sizes, _ = gnp.linalg.svd(cov)
        factor = u * gnp.sqrt(sizes[..., None, :])
    elif method == "eigh":
        sizes, v = gnp.linalg.eigh(cov)
        factor = v * gnp.sqrt(sizes[..., None, :])
    else:
        factor = gnp.linalg.cholesky(cov)
    drawn = normal(key, (*shape, mean.shape[-1]), dtype)
    return mean + gnp.einsum("...ij,...j->...i", factor, drawn)


def multivariate_normal(
    key: Any,
    mean: Any,
    cov: Any,
    shape: Shape | None = None,
    dtype: Any = None,
    method: str = "cholesky",
    *,
    out_sharding: Any = None,
) -> Any:
    """Return random vectors of a mean and a covariance matrix, factored by `method`.

    Shapes: mean T[s, n], cov T[s, n, n] -> dtype[shape, n]; shape is s by default.
    Errors: ValueError for another method or shapes that do not go together.
    """
    value, found = checked(key, "multivariate_normal"), float_dtype(dtype, "multivariate_normal")
    if method not in METHODS:
        raise ArgumentError(
            f"random.multivariate_normal: the method is one of {', '.join(METHODS)}; got"
            f" {method!r}.{at_user_line()}"
        )
    mean, cov = as_value(mean), as_value(cov)
    if mean.ndim < 1 or cov.ndim < 2 or cov.shape[-2:] != (mean.shape[-1], mean.shape[-1]):
        raise ShapeError(
            f"Incompatible shapes for random.multivariate_normal: got mean {mean.shape} and cov"
            f" {cov.shape}.{at_user_line()}"
        )
    batches = (np.empty(mean.shape[:-1], bool), np.empty(cov.shape[:-2], bool))
    size = result_shape(shape, "multivariate_normal", *batches)
    return _multivariate_normal(value, mean, cov, size, found, method)


def orthogonal(
    key: Any,
    n: int,
    shape: Shape = (),
    dtype: Any = None,
    m: int | None = None,
    *,
    out_sharding: Any = None,
) -> Any:
    """Return random matrices whose rows or columns are orthonormal, uniform among those.

    Shapes: -> dtype[shape, n, m]; m is n by default.
    """
    value = checked(key, "orthogonal")
    found = dtypes.check_user_dtype(float if dtype is None else dtype, "random.orthogonal")
    size = as_shape(shape, "orthogonal")
    rows, columns = as_shape((n, n if m is None else m), "orthogonal")
    drawn = normal(value, (*size, max(rows, columns), min(rows, columns)), found)
    q, r = gnp.linalg.qr(drawn)
    diagonal = gnp.diagonal(r, axis1=-2, axis2=-1)
    out = q * gnp.expand_dims(diagonal / abs(diagonal), -2).astype(found)
    return gnp.swapaxes(out, -1, -2) if rows < columns else out
