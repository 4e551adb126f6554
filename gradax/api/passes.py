"""`fwd_and_bwd`: the two halves of reverse mode as functions that are compiled once each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from gradax.api.arguments import argument_indices, check_callable, name_of, replace_arguments
from gradax.api.jit import jit
from gradax.api.vjp import vjp


def fwd_and_bwd(
    fun: Callable[..., Any],
    argnums: int | Sequence[int],
    has_aux: bool = False,
    jitted: bool = True,
) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Return `forward(*args) -> (result, residuals)` and `backward(residuals, ct)` of `fun`.

    `backward` gives the cotangent of the argument `argnums`, or a tuple of them for a tuple. With
    `has_aux`, `fun` returns (result, aux) and `forward` (result, residuals, aux).
    Cost: both are compiled, unless `jitted` is off: the second once for all residuals of one type.
    """
    check_callable("fwd_and_bwd", fun)
    is_one = hasattr(argnums, "__index__")

    def forward(*args: Any, **kwargs: Any) -> Any:
        indices = argument_indices("fwd_and_bwd", argnums, len(args))

        def chosen(*values: Any) -> Any:
            return fun(*replace_arguments(args, indices, values), **kwargs)

        return vjp(chosen, *(args[i] for i in indices), has_aux=has_aux)

    def backward(residuals: Any, ct: Any) -> Any:
        found = residuals(ct)
        return found[0] if is_one else found

    forward.__name__, backward.__name__ = f"{name_of(fun)}_fwd", f"{name_of(fun)}_bwd"
    return (jit(forward), jit(backward)) if jitted else (forward, backward)
