"""Discrete distributions: signs and counts.

Source: Knuth, "Seminumerical algorithms"; Hörmann, "The transformed rejection method for generating
Poisson random variables" (1993); Hörmann, "The generation of binomial random variates" (1993).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gradax import dtypes, lax
from gradax import numpy as gnp
from gradax.api.jit import jit
from gradax.core.value import as_value
from gradax.errors import DtypeError, ShapeError, at_user_line
from gradax.random.bits import bernoulli, float_dtype, float_value, result_shape, uniform
from gradax.random.keys import Shape, as_shape, broadcast, checked, split_into, typed
from gradax.random.stream import log, log1p

F32 = np.dtype(np.float32)
# Below these means the counting methods are used, rejection above.
POISSON_SMALL = 10
BINOMIAL_SMALL = 10


def integer_dtype(dtype: Any, name: str) -> Any:
    """Return the integer dtype asked for, int32 (int64 under enable_x64) by default.

    Errors: TypeError for another dtype.
    """
    found = dtypes.check_user_dtype(int if dtype is None else dtype, f"random.{name}")
    if not dtypes.issubdtype(found, np.integer):
        raise DtypeError(f"random.{name}: an integer dtype; got {found}.{at_user_line()}")
    return found


@jit(static_argnums=(1, 2))
def _rademacher(key: Any, shape: Any, dtype: Any) -> Any:
    drawn = bernoulli(key, np.float32(0.5), shape)
    return (2 * drawn.astype(np.int8) - 1).astype(dtype)


def rademacher(key: Any, shape: Shape = (), dtype: Any = None, *, out_sharding: Any = None) -> Any:
    """Return random signs, -1 or 1."""
    value = checked(key, "rademacher")
    found = dtypes.check_user_dtype(int if dtype is None else dtype, "random.rademacher")
    return _rademacher(value, as_shape(shape, "rademacher"), found)


@jit(static_argnums=(2, 3))
def _geometric(key: Any, p: Any, shape: Any, dtype: Any) -> Any:
    drawn = uniform(key, shape, p.dtype, minval=dtypes.finfo(p.dtype).tiny)
    return gnp.floor(log(drawn) / log1p(-p)).astype(dtype) + np.asarray(1, dtype)


def geometric(
    key: Any, p: Any, shape: Shape | None = None, dtype: Any = None, *, out_sharding: Any = None
) -> Any:
    """Return the numbers of throws up to the first success of probability `p`.

    Shapes: p broadcasts to shape, which is p's by default.
    """
    value, found = checked(key, "geometric"), integer_dtype(dtype, "geometric")
    chance = float_value(p, "geometric", "p")
    return _geometric(value, chance, result_shape(shape, "geometric", chance), found)


def poisson_by_product(key: Any, rate: Any, shape: Any, dtype: Any, most: int) -> Any:
    """Return Poisson numbers: how many uniform numbers keep their product above exp(-rate)."""

    def is_short(state: Any) -> Any:
        i, _, _, total = state
        return gnp.any(total > -rate) & (i < most)

    def draw(state: Any) -> Any:
        i, k, key, total = state
        key, own = split_into(key, 2)
        k = gnp.where(total > -rate, k + 1, k)
        return i + 1, k, key, total + log(uniform(own, shape, F32))

    start = (0, gnp.zeros(shape, dtype), key, gnp.zeros(shape, F32))
    return lax.while_loop(is_short, draw, start)[1] - 1


def poisson_by_rejection(key: Any, rate: Any, shape: Any, dtype: Any, most: int) -> Any:
    """Return Poisson numbers of large rates by transformed rejection."""
    log_rate = gnp.log(rate)
    b = 0.931 + 2.53 * gnp.sqrt(rate)
    a = -0.059 + 0.02483 * b
    inverse_alpha = 1.1239 + 1.1328 / (b - 3.4)
    v_r = 0.9277 - 3.6224 / (b - 2)

    def draw(state: Any) -> Any:
        i, out, done, key = state
        key, key_u, key_v = split_into(key, 3)
        u = uniform(key_u, shape, rate.dtype) - 0.5
        v = uniform(key_v, shape, rate.dtype)
        rest = 0.5 - abs(u)
        k = gnp.floor((2 * a / rest + b) * u + rate + 0.43)
        s = gnp.log(v * inverse_alpha / (a / (rest * rest) + b))
        likelihood = -rate + k * log_rate - lax.lgamma(k + 1)
        is_quick = (rest >= 0.07) & (v <= v_r)
        is_refused = (k < 0) | ((rest < 0.013) & (v > rest))
        accepted = is_quick | (~is_refused & (s <= likelihood))
        return i + 1, gnp.where(accepted, k, out), done | accepted, key

    start = (0, gnp.full(shape, -1, rate.dtype), gnp.zeros(shape, bool), key)
    return lax.while_loop(lambda s: gnp.any(~s[2]) & (s[0] < most), draw, start)[1].astype(dtype)


@jit(static_argnums=(2, 3))
def _poisson(key: Any, lam: Any, shape: Any, dtype: Any) -> Any:
    key = typed(key)
    most = int(min(dtypes.iinfo(dtype).max, dtypes.iinfo(dtypes.canonicalize_dtype(np.int64)).max))
    lam = broadcast(lam, shape)
    is_small = gnp.isnan(lam) | (lam < POISSON_SMALL)
    small = gnp.where(is_small, lam, 0.0)
    large = gnp.where(is_small, 1e5, lam)
    out = gnp.where(
        is_small,
        poisson_by_product(key, small, shape, dtype, most),
        poisson_by_rejection(key, large, shape, dtype, most),
    )
    return gnp.where(lam == 0, 0, out).astype(dtype)


def poisson(
    key: Any, lam: Any, shape: Shape | None = None, dtype: Any = None, *, out_sharding: Any = None
) -> Any:
    """Return Poisson random numbers of the mean `lam`.

    Shapes: lam broadcasts to shape, which is lam's by default.
    """
    value, found = checked(key, "poisson"), integer_dtype(dtype, "poisson")
    rate = lax.convert_element_type(as_value(lam), F32)
    return _poisson(value, rate, result_shape(shape, "poisson", rate), found)


def binomial_by_gaps(key: Any, count: Any, p: Any, shape: Any, most: int) -> Any:
    """Return binomial numbers: how many geometric gaps between successes fit into the count."""
    log_rest = log1p(-p)

    def draw(state: Any) -> Any:
        i, n, total, key = state
        own, key = split_into(key, 2)
        n = gnp.where(total <= count, n + 1, n)
        gap = gnp.ceil(log(uniform(own, shape, p.dtype)) / log_rest)
        return i + 1, n, total + gap, key

    start = (0, gnp.zeros(shape, p.dtype), gnp.zeros(shape, p.dtype), key)
    out = lax.while_loop(lambda s: gnp.any(s[2] <= count) & (s[0] < most), draw, start)
    return out[1] - 1


def stirling_rest(k: Any) -> Any:
    """Return log(k!) less Stirling's main terms: a table up to 9, then its series."""
    exact = gnp.asarray(
        [
            0.0810614667953272, 0.0413406959554092, 0.0276779256849983, 0.0207906721037650,
            0.0166446911898211, 0.0138761288230707, 0.0118967099458917, 0.0104112652619720,
            0.00925546218271273, 0.00833056343336287,
        ],
        k.dtype,
    )  # fmt: skip
    near = exact[gnp.clip(gnp.floor(k), 0, 9).astype(np.int32)]
    square = (k + 1) * (k + 1)
    far = (1 / 12 - (1 / 360 - 1 / 1260 / square) / square) / (k + 1)
    return gnp.where(k <= 9, near, far)


