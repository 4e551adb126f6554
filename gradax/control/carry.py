"""Loop carries: values whose tree, shapes and dtypes a body must keep."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from gradax import tree
from gradax.control.tracing import name_of, trace, with_weak_types
from gradax.core.aval import Aval
from gradax.core.jaxpr import ClosedJaxpr
from gradax.core.value import as_value
from gradax.errors import ShapeError, TreeTypeError, at_user_line
from gradax.lax.convert import ConvertElementType


def fixed_carry(
    what: str, body_fun: Callable[..., Any], init: Any, in_tree: Any, leaves: Sequence[Any]
) -> tuple[list[Aval], list[Any], ClosedJaxpr]:
    """Trace a body of one carried tree; return the carry's avals, its leaves, the program."""
    structure = tree.structure((init,))
    avals, leaves, closed, out_tree = settle(
        what, body_fun, structure, list(leaves), [], len(leaves), in_tree
    )
    del out_tree
    return avals, leaves, closed


def settle(
    what: str,
    fun: Callable[..., Any],
    in_tree: Any,
    carry: list[Any],
    rest: Sequence[Aval],
    n_carry: int,
    carry_tree: Any,
) -> tuple[list[Aval], list[Any], ClosedJaxpr, Any]:
    """Trace until the carry's types are a fixed point.

    A weakly typed initial value takes the dtype that the body gives it; anything else that changes
    is an error naming the leaf.
    """
    rounds_left = n_carry
    while True:
        avals = [x.aval for x in carry]
        closed, out_tree = trace(fun, in_tree, [*avals, *rest], takes_refs=True)
        check_structure(what, fun, carry_tree, out_tree, len(rest) > 0 or what == "scan")
        changed = promote_weak(carry, closed.out_avals[:n_carry])
        if changed is None or rounds_left == 0:
            break
        carry, rounds_left = changed, rounds_left - 1
    check_types(what, fun, avals, closed.out_avals[:n_carry], carry_tree)
    weak = [a.weak_type for a in avals] + [a.weak_type for a in closed.out_avals[n_carry:]]
    return avals, carry, with_weak_types(closed, weak), out_tree


class CountedBody:
    """The step of a `fori_loop`, whose carry ends with the value that the user's body is given.

    Errors speak of the user's body and value, not of the counter beside it.
    """

    def __init__(self, step: Callable[..., Any], body: Callable[..., Any]) -> None:
        self.step, self.__name__ = step, name_of(body)

    def __call__(self, *args: Any) -> Any:
        return self.step(*args)


def promote_weak(carry: Sequence[Any], outs: Sequence[Aval]) -> list[Any] | None:
    """Give weak carries the types that the body returns; None when nothing changes."""
    new = []
    changed = False
    for x, out in zip(carry, outs, strict=False):
        grows = x.aval.weak_type and not out.weak_type and x.shape == out.shape
        if x.aval.weak_type and x.dtype != out.dtype and x.shape == out.shape:
            grows = True
        new.append(ConvertElementType(out.dtype, out.weak_type)(x) if grows else as_value(x))
        changed = changed or grows
    return new if changed else None


def check_structure(what: str, fun: Any, want: Any, got: Any, is_scan: bool) -> None:
    """Raise unless the body returns the carried tree (for scan, a pair that begins with it)."""
    if is_scan:
        parts = got.children() if got.node_data() is not None else []
        if len(parts) != 2 or got.node_data()[0] is not tuple:
            raise TreeTypeError(
                f"{what}: the body {name_of(fun)} must return a pair (carry, y); got {got}."
                f"{at_user_line()}\nReturn (carry, None) where there is nothing to collect."
            )
        got = parts[0]
    if isinstance(fun, CountedBody):
        what, want, got = "fori_loop", want.children()[-1], got.children()[-1]
    if got != want:
        raise TreeTypeError(
            f"{what}: the body {name_of(fun)} must return the carry's tree {want}; got {got}."
            f"{at_user_line()}\nReturn what the loop began with, changed: the same containers,"
            " keys and"
            " lengths."
        )


def check_types(
    what: str, fun: Any, want: Sequence[Aval], got: Sequence[Aval], carry_tree: Any
) -> None:
    """Raise unless the carry keeps its types, naming each leaf that does not."""
    is_counted = isinstance(fun, CountedBody)
    what = "fori_loop" if is_counted else what
    paths = [
        tree.keystr(path[1:] if is_counted else path) for path, _ in tree.leaves_with_path(
            tree.unflatten(carry_tree, list(range(len(want))))
        )
    ]  # fmt: skip
    wrong = [
        f"the carry{path} is {a} but the body returns {b}"
        for path, a, b in zip(paths, want, got, strict=True)
        if (a.shape, a.dtype) != (b.shape, b.dtype)
    ]
    if wrong:
        raise ShapeError(
            f"{what}: the body {name_of(fun)} must keep the carry's types; {'; '.join(wrong)}."
            f"{at_user_line()}\n"
            "Convert the initial value or the result with astype or broadcast_to."
        )
