"""Checks of derivatives against finite differences, in one random direction each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from gradax import dtypes, tree
from gradax.api.jvp import jvp
from gradax.api.vjp import vjp
from gradax.core.value import as_value
from gradax.errors import ArgumentError, at_user_line

EPS = 1e-4
_TOLERANCES = {
    "bfloat16": 1e-1, "float16": 1e-2, "float32": 2e-3, "float64": 1e-5,
    "complex64": 2e-3, "complex128": 1e-5,
}  # fmt: skip


def check_jvp(
    f: Callable[..., Any],
    f_jvp: Callable[..., Any],
    args: Sequence[Any],
    atol: float | None = None,
    rtol: float | None = None,
    eps: float = EPS,
    err_msg: str = "",
) -> None:
    """Check that `f_jvp(args, tangents)` gives f(*args) and its derivative along the tangents.

    Errors: AssertionError where they differ from f and its finite differences of step `eps`.
    """
    tangents = tree.map(partial(random_like, np.random.RandomState(0)), tuple(args))
    out, out_tangent = f_jvp(tuple(args), tangents)
    where = f"{err_msg} in " if err_msg else ""
    compare(out, f(*args), atol, rtol, f"{where}JVP primal")
    expected = numerical_jvp(f, args, tangents, eps)
    compare(out_tangent, expected, atol, rtol, f"{where}JVP tangent")


def check_vjp(
    f: Callable[..., Any],
    f_vjp: Callable[..., Any],
    args: Sequence[Any],
    atol: float | None = None,
    rtol: float | None = None,
    eps: float = EPS,
    err_msg: str = "",
) -> None:
    """Check that `f_vjp(*args)` gives f(*args) and the function that transposes its derivative.

    Errors: AssertionError where they differ from f and its finite differences of step `eps`.
    """
    rng = np.random.RandomState(0)
    out, pull = f_vjp(*args)
    where = f"{err_msg} in " if err_msg else ""
    compare(out, f(*args), atol, rtol, f"{where}VJP primal")
    tangents = tree.map(partial(random_like, rng), tuple(args))
    moved = numerical_jvp(f, args, tangents, eps)
    ct = tree.map(partial(random_like, rng), out)
    found = inner_product(tangents, conjugate(pull(conjugate(ct))))
    compare(found, inner_product(moved, ct), atol, rtol, f"{where}VJP cotangent projection")


def check_grads(
    f: Callable[..., Any],
    args: Sequence[Any],
    order: int,
    modes: Sequence[str] = ("fwd", "rev"),
    atol: float | None = None,
    rtol: float | None = None,
    eps: float | None = None,
) -> None:
    """Check the derivatives of f at `args` up to an order, forward ("fwd") and reverse ("rev").

    Errors: AssertionError where they differ from finite differences; ValueError for other modes.
    """
    names = (modes,) if isinstance(modes, str) else tuple(modes)
    if not set(names) <= {"fwd", "rev"}:
        raise ArgumentError(f"check_grads: modes are 'fwd' and 'rev'; got {modes}.{at_user_line()}")
    step = eps_for(args) if eps is None else eps
    tolerances = {"atol": atol, "rtol": rtol, "eps": step}
    rng = np.random.RandomState(0)

    def check(g: Callable[..., Any], at: tuple[Any, ...], left: int, what: str) -> None:
        if "fwd" in names:
            check_jvp(g, partial(jvp, g), at, err_msg=f"{what}JVP", **tolerances)
            if left > 1:
                check(forward(g), (at, at), left - 1, f"JVP of {what}")
        if "rev" in names:
            check_vjp(g, partial(vjp, g), at, err_msg=f"{what}VJP", **tolerances)
            if left > 1:
                ct = tree.map(partial(random_like, rng), g(*at))
                check(backward(g, ct), at, left - 1, f"VJP of {what}")

    def forward(g: Callable[..., Any]) -> Callable[..., Any]:
        return lambda primals, tangents: jvp(g, primals, as_tangents(primals, tangents))

    def backward(g: Callable[..., Any], ct: Any) -> Callable[..., Any]:
        def derivative(*primals: Any) -> Any:
            out, pull = vjp(g, *primals)
            found = zip(tree.leaves(pull(ct)), tree.leaves(primals), strict=True)
            return out, [c for c, x in found if is_inexact(x)]

        return derivative

    # As arrays, since integers of Python would be differentiated as floats.
    check(f, tree.map(as_value, tuple(args)), order, "")


def eps_for(args: Sequence[Any]) -> float:
    """Return the step at which rounding and curvature weigh alike for the least exact argument."""
    kinds = [as_value(x).dtype for x in tree.leaves(tuple(args)) if is_inexact(x)]
    return max((float(dtypes.finfo(k).eps) ** (1 / 3) for k in kinds), default=EPS)


def as_tangents(primals: Any, tangents: Any) -> Any:
    """Return tangents, those of what is not differentiated as float0."""
    return tree.map(lambda x, t: t if is_inexact(x) else zero_tangent(x), primals, tangents)


def is_inexact(x: Any) -> bool:
    """Tell whether a leaf is differentiated."""
    return dtypes.issubdtype(as_value(x).dtype, np.inexact)


def zero_tangent(x: Any) -> Any:
    """Return the tangent of a leaf that is not differentiated."""
    return np.zeros(np.shape(x), dtypes.float0)


def random_like(rng: np.random.RandomState, x: Any) -> Any:
    """Return random numbers of the shape and dtype of a leaf, float0 for integers."""
    dtype = as_value(x).dtype
    if not dtypes.issubdtype(dtype, np.inexact):
        return zero_tangent(x)
    out = np.asarray(rng.randn(*np.shape(x)))
    if dtypes.issubdtype(dtype, np.complexfloating):
        out = out + 1j * rng.randn(*np.shape(x))
    return np.asarray(out).astype(dtype)


def moved_along(args: Any, tangents: Any, step: float) -> Any:
    """Return arguments moved along tangents."""

    def move(x: Any, t: Any) -> Any:
        return x if t.dtype == dtypes.float0 else (np.asarray(x) + step * t).astype(t.dtype)

    return tree.map(move, tuple(args), tangents)


def numerical_jvp(f: Callable[..., Any], args: Sequence[Any], tangents: Any, eps: float) -> Any:
    """Return the central difference of f along tangents."""
    after = f(*moved_along(args, tangents, eps))
    before = f(*moved_along(args, tangents, -eps))

    def slope(y: Any, x: Any) -> Any:
        if not is_inexact(y):
            return zero_tangent(y)
        dtype = as_value(y).dtype
        wide = np.promote_types(dtype, np.float64) if dtype.kind in "fc" else np.dtype(np.float64)
        return (np.asarray(y).astype(wide) - np.asarray(x).astype(wide)) * (0.5 / eps)

    return tree.map(slope, after, before)


def conjugate(xs: Any) -> Any:
    """Return the complex conjugates of a tree's leaves."""
    return tree.map(lambda x: np.conj(x) if np.iscomplexobj(x) else x, xs)