def binomial_by_rejection(key: Any, count: Any, p: Any, shape: Any, most: int) -> Any:
    """Return binomial numbers of large means by transformed rejection."""
    deviation = gnp.sqrt(count * p * (1 - p))
    b = 1.15 + 2.53 * deviation
    a = -0.0873 + 0.0248 * b + 0.01 * p
    c = count * p + 0.5
    v_r = 0.92 - 4.2 / b
    odds = p / (1 - p)
    alpha = (2.83 + 5.1 / b) * deviation
    m = gnp.floor((count + 1) * p)

    def likelihood(k: Any) -> Any:
        return (
            (m + 0.5) * gnp.log((m + 1) / (odds * (count - m + 1)))
            + (count + 1) * gnp.log((count - m + 1) / (count - k + 1))
            + (k + 0.5) * gnp.log(odds * (count - k + 1) / (k + 1))
            + stirling_rest(m)
            + stirling_rest(count - m)
            - stirling_rest(k)
            - stirling_rest(count - k)
        )

    def draw(state: Any) -> Any:
        i, out, done, key = state
        key, key_u, key_v = split_into(key, 3)
        u = uniform(key_u, shape, p.dtype) - 0.5
        v = uniform(key_v, shape, p.dtype)
        rest = 0.5 - abs(u)
        k = gnp.floor((2 * a / rest + b) * u + c)
        is_quick = (rest >= 0.07) & (v <= v_r)
        is_refused = (k < 0) | (k > count)
        s = gnp.log(v * alpha / (a / (rest * rest) + b))
        accepted = is_quick | (~is_refused & (s <= likelihood(k)))
        return i + 1, gnp.where(accepted, k, out), done | accepted, key

    start = (0, gnp.full(shape, -1, p.dtype), gnp.zeros(shape, bool), key)
    return lax.while_loop(lambda s: gnp.any(~s[2]) & (s[0] < most), draw, start)[1]


