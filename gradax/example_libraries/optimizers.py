"""Optimizers of parameters in trees.

An optimizer is (init_fn, update_fn, params_fn): `state = init_fn(params)`, then for step i
`state = update_fn(i, gradients, state)`, and `params_fn(state)` are the parameters. A step size is
a number, or a function from the step to one.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable, Sequence
from functools import reduce, wraps
from typing import Any, NamedTuple

from gradax import numpy as jnp
from gradax import tree_util
from gradax.api_util import safe_map
from gradax.errors import ArgumentTypeError, ShapeError, at_user_line

Array = Any
Params = Any
State = Any
Updates = Any
Step = int
InitFn = Callable[[Params], "OptimizerState"]
UpdateFn = Callable[[Step, Updates, "OptimizerState"], "OptimizerState"]
ParamsFn = Callable[["OptimizerState"], Params]
Schedule = Callable[[Step], Any]

map = safe_map


def zip(*args: Any) -> list[tuple[Any, ...]]:
    """Return tuples of the items of lists of one length. Errors: ValueError for others."""
    return list(builtins.zip(*args, strict=True))


class OptimizerState(NamedTuple):
    """The leaves of each parameter's state, and the trees that they come from."""

    packed_state: Any
    tree_def: Any
    subtree_defs: Any


tree_util.register_pytree_node(
    OptimizerState,
    lambda state: ((state.packed_state,), (state.tree_def, state.subtree_defs)),
    lambda trees, children: OptimizerState(children[0], *trees),
)


class Optimizer(NamedTuple):
    """The three functions of an optimizer."""

    init_fn: InitFn
    update_fn: UpdateFn
    params_fn: ParamsFn


def optimizer(
    opt_maker: Callable[..., tuple[Callable[..., Any], Callable[..., Any], Callable[..., Any]]],
) -> Callable[..., Optimizer]:
    """Make an optimizer of trees of one of arrays.

    `opt_maker(…)` returns init(x) → state, update(i, g, state) → state, get_params(state) → x.
    """

    @wraps(opt_maker)
    def tree_opt_maker(*args: Any, **kwargs: Any) -> Optimizer:
        init, update, get_params = opt_maker(*args, **kwargs)

        def init_fn(params: Params) -> OptimizerState:
            leaves, tree_def = tree_util.tree_flatten(params)
            return packed([init(x) for x in leaves], tree_def)

        def update_fn(i: Step, grads: Updates, state: OptimizerState) -> OptimizerState:
            leaves, tree_def = tree_util.tree_flatten(grads)
            if tree_def != state.tree_def:
                raise ArgumentTypeError(
                    f"optimizer: the gradients are of the tree {tree_def}, the parameters of"
                    f" {state.tree_def}.{at_user_line()}\nPass gradients like the parameters."
                )
            states = unpacked(state)
            new = [update(i, g, s) for g, s in builtins.zip(leaves, states, strict=True)]
            out = packed(new, tree_def)
            for before, after in builtins.zip(state.subtree_defs, out.subtree_defs, strict=True):
                if before != after:
                    raise ArgumentTypeError(
                        f"optimizer: update must return a state like init's, {before}; it returned"
                        f" {after}.{at_user_line()}"
                    )
            return out

        def params_fn(state: OptimizerState) -> Params:
            return tree_util.tree_unflatten(
                state.tree_def, [get_params(s) for s in unpacked(state)]
            )

        return Optimizer(init_fn, update_fn, params_fn)

    return tree_opt_maker


def packed(states: Sequence[Any], tree_def: Any) -> OptimizerState:
    """Return the states of all parameters as one."""
    pairs = [tree_util.tree_flatten(s) for s in states]
    return OptimizerState(
        tuple(tuple(leaves) for leaves, _ in pairs), tree_def, tuple(d for _, d in pairs)
    )


def unpacked(state: OptimizerState) -> list[Any]:
    """Return the state of each parameter."""
    pairs = builtins.zip(state.subtree_defs, state.packed_state, strict=True)
    return [tree_util.tree_unflatten(d, leaves) for d, leaves in pairs]


class JoinPoint:
    """Marks where a parameter's state begins in a tree of states."""

    def __init__(self, subtree: Any) -> None:
        self.subtree = subtree

    def __iter__(self) -> Any:
        yield self.subtree


def unpack_optimizer_state(opt_state: OptimizerState) -> Any:
    """Return a state as a tree of JoinPoints in the tree of the parameters, to be stored."""
    return tree_util.tree_unflatten(opt_state.tree_def, [JoinPoint(s) for s in unpacked(opt_state)])


