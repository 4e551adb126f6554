"""`checkpoint` (also `remat`) and the policies that say what is kept nevertheless."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from gradax import tree
from gradax.api.arguments import check_callable, leaf_names, name_of, named_after
from gradax.api.inspect import trace_function
from gradax.api.static import split_static
from gradax.control.call import Jit
from gradax.control.checkpoint import Checkpoint, Policy
from gradax.core.evaluate import eval_jaxpr
from gradax.core.jaxpr import Atom, Jaxpr, Var
from gradax.core.staging import stage
from gradax.core.value import as_value
from gradax.errors import ArgumentTypeError, at_user_line
from gradax.native import get_trace
from gradax.records import record
from gradax.transforms.jvp import inline
from gradax.transforms.linearize import linearize_flat


def checkpoint(
    fun: Callable[..., Any] | None = None,
    *,
    prevent_cse: bool = True,
    policy: Policy | None = None,
    static_argnums: int | Sequence[int] = (),
    concrete: bool = False,
) -> Any:
    """Return `fun`, whose derivative computes intermediate values again instead of keeping them.

    `policy(primitive, *avals, **params)` says which results are kept nevertheless; see
    `checkpoint_policies`. Without `prevent_cse` the compiler may merge both computations again.
    Also a decorator, with or without arguments. Called `remat` as well.
    Cost: reverse mode runs `fun` once more, and keeps its arguments only.
    """
    if concrete:
        raise NotImplementedError(
            "checkpoint: concrete=True is not there (JAX has removed it); name the arguments that"
            f" must be Python values in static_argnums.{at_user_line()}"
        )
    if fun is None:
        return partial(
            checkpoint, prevent_cse=prevent_cse, policy=policy, static_argnums=static_argnums
        )
    check_callable("checkpoint", fun)
    if policy is not None and not callable(policy):
        raise ArgumentTypeError(
            f"checkpoint: expected a policy of checkpoint_policies; got {policy!r}.{at_user_line()}"
        )
    function = fun

    @named_after(fun, "", f"{name_of(fun)}, computed again for its derivative.")
    def checkpointed(*args: Any, **kwargs: Any) -> Any:
        if get_trace() is None:
            return function(*args, **kwargs)
        run, dynamic, _ = split_static("checkpoint", function, args, kwargs, static_argnums, ())
        closed, out_tree = trace_function("checkpoint", run, dynamic, kwargs)
        op = Checkpoint(inline(closed), bool(prevent_cse), False, policy)
        leaves = map(as_value, tree.leaves((dynamic, kwargs)))
        return tree.unflatten(out_tree, op(*closed.consts, *leaves))

    return checkpointed


remat = checkpoint


@record
class Saveable:
    """The answer of a policy: the value may be kept."""

    saves = True


@record
class Recompute:
    """The answer of a policy: the value is computed again."""

    saves = False


@record
class Offloadable:
    """The answer of a policy: the value may be kept in another memory; here there is one."""

    src: str
    dst: str

    saves = True


Saved, Recomputed = Saveable(), Recompute()
_DOTS = ("dot_general", "conv_general_dilated")


def everything_saveable(*_: Any, **__: Any) -> bool:
    """Keep all values, as if there were no checkpoint."""
    return True


def nothing_saveable(*_: Any, **__: Any) -> bool:
    """Compute everything again, as without a policy."""
    return False


def dots_saveable(prim: Any, *_: Any, **__: Any) -> bool:
    """Keep the results of matrix products and convolutions."""
    return prim.name in _DOTS


def dots_with_no_batch_dims_saveable(prim: Any, *_: Any, **params: Any) -> bool:
    """Keep the results of matrix products that have no batch axes."""
    if prim.name != "dot_general":
        return False
    (_, (lhs_batch, rhs_batch)) = params["dimension_numbers"]
    return not lhs_batch and not rhs_batch


def offload_dot_with_no_batch_dims(offload_src: str, offload_dst: str) -> Policy:
    """Keep the results of matrix products without batch axes, in another memory if there is one."""

    def policy(prim: Any, *avals: Any, **params: Any) -> Any:
        if dots_with_no_batch_dims_saveable(prim, *avals, **params):
            return Offloadable(offload_src, offload_dst)
        return Recomputed

    return policy


def save_anything_except_these_names(*names_not_to_save: str) -> Policy:
    """Keep all values but those that `checkpoint_name` gave one of these names."""
    names = frozenset(names_not_to_save)
    return lambda prim, *_, **params: prim.name != "name" or params["name"] not in names


def save_any_names_but_these(*names_not_to_save: str) -> Policy:
    """Keep the values that `checkpoint_name` named, but for these names."""
    names = frozenset(names_not_to_save)
    return lambda prim, *_, **params: prim.name == "name" and params["name"] not in names


def save_only_these_names(*names_which_can_be_saved: str) -> Policy:
    """Keep the values that `checkpoint_name` gave one of these names."""
    names = frozenset(names_which_can_be_saved)
    return lambda prim, *_, **params: prim.name == "name" and params["name"] in names


def save_and_offload_only_these_names(
    *,
    names_which_can_be_saved: Sequence[str],
    names_which_can_be_offloaded: Sequence[str],
    offload_src: str,
    offload_dst: str,
) -> Policy:
    """Keep the values of some names here, those of others in another memory if there is one."""
    saved, offloaded = frozenset(names_which_can_be_saved), frozenset(names_which_can_be_offloaded)
    both = saved & offloaded
    if both:
        raise ValueError(f"names both saved and offloaded: {sorted(both)}")

    def policy(prim: Any, *_: Any, **params: Any) -> Any:
        if prim.name == "name" and params["name"] in saved:
            return Saved
        if prim.name == "name" and params["name"] in offloaded:
            return Offloadable(offload_src, offload_dst)
        return Recomputed

    return policy


def save_from_both_policies(policy_1: Policy, policy_2: Policy) -> Policy:
    """Keep what either policy keeps."""

    def policy(prim: Any, *avals: Any, **params: Any) -> bool:
        answers = (policy_1(prim, *avals, **params), policy_2(prim, *avals, **params))
        return any(bool(getattr(a, "saves", a)) for a in answers)

    return policy


def print_saved_residuals(f: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
    """Print what reverse mode of `f` at these arguments keeps: a line for each value."""
    closed, _ = trace_function("print_saved_residuals", f, args, kwargs)
    names = leaf_names(f, args, kwargs)

    def residuals(*xs: Any) -> list[Any]:
        run = partial(eval_jaxpr, closed.jaxpr, closed.consts)
        return list(linearize_flat(run, xs)[1].consts)

    kept = stage(residuals, closed.in_avals, name_of(f)).jaxpr
    for atom in dict.fromkeys(kept.outvars):
        print(f"{atom.aval.str_short()} {origin_of(atom, kept, names)}")


def origin_of(atom: Atom, jaxpr: Jaxpr, names: Sequence[str]) -> str:
    """Say where a value of a program comes from; inside a call, from which of its equations."""
    if isinstance(atom, Var) and atom in jaxpr.invars:
        name = names[jaxpr.invars.index(atom)]
        return f"from the argument {name}" if name else "from outside"
    for eqn in jaxpr.eqns:
        if atom not in eqn.outvars:
            continue
        if isinstance(eqn.op, Jit):
            inner = eqn.op.jaxpr.outvars[eqn.outvars.index(atom)]
            return origin_of(inner, eqn.op.jaxpr, [""] * len(eqn.op.jaxpr.invars))
        named = f"named {eqn.params['name']!r}" if eqn.op.name == "name" else ""
        return f"{named or 'output of ' + eqn.op.name}, computed at {eqn.source}"
    return "from a constant"
