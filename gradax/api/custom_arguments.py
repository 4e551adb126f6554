"""What `custom_jvp` and `custom_vjp` share: their arguments, trees and symbolic zeros."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import update_wrapper
from types import MethodType
from typing import Any

import numpy as np

from gradax import dtypes, tree
from gradax.api.arguments import check_callable, check_leaf, leaf_names, name_of, signature_of
from gradax.api.static import as_indices, as_names
from gradax.core.aval import Aval
from gradax.core.tangent import Zero, is_zero
from gradax.core.tracer import Tracer
from gradax.errors import ArgumentError, ArgumentTypeError, UnexpectedTracerError, at_user_line
from gradax.transforms.jvp import instantiate


class SymbolicZero:
    """A tangent or cotangent known to be zero, as rules with `symbolic_zeros` receive it."""

    def __init__(self, aval: Aval) -> None:
        self.aval = aval

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape."""
        return self.aval.shape

    @property
    def dtype(self) -> Any:
        """The dtype."""
        return self.aval.dtype

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return self.aval.ndim

    @property
    def size(self) -> int:
        """The number of elements."""
        return self.aval.size

    def __repr__(self) -> str:
        return f"SymbolicZero({self.aval})"


def as_array(tangent: Any) -> Any:
    """Return a tangent or cotangent as an array; the zero of an integer is NumPy's float0."""
    if not is_zero(tangent):
        return tangent
    if tangent.aval.dtype == dtypes.float0:
        return np.zeros(tangent.aval.shape, dtypes.float0)
    return instantiate(tangent)


def as_symbolic(tangent: Any) -> Any:
    """Return a tangent for a rule that takes symbolic zeros."""
    return SymbolicZero(tangent.aval) if is_zero(tangent) else tangent


def as_zero(tangent: Any) -> Any:
    """Return what a rule gave, with symbolic zeros and float0 arrays as `Zero`."""
    if isinstance(tangent, SymbolicZero):
        return Zero(tangent.aval)
    if getattr(tangent, "dtype", None) == dtypes.float0:
        return Zero(Aval(tangent.shape, dtypes.float0))
    return tangent


class CustomFunction:
    """A function with a rule of its own: base of `custom_jvp` and `custom_vjp`."""

    what = "custom"

    def __init__(
        self, fun: Callable[..., Any], nondiff_argnums: Any = (), nondiff_argnames: Any = ()
    ) -> None:
        check_callable(self.what, fun)
        self.fun = fun
        named: Any = self
        update_wrapper(named, fun)
        self.__name__ = name_of(fun)
        indices = as_indices(f"{self.what}: nondiff_argnums", nondiff_argnums)
        names = as_names(f"{self.what}: nondiff_argnames", nondiff_argnames)
        signature = signature_of(fun)
        parameters = list(signature.parameters) if signature else []
        unknown = [n for n in names if n not in parameters]
        if unknown:
            raise ArgumentError(
                f"{self.what}: nondiff_argnames {unknown} are no parameters of {self.__name__}."
                f"{at_user_line()}"
            )
        self.nondiff_argnums = tuple(sorted({*indices, *map(parameters.index, names)}))

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        if instance is None:
            return self
        function: Any = self
        return MethodType(function, instance)

    def __repr__(self) -> str:
        return f"<{self.what} function {self.__name__}>"

    def positional(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> tuple[Any, ...]:
        """Return all arguments by position, with the signature's defaults.

        Errors: TypeError where keyword-only arguments make that impossible.
        """
        signature = signature_of(self.fun)
        if signature is None:
            return tuple(args)
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        if bound.kwargs:
            raise ArgumentTypeError(
                f"{self.what}: the arguments {sorted(bound.kwargs)} of {self.__name__} can be given"
                f" by keyword only, and a rule takes arguments by position.{at_user_line()}"
            )
        return bound.args

    def take_apart(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> CustomArguments:
        """Separate what is differentiated from what is not."""
        all_args = self.positional(args, kwargs)
        n = len(all_args)
        for i in self.nondiff_argnums:
            if not -n <= i < n:
                raise ArgumentError(
                    f"{self.what}: nondiff_argnums names argument {i}, but {self.__name__} was"
                    f" called with {n}.{at_user_line()}"
                )
        fixed = tuple(i % n for i in self.nondiff_argnums)
        for i in fixed:
            for leaf in tree.leaves(all_args[i]):
                if isinstance(leaf, Tracer):
                    raise UnexpectedTracerError(
                        f"{self.what}: argument {i} of {self.__name__} is in nondiff_argnums, which"
                        f" is for values known while tracing; got a traced {leaf.aval}."
                        f"{at_user_line()}\nTake it out of nondiff_argnums; its derivative may be"
                        " zero or None in the rule."
                    )
        return CustomArguments(self, all_args, fixed)


class CustomArguments:
    """The arguments of one call."""

    def __init__(
        self, owner: CustomFunction, args: tuple[Any, ...], fixed: tuple[int, ...]
    ) -> None:
        self.owner = owner
        self.fixed = {i: args[i] for i in fixed}
        self.n_args = len(args)
        self.dynamic = tuple(x for i, x in enumerate(args) if i not in self.fixed)
        self.leaves, self.in_tree = tree.flatten(self.dynamic)
        self.names: list[str] | None = None
        for k, x in enumerate(self.leaves):
            if not hasattr(x, "shape") and type(x) not in (bool, int, float, complex):
                check_leaf(owner.what, self.leaf_names()[k], x)

    def leaf_names(self) -> list[str]:
        """Return the user's names of the differentiated leaves."""
        if self.names is None:
            everything = self.everything(self.dynamic)
            names = iter(leaf_names(self.owner.fun, everything))
            per_arg = [[next(names) for _ in tree.leaves(x)] for x in everything]
            self.names = [n for i, own in enumerate(per_arg) if i not in self.fixed for n in own]
        return self.names

    def everything(self, dynamic: Sequence[Any]) -> list[Any]:
        """Return all positional arguments, the fixed ones among `dynamic`."""
        rest = iter(dynamic)
        return [self.fixed[i] if i in self.fixed else next(rest) for i in range(self.n_args)]

    def fixed_first(self) -> list[Any]:
        """Return the fixed arguments in order, as rules take them first."""
        return [self.fixed[i % self.n_args] for i in self.owner.nondiff_argnums]


class FlatFunction:
    """The user's function on flat leaves; it keeps the structure of its result."""

    def __init__(self, args: CustomArguments) -> None:
        self.args = args
        self.user_function = args.owner.fun
        self.out_tree: Any = None
        self.__name__ = args.owner.__name__

    def __call__(self, *leaves: Any) -> list[Any]:
        dynamic = tree.unflatten(self.args.in_tree, leaves)
        outs, self.out_tree = tree.flatten(self.user_function(*self.args.everything(dynamic)))
        return outs