def pack_optimizer_state(marked_pytree: Any) -> OptimizerState:
    """Return the state of a tree of JoinPoints."""
    points, tree_def = tree_util.tree_flatten(marked_pytree)
    if not all(isinstance(p, JoinPoint) for p in points):
        raise ArgumentTypeError(
            f"pack_optimizer_state: expected JoinPoints at the leaves.{at_user_line()}"
        )
    return packed([p.subtree for p in points], tree_def)


@optimizer
def sgd(step_size: Any) -> Any:
    """Descend along the gradient."""
    rate = make_schedule(step_size)
    return lambda x0: x0, lambda i, g, x: x - rate(i) * g, lambda x: x


@optimizer
def momentum(step_size: Any, mass: float) -> Any:
    """Descend along a velocity that gradients push."""
    rate = make_schedule(step_size)

    def update(i: Any, g: Any, state: Any) -> Any:
        x, velocity = state
        velocity = mass * velocity + g
        return x - rate(i) * velocity, velocity

    return with_zeros(1), update, first


@optimizer
def nesterov(step_size: Any, mass: float) -> Any:
    """Descend as `momentum` does, from where the velocity leads."""
    rate = make_schedule(step_size)

    def update(i: Any, g: Any, state: Any) -> Any:
        x, velocity = state
        velocity = mass * velocity + g
        return x - rate(i) * (mass * velocity + g), velocity

    return with_zeros(1), update, first


@optimizer
def adagrad(step_size: Any, momentum: float = 0.9) -> Any:
    """Divide gradients by the root of the sum of their squares. Source: Duchi et al. 2011."""
    rate = make_schedule(step_size)

    def update(i: Any, g: Any, state: Any) -> Any:
        x, squares, m = state
        squares += jnp.square(g)
        m = (1.0 - momentum) * (g * inverse_root(squares)) + momentum * m
        return x - rate(i) * m, squares, m

    return with_zeros(2), update, first


@optimizer
def rmsprop(step_size: Any, gamma: float = 0.9, eps: float = 1e-8) -> Any:
    """Divide gradients by the root of a running mean of their squares."""
    rate = make_schedule(step_size)

    def update(i: Any, g: Any, state: Any) -> Any:
        x, mean = state
        mean = mean * gamma + jnp.square(g) * (1.0 - gamma)
        return x - rate(i) * g / jnp.sqrt(mean + eps), mean

    return with_zeros(1), update, first


@optimizer
def rmsprop_momentum(
    step_size: Any, gamma: float = 0.9, eps: float = 1e-8, momentum: float = 0.9
) -> Any:
    """Descend as `rmsprop` does, along a velocity."""
    rate = make_schedule(step_size)

    def update(i: Any, g: Any, state: Any) -> Any:
        x, mean, velocity = state
        mean = mean * gamma + jnp.square(g) * (1.0 - gamma)
        velocity = momentum * velocity + rate(i) * g / jnp.sqrt(mean + eps)
        return x - velocity, mean, velocity

    return with_zeros(2), update, first


@optimizer
def adam(step_size: Any, b1: float = 0.9, b2: float = 0.999, eps: float = 1e-8) -> Any:
    """Use running means of gradients and of their squares. Source: Kingma and Ba 2015."""
    rate = make_schedule(step_size)

    def update(i: Any, g: Any, state: Any) -> Any:
        x, m, v = state
        m = (1 - b1) * g + b1 * m
        v = (1 - b2) * jnp.square(g) + b2 * v
        mean = m / (1 - jnp.asarray(b1, m.dtype) ** (i + 1))
        square = v / (1 - jnp.asarray(b2, m.dtype) ** (i + 1))
        return x - rate(i) * mean / (jnp.sqrt(square) + eps), m, v

    return with_zeros(2), update, first


@optimizer
def adamax(step_size: Any, b1: float = 0.9, b2: float = 0.999, eps: float = 1e-8) -> Any:
    """Use a running mean of gradients and their largest size. Source: Kingma and Ba 2015."""
    rate = make_schedule(step_size)

    def update(i: Any, g: Any, state: Any) -> Any:
        x, m, u = state
        m = (1 - b1) * g + b1 * m
        u = jnp.maximum(b2 * u, jnp.abs(g))
        corrected = rate(i) / (1 - jnp.asarray(b1, m.dtype) ** (i + 1))
        return x - corrected * m / (u + eps), m, u

    return with_zeros(2), update, first