@jit(static_argnums=(3, 4))
def _binomial(key: Any, n: Any, p: Any, shape: Any, dtype: Any) -> Any:
    key = typed(key)
    most = int(dtypes.iinfo(np.int32).max)
    wide = dtypes.to_inexact_dtype(gnp.result_type(n, p))
    count, p = (broadcast(lax.convert_element_type(v, wide), shape) for v in (n, p))
    is_wrong = gnp.isnan(p) | (p < 0) | (p > 1) | gnp.isnan(count) | (count < 0)
    is_mirrored = p > 0.5
    q = gnp.where(is_wrong, 0.0, gnp.where(is_mirrored, 1 - p, p))
    is_infinite = gnp.isinf(count)
    n_small = gnp.where(is_wrong | is_infinite, 0.0, count)
    is_small = n_small * q <= BINOMIAL_SMALL
    small = binomial_by_gaps(
        key, gnp.where(is_small, n_small, 0.0), gnp.where(is_small, q, 0.0), shape, most
    )
    large = binomial_by_rejection(
        key, gnp.where(is_small, 1e4, n_small), gnp.where(is_small, 0.5, q), shape, most
    )
    out = gnp.where(is_small, small, large)
    out = gnp.where(is_mirrored, count - out, out)
    out = gnp.where(is_infinite, gnp.where(p == 0, 0.0, gnp.inf), out)
    return gnp.where(is_wrong, gnp.nan, out).astype(dtype)


def binomial(key: Any, n: Any, p: Any, shape: Shape | None = None, dtype: Any = None) -> Any:
    """Return the numbers of successes among `n` throws of probability `p`, as floats.

    NaN for counts below 0 and probabilities outside 0 … 1.
    Shapes: n, p broadcast to shape, which is theirs together by default.
    """
    value, found = checked(key, "binomial"), float_dtype(dtype, "binomial")
    return _binomial(value, as_value(n), as_value(p), result_shape(shape, "binomial", n, p), found)


@jit(static_argnums=(3, 4))
def _multinomial(key: Any, n: Any, p: Any, shape: Any, dtype: Any) -> Any:
    chances = gnp.moveaxis(broadcast(lax.convert_element_type(p, dtype), shape), -1, 0)
    rest = gnp.flip(gnp.cumsum(gnp.flip(chances, 0), 0), 0)
    shares = gnp.clip(chances / gnp.where(rest == 0, 1, rest), 0, 1)
    keys = gnp.stack(split_into(typed(key), shares.shape[0]))

    def step(left: Any, outcome: Any) -> Any:
        share, own = outcome
        drawn = binomial(own, left, share, shape[:-1], dtype)
        return left - drawn, drawn

    left = broadcast(lax.convert_element_type(n, dtype), shape[:-1])
    return gnp.moveaxis(lax.scan(step, left, (shares, keys))[1], 0, -1)


def multinomial(
    key: Any,
    n: Any,
    p: Any,
    *,
    shape: Shape | None = None,
    dtype: Any = None,
    unroll: int | bool = 1,
) -> Any:
    """Return how often each of k outcomes of probabilities `p` comes among `n` throws, as floats.

    Shapes: n T[s], p T[s, k] -> dtype[shape]; shape ends in k, and is that of p by default.
    Errors: ValueError for a p without axes and a shape that does not end in k.
    """
    value, found = checked(key, "multinomial"), float_dtype(dtype, "multinomial")
    p = as_value(p)
    if p.ndim < 1:
        raise ShapeError(f"random.multinomial: p has at least one axis.{at_user_line()}")
    batch, n_outcomes = np.empty(p.shape[:-1], bool), p.shape[-1]
    wanted = None if shape is None else as_shape(shape, "multinomial")
    if wanted is not None and wanted[-1:] != (n_outcomes,):
        raise ShapeError(
            f"random.multinomial: the shape {wanted} must end in the {n_outcomes} outcomes of p."
            f"{at_user_line()}"
        )
    rest = result_shape(None if wanted is None else wanted[:-1], "multinomial", n, batch)
    return _multinomial(value, as_value(n), p, (*rest, n_outcomes), found)