def inner_product(xs: Any, ys: Any) -> Any:
    """Return the real part of the sum of the products of two trees' leaves."""
    total = 0.0
    for x, y in zip(tree.leaves(xs), tree.leaves(ys), strict=True):
        x, y = np.asarray(x), np.asarray(y)
        if dtypes.float0 not in (x.dtype, y.dtype):
            kind = np.complex128 if np.iscomplexobj(x) else np.float64
            total += float(np.real(np.vdot(x.astype(kind), y.astype(kind))))
    kinds = [x.dtype for x in map(np.asarray, tree.leaves(ys)) if x.dtype != dtypes.float0]
    return np.asarray(total, narrowest(kinds))


def narrowest(kinds: Sequence[Any]) -> Any:
    """Return the real dtype of the lowest precision, double where there is none."""
    names = [{"complex64": "float32", "complex128": "float64"}.get(k.name, k.name) for k in kinds]
    order = ("float32", "float64")
    return np.dtype(min((n for n in names if n in order), key=order.index, default="float32"))


def compare(
    found: Any, expected: Any, atol: float | None, rtol: float | None, message: str
) -> None:
    """Raise an AssertionError unless two trees are close, as their dtypes allow."""
    leaves, treedef = tree.flatten(found)
    others, other_tree = tree.flatten(expected)
    assert treedef == other_tree, f"{message}: {treedef} is not the tree {other_tree}"
    for x, y in zip(leaves, others, strict=True):
        x, y = np.asarray(x), np.asarray(y)
        assert x.shape == y.shape, f"{message}: the shape {x.shape} is not {y.shape}"
        if dtypes.float0 in (x.dtype, y.dtype):
            continue
        default = max(_TOLERANCES.get(a.dtype.name, 0.0) for a in (x, y))
        kind = np.complex128 if np.iscomplexobj(x) or np.iscomplexobj(y) else np.float64
        np.testing.assert_allclose(
            x.astype(kind), y.astype(kind), atol=default if atol is None else atol,
            rtol=default if rtol is None else rtol, err_msg=message,
        )  # fmt: skip
