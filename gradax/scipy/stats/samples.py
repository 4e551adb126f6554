"""Statistics of samples."""

from __future__ import annotations

from collections import namedtuple
from typing import Any

from gradax import lax
from gradax import numpy as gnp
from gradax.errors import ArgumentError, UnsupportedArgumentError, at_user_line
from gradax.numpy.axes import canonical_axis
from gradax.scipy.arguments import a_float

ModeResult = namedtuple("ModeResult", ("mode", "count"))

METHODS = ("average", "min", "max", "dense", "ordinal")


def check_nan_policy(name: str, nan_policy: str, known: tuple[str, ...] = ("propagate",)) -> None:
    """Refuse policies that are not supported.

    Errors: NotImplementedError for those SciPy has; ValueError for any other.
    """
    if nan_policy in known:
        return
    if nan_policy in ("propagate", "omit", "raise"):
        raise UnsupportedArgumentError(
            f"{name}: nan_policy={nan_policy!r} is not supported.{at_user_line()}"
        )
    raise ArgumentError(
        f"{name}: nan_policy is 'propagate', 'omit' or 'raise'; got {nan_policy!r}.{at_user_line()}"
    )


def firsts(ordered: Any) -> Any:
    """Return where the runs of equal elements of sorted rows begin."""
    start = gnp.ones((*ordered.shape[:-1], 1), bool)
    return gnp.concatenate([start, ordered[..., 1:] != ordered[..., :-1]], -1)


def runs(ordered: Any) -> tuple[Any, Any]:
    """Return the first and the last place, from 1, of the run that each element is in."""
    n = ordered.shape[-1]
    is_first = firsts(ordered)
    is_last = gnp.concatenate([is_first[..., 1:], gnp.ones_like(is_first[..., :1])], -1)
    places = gnp.arange(1, n + 1)
    axis = ordered.ndim - 1
    low = lax.cummax(gnp.where(is_first, places, 0), axis)
    return low, lax.cummin(gnp.where(is_last, places, n), axis, reverse=True)


def mode(
    a: Any, axis: int | None = 0, nan_policy: str = "propagate", keepdims: bool = False
) -> ModeResult:
    """Return the most frequent elements along `axis`, the smallest of several, and how often.

    Errors: NotImplementedError for a nan_policy other than propagate.
    """
    check_nan_policy("mode", nan_policy)
    x = gnp.atleast_1d(gnp.asarray(a))
    shape = x.shape
    if axis is None:
        rows, kept = x.reshape(-1), (1,) * len(shape)
    else:
        axis = canonical_axis("mode", axis, x.ndim)
        rows = gnp.moveaxis(x, axis, -1)
        kept = tuple(1 if i == axis else n for i, n in enumerate(shape))
    if rows.shape[-1] == 0:
        values = gnp.full(rows.shape[:-1], gnp.nan)
        counts = gnp.zeros(rows.shape[:-1], int)
    else:
        ordered = gnp.sort(rows, -1)
        low, high = runs(ordered)
        counts = high - low + 1
        place = gnp.argmax(counts, -1)[..., None]
        values = gnp.take_along_axis(ordered, place, -1)[..., 0]
        counts = gnp.take_along_axis(counts, place, -1)[..., 0]
    if keepdims:
        values, counts = values.reshape(kept), counts.reshape(kept)
    return ModeResult(values, counts)


def rankdata(
    a: Any, method: str = "average", *, axis: int | None = None, nan_policy: str = "propagate"
) -> Any:
    """Return ranks from 1, ties by `method`: average, min, max, dense or ordinal.

    Errors: ValueError for another method; NotImplementedError for another nan_policy.
    """
    check_nan_policy("rankdata", nan_policy)
    if method not in METHODS:
        raise ArgumentError(
            f"rankdata: the method is one of {', '.join(METHODS)}; got {method!r}.{at_user_line()}"
        )
    x = gnp.atleast_1d(gnp.asarray(a))
    if axis is None:
        x, axis = x.reshape(-1), 0
    rows = gnp.moveaxis(x, axis, -1)
    order = gnp.argsort(rows, -1)
    places = gnp.argsort(order, -1)
    if method == "ordinal":
        return gnp.moveaxis(places + 1, -1, axis)
    ordered = gnp.take_along_axis(rows, order, -1)
    if method == "dense":
        group = gnp.cumsum(firsts(ordered), -1)
        return gnp.moveaxis(gnp.take_along_axis(group, places, -1), -1, axis)
    low, high = runs(ordered)
    ranks = {"min": low, "max": high, "average": (low + high) / 2}[method]
    return gnp.moveaxis(gnp.take_along_axis(ranks, places, -1), -1, axis)


def sem(
    a: Any,
    axis: int | None = 0,
    ddof: int = 1,
    nan_policy: str = "propagate",
    *,
    keepdims: bool = False,
) -> Any:
    """Return the standard error of the mean along `axis`; "omit" leaves NaN out of the counts.

    Errors: NotImplementedError for the nan_policy raise.
    """
    check_nan_policy("sem", nan_policy, ("propagate", "omit"))
    x = a_float("sem", a)
    if axis is None:
        x, axis = x.reshape(-1), 0
    if nan_policy == "omit":
        count = gnp.sum(~gnp.isnan(x), axis, keepdims=keepdims)
        return gnp.nanstd(x, axis, ddof=ddof, keepdims=keepdims) / gnp.sqrt(count).astype(x.dtype)
    deviation = gnp.std(x, axis, ddof=ddof, keepdims=keepdims)
    return deviation / gnp.sqrt(gnp.asarray(x.shape[axis], x.dtype))
