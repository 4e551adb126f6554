"""Ordinary differential equations: `odeint`, an adaptive Runge-Kutta method of order 5.

Source: Dormand & Prince (1980), table 2; Shampine (1986) for values between steps; Hairer, Nørsett
& Wanner, Solving ODEs I, II.4 for the first step and the control of steps. Reverse mode solves the
adjoint equation backwards (Pontryagin), so that steps are not kept.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from gradax import dtypes, lax, tree
from gradax import numpy as jnp
from gradax.api.arguments import check_callable
from gradax.api.custom_gradient import closure_convert
from gradax.api.custom_vjp import custom_vjp
from gradax.api.vjp import vjp
from gradax.api.vmap import vmap
from gradax.core.value import as_value
from gradax.errors import ArgumentTypeError, at_user_line
from gradax.flatten_util import ravel_pytree

NODES = np.array([0, 1 / 5, 3 / 10, 4 / 5, 8 / 9, 1, 1])
STAGES = np.array([
    [0, 0, 0, 0, 0, 0, 0],
    [1 / 5, 0, 0, 0, 0, 0, 0],
    [3 / 40, 9 / 40, 0, 0, 0, 0, 0],
    [44 / 45, -56 / 15, 32 / 9, 0, 0, 0, 0],
    [19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729, 0, 0, 0],
    [9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656, 0, 0],
    [35 / 384, 0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84, 0],
])  # fmt: skip
WEIGHTS = STAGES[6]
ERROR = WEIGHTS - np.array([
    5179 / 57600, 0, 7571 / 16695, 393 / 640, -92097 / 339200, 187 / 2100, 1 / 40,
])  # fmt: skip
# Coefficients of s, s², s³, s⁴ in the weights of the value at the part s of a step.
BETWEEN = np.array([
    [1, -8048581381 / 2820520608, 8663915743 / 2820520608, -12715105075 / 11282082432],
    [0, 0, 0, 0],
    [0, 131558114200 / 32700410799, -68118460800 / 10900136933, 87487479700 / 32700410799],
    [0, -1754552775 / 470086768, 14199869525 / 1410260304, -10690763975 / 1880347072],
    [0, 127303824393 / 49829197408, -318862633887 / 49829197408, 701980252875 / 199316789632],
    [0, -282668133 / 205662961, 2019193451 / 616988883, -1453857185 / 822651844],
    [0, 40617522 / 29380423, -110615467 / 29380423, 69997945 / 29380423],
])  # fmt: skip
SAFETY, SHRINK, GROW = 0.9, 0.2, 10.0


def odeint(
    func: Callable[..., Any],
    y0: Any,
    t: Any,
    *args: Any,
    rtol: float = 1.4e-8,
    atol: float = 1.4e-8,
    mxstep: float = np.inf,
    hmax: float = np.inf,
) -> Any:
    """Return y at the times `t`, where y' = func(y, t, *args) and y(t[0]) = y0, a pytree.

    Each step keeps the estimated error below atol + rtol |y|. mxstep: steps between two times, at
    most. hmax: the largest step. The result has an axis more in front, of the times.
    Errors: TypeError for args that are no arrays.
    """
    check_callable("odeint", func)
    for x in tree.leaves(args):
        if not isinstance(x, (int, float, complex)) and not hasattr(x, "dtype"):
            raise ArgumentTypeError(
                f"odeint: the further arguments must be arrays; got {repr(x)[:60]} of type"
                f" {type(x).__name__}.{at_user_line()}\nClose over what is no array."
            )
    y0 = tree.map(as_float, y0)
    converted, consts = closure_convert(func, y0, as_float(t)[0], *args)
    control = (float(rtol), float(atol), mxstep, hmax)
    flat, unravel = ravel_pytree(y0)

    def rate(y: Any, time: Any, *rest: Any) -> Any:
        return ravel_pytree(converted(unravel(y), time, *rest))[0]

    out = solve(rate, control, flat, as_float(t), (*args, *consts))
    return vmap(unravel)(out)


def as_float(x: Any) -> Any:
    """Return an array of floats."""
    x = as_value(x)
    return x if dtypes.issubdtype(x.dtype, np.inexact) else jnp.asarray(x, dtype=float)


@partial(custom_vjp, nondiff_argnums=(0, 1))
def solve(rate: Any, control: Any, y0: Any, ts: Any, args: Any) -> Any:
    """Return y at all times, as rows."""
    return integrate(rate, control, y0, ts, args)


def integrate(rate: Any, control: Any, y0: Any, ts: Any, args: Any) -> Any:
    """Step from time to time."""
    rtol, atol, mxstep, hmax = control

    def fun(y: Any, t: Any) -> Any:
        return rate(y, t, *args)

    f0 = fun(y0, ts[0])
    h = jnp.clip(first_step(fun, ts[0], y0, f0, rtol, atol), 0.0, hmax)
    order = np.arange(1, 5)

    def advance(state: Any, target: Any) -> Any:
        def unfinished(s: Any) -> Any:
            return (s[0] < mxstep) & (s[3] < target) & (s[4] > 0)

        def step(s: Any) -> Any:
            n, y, f, t, h, t_before, y_before, h_before, k_before = s
            y_new, error, k = runge_kutta_step(fun, y, f, t, h)
            ratio = error_ratio(error, y, y_new, rtol, atol)
            accepted = ratio <= 1
            h_new = jnp.clip(next_step(h, ratio), 0.0, hmax)
            yes = (n + 1, y_new, k[-1], t + h, h_new, t, y, h, k)
            no = (n + 1, y, f, t, h_new, t_before, y_before, h_before, k_before)
            return tree.map(lambda a, b: jnp.where(accepted, a, b), yes, no)

        state = lax.while_loop(unfinished, step, (0, *state[1:]))
        _, _, _, _, _, t_before, y_before, h_before, k = state
        s = jnp.where(
            h_before == 0, 0.0, (target - t_before) / jnp.where(h_before == 0, 1, h_before)
        )
        weights = jnp.asarray(BETWEEN, y0.dtype) @ (s.astype(ts.dtype) ** order).astype(y0.dtype)
        return state, (y_before + h_before.astype(y0.dtype) * (weights @ k)).astype(y0.dtype)

    nothing = jnp.zeros((7, y0.shape[0]), y0.dtype)
    start = (0, y0, f0, ts[0], h, ts[0], y0, jnp.zeros_like(ts[0]), nothing)
    _, ys = lax.scan(advance, start, ts[1:])
    return jnp.concatenate([y0[None], ys])


def runge_kutta_step(fun: Any, y: Any, f: Any, t: Any, h: Any) -> tuple[Any, Any, Any]:
    """Return the value after a step, the estimate of its error, and the slopes."""
    size = h.astype(y.dtype)
    slopes = [f]
    value = y
    for node, row in zip(NODES[1:], STAGES[1:], strict=True):
        moves = sum(float(a) * k for a, k in zip(row, slopes, strict=False) if a)
        value = y + size * moves
        slopes.append(fun(value, t + h * float(node)))
    error = size * sum(float(e) * k for e, k in zip(ERROR, slopes, strict=True) if e)
    return value, error, jnp.stack(slopes)


def error_ratio(error: Any, y: Any, y_new: Any, rtol: float, atol: float) -> Any:
    """Return the error relative to what is allowed, the root of the mean square."""
    allowed = atol + rtol * jnp.maximum(jnp.abs(y), jnp.abs(y_new))
    return jnp.sqrt(jnp.mean(jnp.abs(error / allowed) ** 2))


def next_step(h: Any, ratio: Any) -> Any:
    """Return the size of the next step."""
    factor = SAFETY * jnp.maximum(ratio, 1e-10) ** -0.2
    most = jnp.where(ratio > 1, 1.0, GROW)
    return (h * jnp.clip(jnp.where(jnp.isfinite(factor), factor, SHRINK), SHRINK, most)).astype(
        h.dtype
    )


def first_step(fun: Any, t: Any, y: Any, f: Any, rtol: float, atol: float) -> Any:
    """Return the size of the first step, from the size of y, y' and y''."""
    scale = atol + rtol * jnp.abs(y)

    def norm(v: Any) -> Any:
        return jnp.sqrt(jnp.mean(jnp.abs(v / scale) ** 2))

    d0, d1 = norm(y), norm(f)
    small = (d0 < 1e-5) | (d1 < 1e-5)
    h0 = jnp.where(small, 1e-6, 0.01 * d0 / jnp.where(small, 1, d1))
    d2 = norm(fun(y + h0.astype(y.dtype) * f, t + h0.astype(t.dtype)) - f) / h0
    most = jnp.maximum(d1, d2)
    flat = most <= 1e-15
    h1 = jnp.where(flat, jnp.maximum(1e-6, h0 * 1e-3), (0.01 / jnp.where(flat, 1, most)) ** 0.2)
    return jnp.minimum(100 * h0, h1).astype(t.dtype)


