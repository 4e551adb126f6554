"""`custom_vmap`: functions whose mapping over an axis the user states."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from gradax import tree
from gradax.api.arguments import check_callable, name_of
from gradax.api.custom_arguments import CustomArguments, CustomFunction, FlatFunction
from gradax.control.custom_vmap import CustomVmap
from gradax.control.mapping import map as map_over
from gradax.core.value import as_value
from gradax.errors import ArgumentError, MissingRuleError, at_user_line
from gradax.native import get_trace


class custom_vmap(CustomFunction):
    """A function that `vmap` maps by the rule given with `def_vmap`.

    Differentiation goes through the function, and through the rule where it is mapped.
    Errors: AttributeError when it is called before a rule is given.
    """

    what = "custom_vmap"

    def __init__(self, fun: Callable[..., Any]) -> None:
        super().__init__(fun)
        self.vmap_rule: Callable[..., Any] | None = None

    def def_vmap(self, vmap_rule: Callable[..., Any]) -> Callable[..., Any]:
        """Set the rule: `rule(axis_size, in_batched, *args)` returns (result, which is mapped).

        `in_batched` has a tree of booleans for each argument: True where the mapped axis is there,
        at position 0. The second result is such a tree for the first.
        """
        check_callable("custom_vmap", vmap_rule)
        self.vmap_rule = vmap_rule
        return vmap_rule

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self.vmap_rule is None:
            raise MissingRuleError(
                f"custom_vmap: no batching rule is defined for {self.__name__}.{at_user_line()}\n"
                f"Give it one with {self.__name__}.def_vmap before it is called."
            )
        parts = self.take_apart(args, kwargs)
        if get_trace() is None:
            return self.fun(*parts.dynamic)
        fun = FlatFunction(parts)
        rule = FlatMapping(parts, self.vmap_rule, fun)
        outs = CustomVmap(self.__name__, fun, rule).bind(parts.leaves)
        return tree.unflatten(fun.out_tree, outs)


class FlatMapping:
    """The user's rule on flat arguments."""

    def __init__(self, args: CustomArguments, rule: Callable[..., Any], fun: FlatFunction) -> None:
        self.args = args
        self.rule = rule
        self.fun = fun
        self.__name__ = name_of(rule)

    def __call__(
        self, size: int, mapped: Sequence[bool], leaves: Sequence[Any]
    ) -> tuple[list[Any], list[bool]]:
        args = tree.unflatten(self.args.in_tree, leaves)
        in_batched = list(tree.unflatten(self.args.in_tree, mapped))
        pair = self.rule(size, in_batched, *args)
        if not isinstance(pair, (tuple, list)) or len(pair) != 2:
            raise self.wrong(
                f"must return a pair (result, which of it is mapped); it returned"
                f" {type(pair).__name__}"
            )
        outs, out_tree = tree.flatten(pair[0])
        flags, flags_tree = tree.flatten(pair[1])
        if flags_tree != out_tree:
            raise self.wrong(
                "must say which results are mapped in a tree like theirs; the results are"
                f" {out_tree}, the flags {flags_tree}"
            )
        if self.fun.out_tree is not None and self.fun.out_tree != out_tree:
            raise self.wrong(
                f"must return the tree that the function returns, {self.fun.out_tree}; it returned"
                f" {out_tree}"
            )
        self.fun.out_tree = out_tree
        values = list(map(as_value, outs))
        for k, (x, flag) in enumerate(zip(values, flags, strict=True)):
            if flag and (x.ndim == 0 or x.shape[0] != size):
                raise self.wrong(
                    f"says that leaf {k} of the result is mapped over {size} indices, but it is"
                    f" {x.aval}"
                )
        return values, list(map(bool, flags))

    def wrong(self, problem: str) -> ArgumentError:
        """Make the error for a rule that breaks its contract."""
        return ArgumentError(
            f"custom_vmap: the rule {self.__name__} of {self.args.owner.__name__} {problem}."
            f"{at_user_line()}"
        )


def sequential_vmap(f: Callable[..., Any]) -> custom_vmap:
    """Return `f` as a function that `vmap` maps by a loop, one index after another."""
    function = custom_vmap(f)

    def rule(axis_size: int, in_batched: Sequence[Any], *args: Any) -> tuple[Any, Any]:
        leaves, structure = tree.flatten(list(args))
        flags = tree.leaves(list(in_batched))
        own = [x for x, m in zip(leaves, flags, strict=True) if m]

        def step(rows: Sequence[Any]) -> Any:
            found = iter(rows)
            pairs = zip(leaves, flags, strict=True)
            return function(*tree.unflatten(structure, [next(found) if m else x for x, m in pairs]))

        out = map_over(step, own)
        return out, tree.map(lambda _: True, out)

    function.def_vmap(rule)
    return function