@optimizer
def sm3(step_size: Any, momentum: float = 0.9) -> Any:
    """Keep sums of squares along each axis alone. Source: Anil et al. 2019."""
    rate = make_schedule(step_size)

    def init(x0: Any) -> Any:
        x0 = jnp.atleast_1d(x0)
        return x0, jnp.zeros_like(x0), [jnp.zeros(n, dtype=x0.dtype) for n in x0.shape]

    def update(i: Any, g: Any, state: Any) -> Any:
        x, m, along = state
        n = x.ndim
        spread = [
            v.reshape(tuple(-1 if a == k else 1 for a in range(n))) for k, v in enumerate(along)
        ]
        squares = reduce(jnp.minimum, spread) + jnp.square(g)
        m = (1.0 - momentum) * (g * inverse_root(squares)) + momentum * m
        along = [squares.max(tuple(a for a in range(n) if a != k)) for k in range(n)]
        return x - rate(i) * m, m, along

    return init, update, first


def first(state: Any) -> Any:
    """Return the first part of a state, the parameter."""
    return state[0]


def with_zeros(n: int) -> Callable[[Any], Any]:
    """Return the function that makes a state of a parameter and n arrays of zeros like it."""
    return lambda x0: (x0, *(jnp.zeros_like(x0) for _ in range(n)))


def inverse_root(x: Any) -> Any:
    """Return 1 / sqrt(x), 0 where x is 0."""
    return jnp.where(x > 0, 1.0 / jnp.sqrt(jnp.where(x > 0, x, 1.0)), 0.0)


def constant(step_size: Any) -> Schedule:
    """Return the schedule of one step size."""
    return lambda i: step_size


def exponential_decay(step_size: float, decay_steps: float, decay_rate: float) -> Schedule:
    """Return the schedule that multiplies by `decay_rate` in each `decay_steps` steps."""
    return lambda i: step_size * decay_rate ** (i / decay_steps)


def inverse_time_decay(
    step_size: float, decay_steps: float, decay_rate: float, staircase: bool = False
) -> Schedule:
    """Return the schedule that divides by 1 + decay_rate i / decay_steps; in whole stairs."""
    if staircase:
        return lambda i: step_size / (1 + decay_rate * jnp.floor(i / decay_steps))
    return lambda i: step_size / (1 + decay_rate * i / decay_steps)


def polynomial_decay(
    step_size: float, decay_steps: float, final_step_size: float, power: float = 1.0
) -> Schedule:
    """Return the schedule that reaches `final_step_size` after `decay_steps` steps."""

    def schedule(step: Any) -> Any:
        left = 1 - jnp.minimum(step, decay_steps) / decay_steps
        return left**power * (step_size - final_step_size) + final_step_size

    return schedule


def piecewise_constant(boundaries: Any, values: Any) -> Schedule:
    """Return the schedule of values[k] after the k-th boundary.

    Errors: ValueError unless there is one value more than boundaries.
    """
    edges, steps = jnp.array(boundaries), jnp.array(values)
    if edges.ndim != 1 or steps.ndim != 1 or edges.shape[0] != steps.shape[0] - 1:
        raise ShapeError(
            "piecewise_constant: expected vectors of boundaries and one more values; got shapes"
            f" {edges.shape} and {steps.shape}.{at_user_line()}"
        )
    return lambda i: steps[jnp.sum(i > edges)]


def make_schedule(scalar_or_schedule: Any) -> Schedule:
    """Return a schedule as it is, a number as the schedule of it. Errors: TypeError for others."""
    if callable(scalar_or_schedule):
        return scalar_or_schedule
    if jnp.ndim(scalar_or_schedule) == 0:
        return constant(scalar_or_schedule)
    raise ArgumentTypeError(
        f"A step size is a number or a function of the step; got {scalar_or_schedule!r}."
        f"{at_user_line()}"
    )


def l2_norm(tree: Any) -> Any:
    """Return the root of the sum of the squares of all leaves."""
    return jnp.sqrt(sum(jnp.vdot(x, x) for x in tree_util.tree_leaves(tree)))


def clip_grads(grad_tree: Any, max_norm: Any) -> Any:
    """Scale a tree of gradients down to a norm of `max_norm`, where it is larger."""
    norm = l2_norm(grad_tree)
    return tree_util.tree_map(
        lambda g: jnp.where(norm < max_norm, g, g * (max_norm / norm)), grad_tree
    )
