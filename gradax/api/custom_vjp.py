"""`custom_vjp`: functions whose derivative the user states, in reverse mode."""

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
from gradax.control.custom_vjp import CustomVjp
from gradax.core.aval import Aval, tangent_aval
from gradax.core.tangent import Zero, is_zero
from gradax.core.value import as_value, aval_of
from gradax.errors import DifferentiationError, TreeError, at_user_line
from gradax.native import get_trace

SAME_TREE = "Return for each argument what has its containers and keys; None for a zero."


class CustomVJPPrimal:
    """An argument of a rule with `symbolic_zeros`: its value, and if it is differentiated."""

    def __init__(self, value: Any, perturbed: bool) -> None:
        self.value = value
        self.perturbed = perturbed


def custom_vjp_primal_tree_values(args: Any) -> Any:
    """Return the arguments of a rule with `symbolic_zeros` as the plain values they carry."""
    kind = CustomVJPPrimal
    values, structure = tree.flatten(args, lambda x: isinstance(x, kind))
    return tree.unflatten(structure, [x.value if isinstance(x, kind) else x for x in values])


def zero_from_primal(value: Any, symbolic_zeros: bool = False) -> Any:
    """Return the zero tangents of a tree of values: symbolic, or arrays."""

    def of(x: Any) -> Any:
        zero = Zero(tangent_aval(aval_of(x)))
        return as_symbolic(zero) if symbolic_zeros else as_array(zero)

    return tree.map(of, value)


class custom_vjp(CustomFunction):
    """A function whose reverse-mode derivative is given by `defvjp`.

    Forward mode cannot go through it. `nondiff_argnums` are not differentiated: `fwd` gets them in
    their places, `bwd` gets them first.
    """

    what = "custom_vjp"

    def __init__(
        self, fun: Callable[..., Any], nondiff_argnums: Any = (), nondiff_argnames: Any = ()
    ) -> None:
        super().__init__(fun, nondiff_argnums, nondiff_argnames)
        self.fwd: Callable[..., Any] | None = None
        self.bwd: Callable[..., Any] | None = None
        self.symbolic_zeros = False

    def defvjp(
        self,
        fwd: Callable[..., Any],
        bwd: Callable[..., Any],
        symbolic_zeros: bool = False,
        optimize_remat: bool = False,
    ) -> None:
        """Set the rules.

        `fwd(*args)` returns (result, residuals); `bwd(*nondiff, residuals, cotangent)` returns a
        tuple with the cotangent of each differentiated argument, None for zero.
        """
        check_callable("custom_vjp", fwd)
        check_callable("custom_vjp", bwd)
        self.fwd, self.bwd = fwd, bwd
        self.symbolic_zeros = symbolic_zeros

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self.fwd is None:
            raise DifferentiationError(
                f"custom_vjp: {self.__name__} has no rule yet.{at_user_line()}\nGive it one with"
                f" {self.__name__}.defvjp(fwd, bwd) before it is called."
            )
        parts = self.take_apart(args, kwargs)
        if get_trace() is None:
            return self.fun(*parts.everything(parts.dynamic))
        fun = FlatFunction(parts)
        outs = CustomVjp(self.__name__, fun, FlatForward(parts, self, fun)).bind(parts.leaves)
        return tree.unflatten(fun.out_tree, outs)


class FlatForward:
    """The user's forward rule on flat primals."""

    def __init__(self, args: CustomArguments, owner: custom_vjp, fun: FlatFunction) -> None:
        assert owner.fwd is not None and owner.bwd is not None
        self.args, self.fun = args, fun
        self.fwd, self.bwd = owner.fwd, owner.bwd
        self.symbolic_zeros = owner.symbolic_zeros
        self.__name__ = name_of(owner.fwd)

    def __call__(self, primals: Sequence[Any], nonzero: Sequence[bool]) -> Any:
        args = self.args
        values: Any = primals
        if self.symbolic_zeros:
            values = [CustomVJPPrimal(x, n) for x, n in zip(primals, nonzero, strict=True)]
        dynamic = tree.unflatten(args.in_tree, values)
        pair = self.fwd(*args.everything(dynamic))
        if not isinstance(pair, (tuple, list)) or len(pair) != 2:
            raise DifferentiationError(
                f"custom_vjp: the rule {self.__name__} of {args.owner.__name__} must return a pair"
                f" (result, residuals); it returned {type(pair).__name__}.{at_user_line()}\nReturn"
                " (result, None) where the backward rule needs nothing."
            )
        outs, self.fun.out_tree = tree.flatten(pair[0])
        residuals = Residuals(pair[1])
        outs = list(map(as_value, outs))
        avals = [tangent_aval(aval_of(x)) for x in primals]
        backward = FlatBackward(self, residuals, self.fun.out_tree, avals, [x.aval for x in outs])
        return outs, residuals.arrays, backward


