"""Quasi-Newton minimization.

Source: Nocedal and Wright, "Numerical Optimization" (2006), algorithms 6.1, 7.4 and 7.5.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from gradax import lax
from gradax import numpy as gnp
from gradax.api.grad import value_and_grad
from gradax.errors import ArgumentError, ArgumentTypeError, ShapeError, at_user_line
from gradax.scipy.arguments import a_float
from gradax.scipy.optimize.line_search import Point, search_line

# What `status` is when it is not 0.
TOO_MANY_STEPS, LINE_SEARCH_FAILED = 1, 3


class OptimizeResults(NamedTuple):
    """What a minimization found.

    `status` is 0 for convergence, 1 for too many iterations, 3 where no step led down.
    """

    x: Any
    success: Any
    status: Any
    fun: Any
    jac: Any
    hess_inv: Any
    nfev: Any
    njev: Any
    nit: Any


class State(NamedTuple):
    """Where a minimization is."""

    x: Any
    value: Any
    gradient: Any
    memory: Any
    n_calls: Any
    n_steps: Any
    is_converged: Any
    is_stuck: Any


class History(NamedTuple):
    """The last steps and changes of the gradient, newest first, and 1 over their products."""

    steps: Any
    changes: Any
    inverses: Any


def bfgs_direction(inverse: Any, gradient: Any) -> Any:
    """Return where the approximate Newton step leads."""
    return -gnp.matmul(inverse, gradient, precision=lax.Precision.HIGHEST)


def bfgs_update(inverse: Any, s: Any, y: Any) -> Any:
    """Return the inverse of the Hessian after a step s that changed the gradient by y."""
    product = gnp.vdot(s, y)
    is_good = product > 0
    rho = 1 / gnp.where(is_good, product, 1)
    hy = gnp.matmul(inverse, y, precision=lax.Precision.HIGHEST)
    both = gnp.outer(s, hy)
    new = inverse - rho * (both + both.T) + (rho * rho * gnp.vdot(y, hy) + rho) * gnp.outer(s, s)
    return gnp.where(is_good, new, inverse)


def history_direction(history: History, gradient: Any) -> Any:
    """Return where the approximate Newton step of the last changes leads."""
    q = gradient
    n = history.steps.shape[0]
    shares = []
    for k in range(n):
        share = history.inverses[k] * gnp.vdot(history.steps[k], q)
        q = q - share * history.changes[k]
        shares.append(share)
    size = gnp.vdot(history.changes[0], history.changes[0])
    is_known = history.inverses[0] > 0
    scale = 1 / gnp.where(is_known, history.inverses[0] * size, 1)
    q = gnp.where(is_known, scale, 1) * q
    for k in reversed(range(n)):
        q = (
            q
            + (shares[k] - history.inverses[k] * gnp.vdot(history.changes[k], q))
            * (history.steps[k])
        )
    return -q


def history_update(history: History, s: Any, y: Any) -> History:
    """Return the history with one more step, where that was towards more slope."""
    product = gnp.vdot(s, y)
    is_good = product > 0
    news = (s, y, 1 / gnp.where(is_good, product, 1))
    return History(
        *(
            gnp.where(is_good, gnp.concatenate([gnp.asarray(new)[None], old[:-1]]), old)
            for new, old in zip(news, history, strict=True)
        )
    )


def norm_of(x: Any, order: Any) -> Any:
    """Return a norm of a vector."""
    return gnp.linalg.norm(x, ord=order)


def descend(
    fun: Callable[[Any], Any],
    x0: Any,
    memory: Any,
    direction: Callable[..., Any],
    update: Callable[..., Any],
    limits: Mapping[str, Any],
) -> State:
    """Take quasi-Newton steps until the gradient is small."""
    slopes = value_and_grad(fun)
    max_calls, order = int(limits["line_search_maxiter"]), limits["norm"]

    def is_small(gradient: Any) -> Any:
        return norm_of(gradient, order) < limits["gtol"]

    def go_on(state: State) -> Any:
        return ~state.is_converged & ~state.is_stuck & (state.n_steps < limits["maxiter"])

    def step(state: State) -> State:
        p = direction(state.memory, state.gradient)
        slope = gnp.vdot(state.gradient, p)
        # Rounding may turn it; the gradient leads down always.
        p = gnp.where(slope < 0, p, -state.gradient)
        slope = gnp.where(slope < 0, slope, -gnp.vdot(state.gradient, state.gradient))
        start = Point(gnp.zeros((), x0.dtype), state.value, slope, state.gradient)
        found, is_good, n_calls = search_line(slopes, state.x, start, p, max_calls)
        s = found.step * p
        x = state.x + s
        memory = update(state.memory, s, found.gradient - state.gradient)
        drop = state.value - found.value
        size = gnp.maximum(gnp.maximum(abs(state.value), abs(found.value)), 1)
        is_converged = is_small(found.gradient) | (is_good & (drop <= limits["ftol"] * size))
        return State(
            x, found.value, found.gradient, memory, state.n_calls + n_calls, state.n_steps + 1,
            is_converged, ~is_converged & (found.step == 0),
        )  # fmt: skip

    value, gradient = slopes(x0)
    one, zero = (gnp.asarray(v, gnp.int32) for v in (1, 0))
    first = State(x0, value, gradient, memory, one, zero, is_small(gradient), gnp.asarray(False))
    return lax.while_loop(go_on, step, first)


# Names of options, and their defaults besides maxiter: 200 times the number of variables.
BFGS = {"maxiter": None, "norm": np.inf, "gtol": 1e-5, "line_search_maxiter": 10}
LBFGS = {
    "maxiter": None,
    "norm": np.inf,
    "gtol": 1e-5,
    "ftol": 2.220446049250313e-09,
    "maxcor": 10,
    "maxls": 20,
}
METHODS: dict[str, dict[str, Any]] = {
    "bfgs": BFGS,
    "l-bfgs-experimental-do-not-rely-on-this": LBFGS,
}


def minimize(
    fun: Callable[..., Any],
    x0: Any,
    args: tuple[Any, ...] = (),
    *,
    method: str,
    tol: Any = None,
    options: Mapping[str, Any] | None = None,
) -> OptimizeResults:
    """Return a local minimum of a differentiable function of a vector.

    `method` is "BFGS" or, with less memory, "l-bfgs-experimental-do-not-rely-on-this". The
    options of BFGS are maxiter, gtol (of the gradient's norm `norm`), line_search_maxiter; of the
    other one maxiter, gtol, norm, ftol, maxcor (steps kept), maxls. `tol` is gtol.
    Shapes: x0 T[n]; fun(x, *args) T[].
    Errors: ValueError for another method, unknown options and other shapes; TypeError for args
    that are no tuple.
    """
    if not isinstance(args, tuple):
        raise ArgumentTypeError(
            f"minimize: args is a tuple; got {type(args).__name__}.{at_user_line()}\nWrite (x,)."
        )
    known = METHODS.get(str(method).lower())
    if known is None:
        raise ArgumentError(
            f"minimize: method is 'BFGS' or {list(METHODS)[1]!r}; got {method!r}.{at_user_line()}"
        )
    x0 = a_float("minimize", x0)
    if x0.ndim != 1:
        raise ShapeError(f"minimize: x0 is a vector; got shape {x0.shape}.{at_user_line()}")
    given = dict(options or {})
    if set(given) - set(known):
        raise ArgumentError(
            f"minimize: the options of {method} are {', '.join(known)}; got {sorted(given)}."
            f"{at_user_line()}"
        )
    chosen = {"ftol": 0.0, **known, **({} if tol is None else {"gtol": tol}), **given}
    chosen["maxiter"] = 200 * x0.size if chosen["maxiter"] is None else chosen["maxiter"]

    def applied(x: Any) -> Any:
        return fun(x, *args)

    if known is BFGS:
        memory = gnp.eye(x0.size, dtype=x0.dtype)
        found = descend(applied, x0, memory, bfgs_direction, bfgs_update, chosen)
        return results(found, found.memory)
    chosen["line_search_maxiter"] = chosen["maxls"]
    zeros = gnp.zeros((int(chosen["maxcor"]), x0.size), x0.dtype)
    history = History(zeros, zeros, zeros[:, 0])
    return results(descend(applied, x0, history, history_direction, history_update, chosen), None)


def results(state: State, inverse: Any) -> OptimizeResults:
    """Return what users see of a last state."""
    failed = gnp.where(state.is_stuck, LINE_SEARCH_FAILED, TOO_MANY_STEPS)
    return OptimizeResults(
        x=state.x,
        success=state.is_converged,
        status=gnp.where(state.is_converged, 0, failed),
        fun=state.value,
        jac=state.gradient,
        hess_inv=inverse,
        nfev=state.n_calls,
        njev=state.n_calls,
        nit=state.n_steps,
    )
