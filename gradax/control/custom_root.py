"""`custom_root`: roots of functions, differentiated by the implicit function theorem."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from gradax import tree
from gradax.control.custom_jvp import CustomJvp
from gradax.control.programs import run
from gradax.control.tracing import trace
from gradax.core.aval import tangent_aval
from gradax.core.tangent import Zero, is_zero
from gradax.core.value import as_value, aval_of
from gradax.errors import TreeTypeError, at_user_line
from gradax.lax.arithmetic import Neg
from gradax.transforms.jvp import inline, instantiate, jvp_program

Function = Callable[..., Any]


def custom_root(
    f: Function,
    initial_guess: Any,
    solve: Callable[[Function, Any], Any],
    tangent_solve: Callable[[Function, Any], Any],
    has_aux: bool = False,
) -> Any:
    """Return `solve(f, initial_guess)`, a root of f, differentiable in what f captured.

    `f` maps a tree to a tree like it. The root's tangent is `tangent_solve(g, y)`, which solves
    g(x) = y for the linear g that f is at the root; reverse mode transposes that. With `has_aux`,
    `solve` returns (root, aux), and so does this; aux has no derivative.
    Errors: TypeError where f or solve returns another tree.
    """
    leaves, x_tree = tree.flatten(initial_guess)
    guess = [as_value(x) for x in leaves]
    avals = [aval_of(x).strip_weak_type() for x in guess]
    as_args = tree.flatten((initial_guess,))[1]
    closed, f_tree = trace(f, as_args, avals)
    check_tree("f", x_tree, f_tree)
    program = inline(closed)
    n = len(closed.consts)

    def f_of(consts: Sequence[Any]) -> Function:
        return lambda x: tree.unflatten(x_tree, run(program, (*consts, *tree.leaves(x))))

    found: list[Any] = []

    def flat_solve(*args: Any) -> list[Any]:
        out = solve(f_of(args[:n]), tree.unflatten(x_tree, args[n:]))
        root = out[0] if has_aux else out
        check_tree("solve", x_tree, tree.structure(root))
        outs, out_tree = tree.flatten(out)
        found.append(out_tree)
        return [as_value(x) for x in outs]

    def rule(primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any]:
        outs = flat_solve(*primals)
        root, consts = outs[: len(guess)], primals[:n]
        dead = [Zero(tangent_aval(x.aval)) for x in outs[len(guess) :]]
        moved = [t for t in tangents[:n] if not is_zero(t)]
        if not moved:
            return outs, [*(Zero(tangent_aval(x.aval)) for x in root), *dead]
        # f(c, x) = 0 and so f_x dx = -f_c dc.
        by_consts = (*(not is_zero(t) for t in tangents[:n]), *(False for _ in root))
        change = derivative(program, by_consts, (*consts, *root), moved)
        by_root = (*(False for _ in consts), *(True for _ in root))

        def linear(v: Any) -> Any:
            outs = derivative(program, by_root, (*consts, *root), tree.leaves(v))
            return tree.unflatten(x_tree, outs)

        right = tree.unflatten(x_tree, [Neg()(c) for c in change])
        step = tangent_solve(linear, right)
        check_tree("tangent_solve", x_tree, tree.structure(step))
        return outs, [*map(as_value, tree.leaves(step)), *dead]

    outs = CustomJvp("custom_root", flat_solve, rule).bind((*closed.consts, *guess))
    return tree.unflatten(found[-1], outs)


def derivative(
    program: Any, mask: tuple[bool, ...], values: Sequence[Any], tangents: Sequence[Any]
) -> list[Any]:
    """Return the tangents of a program's results along tangents of the inputs in the mask."""
    made, extra, alive = jvp_program(program, mask)
    outs = run(made, (*extra, *values, *tangents))
    rest = iter(outs[len(alive) :])
    avals = program.out_avals
    return [
        next(rest) if a else instantiate(Zero(tangent_aval(v)))
        for a, v in zip(alive, avals, strict=True)
    ]


def check_tree(what: str, expected: Any, got: Any) -> None:
    """Raise unless a function returned a tree like the initial guess."""
    if expected != got:
        raise TreeTypeError(
            f"custom_root: {what} must return a tree like initial_guess, {expected}; it returned"
            f" {got}.{at_user_line()}"
        )