class Residuals:
    """What a forward rule keeps: its arrays, and Python's numbers, which stay what they are."""

    def __init__(self, kept: Any) -> None:
        leaves, self.tree = tree.flatten(kept)
        self.numbers = [x if type(x) in (bool, int, float, complex) else None for x in leaves]
        pairs = zip(leaves, self.numbers, strict=True)
        self.arrays = [as_value(x) for x, number in pairs if number is None]

    def with_arrays(self, arrays: Sequence[Any]) -> Any:
        """Return the tree with other arrays."""
        rest = iter(arrays)
        leaves = [next(rest) if number is None else number for number in self.numbers]
        return tree.unflatten(self.tree, leaves)


class FlatBackward:
    """The user's backward rule on flat residuals and cotangents."""

    def __init__(
        self, rule: FlatForward, kept: Residuals, out_tree: Any, avals: list[Aval], outs: list[Aval]
    ) -> None:
        self.args, self.bwd, self.symbolic_zeros = rule.args, rule.bwd, rule.symbolic_zeros
        self.with_arrays, self.out_tree = kept.with_arrays, out_tree
        self.avals, self.out_avals = avals, outs
        self.__name__ = name_of(rule.bwd)

    def __call__(self, residuals: Sequence[Any], cts: Sequence[Any]) -> list[Any]:
        convert = as_symbolic if self.symbolic_zeros else as_array
        full = [
            convert(Zero(tangent_aval(a)) if is_zero(c) else c)
            for c, a in zip(cts, self.out_avals, strict=True)
        ]
        res = self.with_arrays(residuals)
        found = self.bwd(*self.args.fixed_first(), res, tree.unflatten(self.out_tree, full))
        leaves = self.spread(found)
        return [self.checked(k, c) for k, c in enumerate(leaves)]

    def spread(self, found: Any) -> list[Any]:
        """Return a cotangent, or None, for each leaf of the arguments."""
        in_tree = self.args.in_tree
        if isinstance(found, list):
            found = tuple(found)
        n = len(in_tree.children())
        if not isinstance(found, tuple) or len(found) != n:
            got = f"a tuple of {len(found)}" if isinstance(found, tuple) else type(found).__name__
            raise self.wrong(
                f"must return a tuple with the cotangent of each of the {n} differentiated"
                f" arguments; it returned {got}",
                "Write: return (ct_of_x, …), with a trailing comma for one; None for a zero.",
            )
        dummy = tree.unflatten(in_tree, range(in_tree.num_leaves))
        parts, prefix = tree.flatten(found, lambda x: x is None)
        try:
            subtrees = prefix.flatten_up_to(dummy, operation="bwd", which=1)
        except TreeError as error:
            raise self.wrong(
                f"must return cotangents of the arguments' tree: {error}", SAME_TREE
            ) from None
        out: list[Any] = []
        for ct, subtree in zip(parts, subtrees, strict=True):
            below = tree.leaves(subtree)
            if ct is not None and not isinstance(subtree, int):
                raise self.wrong(
                    f"must return cotangents of the arguments' tree, {in_tree}; it returned"
                    f" {tree.structure(found)}",
                    SAME_TREE,
                )
            out += [ct] * len(below)
        return out

    def checked(self, k: int, ct: Any) -> Any:
        """Return a cotangent of the type that its argument wants, None for zero."""
        want = self.avals[k]
        ct = as_zero(ct)
        if ct is None or is_zero(ct) or want.dtype == dtypes.float0:
            return None
        ct = as_value(ct)
        if ct.aval.weak_type and ct.dtype != want.dtype and ct.shape == want.shape:
            ct = ct.astype(want.dtype)
        if (ct.shape, ct.dtype) != (want.shape, want.dtype):
            raise self.wrong(
                f"must return for {self.args.leaf_names()[k]} a cotangent {want}; it returned"
                f" {ct.aval}",
                "A cotangent has the shape and dtype of its argument: sum over what was broadcast.",
            )
        return ct

    def wrong(self, problem: str, mend: str) -> DifferentiationError:
        """Make the error for a rule that breaks its contract."""
        return DifferentiationError(
            f"custom_vjp: the rule {self.__name__} of {self.args.owner.__name__} {problem}."
            f"{at_user_line()}\n{mend}"
        )
