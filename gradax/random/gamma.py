"""The gamma distribution and those made of gamma numbers.

Source: Marsaglia and Tsang, "A simple method for generating gamma variables" (2000); derivatives by
the shape parameter are implicit: Figurnov, Mohamed, Mnih, "Implicit reparameterization gradients"
(2018).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gradax import dtypes, lax
from gradax import numpy as gnp
from gradax.api.custom_jvp import custom_jvp
from gradax.api.jit import jit
from gradax.api.vmap import vmap
from gradax.core.value import as_value
from gradax.errors import ArgumentError, ShapeError, at_user_line
from gradax.random.bits import (
    bernoulli,
    float_dtype,
    result_shape,
    unit_interval,
    wide_dtype,
)
from gradax.random.distributions import exponential, exponential_of, normal_of
from gradax.random.keys import Shape, as_shape, broadcast, checked, partitionable, split_into, typed
from gradax.random.operations import RandomSplit
from gradax.random.stream import log

# The candidate's constants: those of the squeeze and of the power of the normal number.
SQUEEZE = 0.0331
THIRD = 1.0 / 3.0


def candidate(key: Any, c: Any) -> tuple[Any, Any]:
    """Return a normal number x and 1 + c x, drawn until that is positive."""

    def draw(state: Any) -> Any:
        key, own = split_into(state[0], 2)
        x = normal_of(own, (), c.dtype)
        return key, x, 1 + x * c

    zero = gnp.zeros((), c.dtype)
    _, x, v = lax.while_loop(lambda state: state[2] <= 0, draw, (key, zero, zero - 1))
    return x, v


def gamma_one(key: Any, alpha: Any, log_space: bool) -> Any:
    """Return one gamma number, or its logarithm, of the shape `alpha`."""
    dtype = alpha.dtype
    is_large = alpha >= 1
    boosted = gnp.where(is_large, alpha, alpha + 1)
    d = boosted - np.asarray(THIRD, dtype)
    c = np.asarray(THIRD, dtype) / gnp.sqrt(d)

    def is_refused(state: Any) -> Any:
        _, square, v, u = state
        outside = u >= 1 - np.asarray(SQUEEZE, dtype) * (square * square)
        return outside & (log(u) >= square * 0.5 + d * ((1 - v) + log(v)))

    def draw(state: Any) -> Any:
        key, key_x, key_u = split_into(state[0], 3)
        x, v = candidate(key_x, c)
        return key, x * x, (v * v) * v, unit_interval(key_u, (), dtype)

    key, key_boost = split_into(key, 2)
    start = (gnp.asarray(n, dtype) for n in (0, 1, 2))
    v = lax.while_loop(is_refused, draw, (key, *start))[2]
    # A number of shape alpha + 1 times u**(1/alpha) is one of shape alpha.
    if log_space:
        power = -exponential_of(key_boost, (), dtype)
        boost = gnp.where(is_large | (power == 0), 0, power * (1 / alpha))
        return (log(d) + log(v)) + boost
    base = 1 - unit_interval(key_boost, (), dtype)
    return d * v * gnp.where(is_large, 1, base ** (1 / alpha))


def gamma_samples(log_space: bool) -> Callable[[Any, Any], Any]:
    """Return the function (key, alpha) -> samples, differentiable by alpha."""

    @custom_jvp
    def draw(key: Any, alpha: Any) -> Any:
        keys = RandomSplit((alpha.size,), partitionable())(key)
        one = vmap(lambda key, a: gamma_one(key, a, log_space))
        return one(keys, alpha.reshape(-1)).reshape(alpha.shape)

    @draw.defjvp
    def draw_jvp(primals: Any, tangents: Any) -> Any:
        key, alpha = primals
        out = draw(key, alpha)
        if not log_space:
            return out, tangents[1] * lax.random_gamma_grad(alpha, out)
        tiny = np.asarray(dtypes.finfo(out.dtype).tiny, out.dtype)
        size = gnp.exp(out)
        size = gnp.where(size == 0, tiny, size)
        return out, tangents[1] * (lax.random_gamma_grad(alpha, size) / size)

    draw.__name__ = "random_gamma"
    return draw


DRAWS = {log_space: gamma_samples(log_space) for log_space in (False, True)}


@jit(static_argnums=(2, 3, 4))
def _gamma(key: Any, a: Any, shape: Any, dtype: Any, log_space: bool) -> Any:
    wide = broadcast(lax.convert_element_type(a, wide_dtype(dtype)), shape)
    return lax.convert_element_type(DRAWS[log_space](typed(key), wide), dtype)


def gamma(
    key: Any, a: Any, shape: Shape | None = None, dtype: Any = None, *, out_sharding: Any = None
) -> Any:
    """Return gamma random numbers of the shape parameter `a` and scale 1, differentiable by `a`.

    Shapes: a broadcasts to shape, which is a's by default.
    """
    value, found = checked(key, "gamma"), float_dtype(dtype, "gamma")
    return _gamma(value, as_value(a), result_shape(shape, "gamma", a), found, False)


def loggamma(
    key: Any, a: Any, shape: Shape | None = None, dtype: Any = None, *, out_sharding: Any = None
) -> Any:
    """Return the logarithms of gamma random numbers, which may be too small for floats.

    Shapes: a broadcasts to shape, which is a's by default.
    """
    value, found = checked(key, "loggamma"), float_dtype(dtype, "loggamma")
    return _gamma(value, as_value(a), result_shape(shape, "loggamma", a), found, True)


def beta(
    key: Any,
    a: Any,
    b: Any,
    shape: Shape | None = None,
    dtype: Any = None,
    *,
    out_sharding: Any = None,
) -> Any:
    """Return beta random numbers.

    Shapes: a, b broadcast to shape, which is theirs together by default.
    """
    value, found = checked(key, "beta"), float_dtype(dtype, "beta")
    return _beta(value, as_value(a), as_value(b), result_shape(shape, "beta", a, b), found)


@jit(static_argnums=(3, 4))
def _beta(key: Any, a: Any, b: Any, shape: Any, dtype: Any) -> Any:
    first, second = (
        loggamma(k, x, shape, dtype) for k, x in zip(split_into(typed(key), 2), (a, b), strict=True)
    )
    top = lax.max(first, second)
    first, second = gnp.exp(first - top), gnp.exp(second - top)
    return first / (first + second)


def dirichlet(
    key: Any, alpha: Any, shape: Shape | None = None, dtype: Any = None, *, out_sharding: Any = None
) -> Any:
    """Return random points of the simplex with the Dirichlet distribution.

    Shapes: alpha: T[s, n] -> dtype[shape, n]; shape is s by default.
    Errors: ValueError for an alpha without axes.
    """
    value, found = checked(key, "dirichlet"), float_dtype(dtype, "dirichlet")
    if np.ndim(alpha) < 1:
        raise ShapeError(f"random.dirichlet: alpha has at least one axis.{at_user_line()}")
    batch = np.shape(alpha)[:-1]
    wanted = result_shape(shape, "dirichlet", np.empty(batch, bool))
    return _dirichlet(value, as_value(alpha), wanted, found)


@jit(static_argnums=(2, 3))
def _dirichlet(key: Any, alpha: Any, shape: Any, dtype: Any) -> Any:
    logs = loggamma(key, alpha, (*shape, alpha.shape[-1]), dtype)
    parts = gnp.exp(logs - lax.stop_gradient(gnp.max(logs, -1, keepdims=True)))
    return parts / gnp.sum(parts, -1, keepdims=True)


def chisquare(
    key: Any, df: Any, shape: Shape | None = None, dtype: Any = None, *, out_sharding: Any = None
) -> Any:
    """Return chi-square random numbers of `df` degrees of freedom.

    Shapes: df broadcasts to shape, which is df's by default.
    """
    value, found = checked(key, "chisquare"), float_dtype(dtype, "chisquare")
    size = result_shape(shape, "chisquare", df)
    half = gnp.asarray(df, found) * np.asarray(0.5, found)
    return np.asarray(2, found) * gnp.exp(loggamma(value, half, size, found))


def f(
    key: Any,
    dfnum: Any,
    dfden: Any,
    shape: Shape | None = None,
    dtype: Any = None,
    *,
    out_sharding: Any = None,
) -> Any:
    """Return random numbers of the F distribution.

    Shapes: dfnum, dfden broadcast to shape, which is theirs together by default.
    """
    value, found = typed(checked(key, "f")), float_dtype(dtype, "f")
    size = result_shape(shape, "f", dfnum, dfden)
    key_den, key_num = split_into(value, 2)
    dfnum, dfden = (gnp.asarray(v, found) for v in (dfnum, dfden))
    top = chisquare(key_num, dfnum, size, found) / dfnum
    return top / (chisquare(key_den, dfden, size, found) / dfden)


def t(
    key: Any, df: Any, shape: Shape | None = None, dtype: Any = None, *, out_sharding: Any = None
) -> Any:
    """Return random numbers of Student's distribution with `df` degrees of freedom.

    Shapes: df broadcasts to shape, which is df's by default.
    """
    value, found = typed(checked(key, "t")), float_dtype(dtype, "t")
    size = result_shape(shape, "t", df)
    key_n, key_g = split_into(value, 2)
    half = gnp.asarray(df, found) / np.asarray(2, found)
    return normal_of(key_n, size, found) * gnp.sqrt(half / gamma(key_g, half, size, found))


def generalized_normal(
    key: Any, p: Any, shape: Shape = (), dtype: Any = None, *, out_sharding: Any = None
) -> Any:
    """Return random numbers of the density proportional to exp(-|x|**p)."""
    value = typed(checked(key, "generalized_normal"))
    found = float_dtype(dtype, "generalized_normal")
    size = as_shape(shape, "generalized_normal")
    key_g, key_sign = split_into(value, 2)
    drawn = gamma(key_g, gnp.asarray(1 / p, found), size, found)
    sign = gnp.where(bernoulli(key_sign, np.float32(0.5), size), 1, -1).astype(found)
    return sign * drawn ** gnp.asarray(1 / p, found)


def ball(
    key: Any,
    d: int,
    p: Any = 2,
    shape: Shape = (),
    dtype: Any = None,
    *,
    out_sharding: Any = None,
) -> Any:
    """Return random points uniform in the unit ball of `d` dimensions under the norm of order `p`.

    Shapes: -> dtype[shape, d].
    """
    value, found = typed(checked(key, "ball")), float_dtype(dtype, "ball")
    try:
        size = int(d.__index__())
    except AttributeError:
        raise ArgumentError(f"random.ball: d is an integer; got {d!r}.{at_user_line()}") from None
    shape = as_shape(shape, "ball")
    key_g, key_e = split_into(value, 2)
    drawn = generalized_normal(key_g, p, (*shape, size), found)
    rest = exponential(key_e, shape, found)
    radius = ((abs(drawn) ** p).sum(-1) + rest) ** gnp.asarray(1 / p, found)
    return drawn / radius[..., None]
