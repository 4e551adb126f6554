"""`custom_jvp`: functions whose derivative the user states, in forward mode."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from gradax import dtypes, tree
from gradax.api.arguments import check_callable, name_of
from gradax.api.custom_arguments import (
    CustomArguments,
    CustomFunction,
    FlatFunction,
    as_array,
    as_symbolic,
    as_zero,
)
from gradax.control.custom_jvp import CustomJvp
from gradax.core.aval import tangent_aval
from gradax.core.tangent import Zero, is_zero
from gradax.core.value import as_value
from gradax.errors import DifferentiationError, at_user_line
from gradax.lax.arithmetic import AddAny
from gradax.native import get_trace


class custom_jvp(CustomFunction):
    """A function whose derivative is given by `defjvp` or `defjvps`.

    `nondiff_argnums` are not differentiated: the rule gets them first. Outside any transformation
    the function is just called.
    Errors: TypeError when it is called before a rule is given.
    """

    what = "custom_jvp"

    def __init__(
        self, fun: Callable[..., Any], nondiff_argnums: Any = (), nondiff_argnames: Any = ()
    ) -> None:
        super().__init__(fun, nondiff_argnums, nondiff_argnames)
        self.jvp: Callable[..., Any] | None = None
        self.symbolic_zeros = False

    def defjvp(self, jvp: Callable[..., Any], symbolic_zeros: bool = False) -> Callable[..., Any]:
        """Set the rule: `jvp(*nondiff, primals, tangents)` returns (result, its tangent).

        With `symbolic_zeros`, tangents known to be zero arrive as SymbolicZero objects.
        """
        check_callable("custom_jvp", jvp)
        self.jvp = jvp
        self.symbolic_zeros = symbolic_zeros
        return jvp

    def defjvps(self, *jvps: Callable[..., Any] | None) -> None:
        """Set a rule for each argument: `jvp(tangent, result, *primals)`, None where it is zero.

        Errors: TypeError together with nondiff_argnums.
        """
        if self.nondiff_argnums:
            raise DifferentiationError(
                f"custom_jvp: defjvps cannot be used with nondiff_argnums ({self.__name__})."
                f"{at_user_line()}\nUse defjvp."
            )

        def jvp(primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any]:
            out = self(*primals)
            terms = [
                rule(t, out, *primals)
                for rule, t in zip(jvps, tangents, strict=True)
                if rule is not None
            ]
            if not terms:
                return out, tree.map(lambda x: as_array(Zero(tangent_aval(as_value(x).aval))), out)
            return out, sum_trees(terms)

        self.defjvp(jvp)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self.jvp is None:
            raise DifferentiationError(
                f"custom_jvp: {self.__name__} has no rule yet.{at_user_line()}\nGive it one with"
                f" {self.__name__}.defjvp before it is called."
            )
        parts = self.take_apart(args, kwargs)
        if get_trace() is None:
            return self.fun(*parts.everything(parts.dynamic))
        fun = FlatFunction(parts)
        rule = FlatRule(parts, self.jvp, self.symbolic_zeros, fun)
        outs = CustomJvp(self.__name__, fun, rule).bind(parts.leaves)
        return tree.unflatten(fun.out_tree, outs)


def sum_trees(terms: Sequence[Any]) -> Any:
    """Add trees leaf by leaf."""
    total = terms[0]
    for term in terms[1:]:
        total = tree.map(lambda x, y: AddAny()(as_value(x), as_value(y)), total, term)
    return total


class FlatRule:
    """The user's rule on flat primals and tangents."""

    def __init__(
        self,
        args: CustomArguments,
        rule: Callable[..., Any],
        symbolic_zeros: bool,
        fun: FlatFunction,
    ) -> None:
        self.args = args
        self.rule = rule
        self.symbolic_zeros = symbolic_zeros
        self.fun = fun
        self.__name__ = name_of(rule)

    def __call__(self, primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[list[Any], Any]:
        args = self.args
        convert = as_symbolic if self.symbolic_zeros else as_array
        given = tree.unflatten(args.in_tree, map(convert, tangents))
        pair = self.rule(*args.fixed_first(), tree.unflatten(args.in_tree, primals), given)
        if not isinstance(pair, (tuple, list)) or len(pair) != 2:
            raise self.wrong(
                f"must return a pair (result, tangent); it returned {type(pair).__name__}",
                "Write: return f(x), tangent.",
            )
        outs, out_tree = tree.flatten(pair[0])
        douts, dtree = tree.flatten(pair[1])
        if out_tree != dtree:
            raise self.wrong(
                f"must return a result and a tangent of one tree; it returned {out_tree} and"
                f" {dtree}",
                "Return tangents in the containers that the results stand in; zeros where there"
                " is no dependence.",
            )
        self.fun.out_tree = out_tree
        outs = list(map(as_value, outs))
        pairs = zip(outs, douts, strict=True)
        return outs, [self.checked(x, dx, k) for k, (x, dx) in enumerate(pairs)]

    def checked(self, x: Any, dx: Any, k: int) -> Any:
        """Return a tangent of the type that its result wants."""
        want = tangent_aval(x.aval)
        dx = as_zero(dx)
        if is_zero(dx) or want.dtype == dtypes.float0:
            return Zero(want)
        dx = as_value(dx)
        if dx.aval.weak_type and dx.dtype != want.dtype and dx.shape == want.shape:
            dx = as_value(dx).astype(want.dtype)
        if (dx.shape, dx.dtype) != (want.shape, want.dtype):
            raise self.wrong(
                f"must return tangents like the results; leaf {k} of the result is {x.aval}, its"
                f" tangent {dx.aval}",
                f"Return a tangent {want}, for example by dx.astype and broadcast_to.",
            )
        return dx

    def wrong(self, problem: str, mend: str) -> DifferentiationError:
        """Make the error for a rule that breaks its contract."""
        return DifferentiationError(
            f"custom_jvp: the rule {self.__name__} of {self.args.owner.__name__} {problem}."
            f"{at_user_line()}\n{mend}"
        )