def solve_forward(rate: Any, control: Any, y0: Any, ts: Any, args: Any) -> Any:
    """Return the solution, and what the adjoint needs."""
    ys = integrate(rate, control, y0, ts, args)
    return ys, (ys, ts, args)


def solve_backward(rate: Any, control: Any, kept: Any, g: Any) -> Any:
    """Solve the adjoint equation from the last time to the first."""
    ys, ts, args = kept
    leaves, structure = tree.flatten(args)
    moving = [dtypes.issubdtype(as_value(x).dtype, np.inexact) for x in leaves]
    floats = [as_value(x) for x, m in zip(leaves, moving, strict=True) if m]

    def with_floats(values: Any) -> Any:
        rest = iter(values)
        return tree.unflatten(
            structure, [next(rest) if m else x for x, m in zip(leaves, moving, strict=True)]
        )

    zero = [jnp.zeros_like(x) for x in floats]
    flat_state, unravel = ravel_pytree((ys[0], ys[0], zero))

    def backwards(state: Any, s: Any, *values: Any) -> Any:
        y, ct, _ = unravel(state)
        value, pull = vjp(lambda y, *a: rate(y, -s, *with_floats(a)), y, *values)
        ct_y, *ct_args = pull(ct)
        return ravel_pytree((-value, ct_y, ct_args))[0]

    def interval(carry: Any, x: Any) -> Any:
        ct, ct_args = carry
        y, t, t_before, g_before, g_here = x
        state = ravel_pytree((y, ct, ct_args))[0].astype(flat_state.dtype)
        times = jnp.stack([-t, -t_before])
        _, ct, ct_args = unravel(integrate(backwards, control, state, times, tuple(floats))[1])
        slope = jnp.sum(rate(y, t, *args) * g_here)
        return (ct + g_before, ct_args), (ct, slope)

    rows = (ys[1:], ts[1:], ts[:-1], g[:-1], g[1:])
    (ct, ct_args), (arrived, slopes) = lax.scan(interval, (g[-1], zero), rows, reverse=True)
    if ts.shape[0] == 1:
        return ct, jnp.zeros_like(ts), with_zeros(args, ct_args, moving)
    first = -jnp.sum(rate(ys[0], ts[0], *args) * arrived[0])
    ct_ts = jnp.real(jnp.concatenate([first[None], slopes])).astype(ts.dtype)
    return ct, ct_ts, with_zeros(args, ct_args, moving)


def with_zeros(args: Any, ct_args: Any, moving: Any) -> Any:
    """Return the cotangents of all arguments; those of integers are None's of dtype float0."""
    leaves, structure = tree.flatten(args)
    rest = iter(ct_args)
    found = [
        next(rest) if m else np.zeros(np.shape(x), dtypes.float0)
        for x, m in zip(leaves, moving, strict=True)
    ]
    return tree.unflatten(structure, found)


solve.defvjp(solve_forward, solve_backward)
