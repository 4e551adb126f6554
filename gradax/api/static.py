"""Static arguments: those that are part of a program instead of being its inputs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from inspect import Parameter
from typing import Any

from gradax.api.arguments import name_of, positional_names, signature_of
from gradax.errors import ArgumentError, ArgumentTypeError, at_user_line
from gradax.records import record


def as_indices(what: str, given: Any) -> tuple[int, ...]:
    """Return an integer or several as a tuple of indices."""
    items: tuple[Any, ...] = (given,)
    if isinstance(given, Iterable) and not isinstance(given, str):
        items = tuple(given)
    for i in items:
        if isinstance(i, bool) or not hasattr(i, "__index__"):
            raise ArgumentTypeError(
                f"{what}: expected an integer or a sequence of integers; got {given!r}."
                f"{at_user_line()}"
            )
    return tuple(i.__index__() for i in items)


def as_names(what: str, given: Any) -> tuple[str, ...]:
    """Return a name or several as a tuple of names."""
    names = (given,) if isinstance(given, str) else tuple(given)
    if not all(isinstance(n, str) for n in names):
        raise ArgumentTypeError(
            f"{what}: expected a name or a sequence of names; got {given!r}.{at_user_line()}"
        )
    return names


@record
class Chosen:
    """Arguments chosen by position and by name, each completed from the other by the signature."""

    argnums: tuple[int, ...] = ()
    argnames: tuple[str, ...] = ()

    def positions(self, n_args: int) -> tuple[int, ...]:
        """Return the positions among `n_args` positional arguments."""
        return tuple(sorted({i % n_args for i in self.argnums if -n_args <= i < n_args}))

    def __bool__(self) -> bool:
        return bool(self.argnums or self.argnames)


NOTHING = Chosen()


def choose_arguments(what: str, fun: Any, argnums: Any, argnames: Any) -> Chosen:
    """Return the arguments that `argnums` and `argnames` mean for `fun`.

    Where only one of them is given, the other is inferred from the signature.
    Errors: ValueError for positions and names that the function does not have.
    """
    if argnums is None and argnames is None:
        return Chosen()
    signature = signature_of(fun)
    indices = as_indices(f"{what}_argnums", argnums) if argnums is not None else ()
    names = as_names(f"{what}_argnames", argnames) if argnames is not None else ()
    if signature is None:
        return Chosen(indices, names)
    parameters = list(signature.parameters.values())
    by_position = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
    positional = [p for p in parameters if p.kind in by_position]
    check_positions(what, fun, indices, positional, parameters)
    check_names(what, fun, names, parameters)
    if argnames is None:
        chosen = [positional[i] for i in indices if -len(positional) <= i < len(positional)]
        names = tuple(p.name for p in chosen if p.kind is Parameter.POSITIONAL_OR_KEYWORD)
    elif argnums is None:
        indices = tuple(i for i, p in enumerate(positional) if p.name in names)
    return Chosen(indices, names)


def check_positions(what: str, fun: Any, indices: Any, positional: Any, parameters: Any) -> None:
    """Raise for positions that no positional parameter has."""
    if any(p.kind is Parameter.VAR_POSITIONAL for p in parameters):
        return
    n = len(positional)
    wrong = [i for i in indices if not -n <= i < n]
    if wrong:
        raise ArgumentError(
            f"jit: {what}_argnums {wrong} are not among the {n} positional parameters of"
            f" {name_of(fun)}.{at_user_line()}"
        )


def check_names(what: str, fun: Any, names: Any, parameters: Any) -> None:
    """Raise for names that no parameter has."""
    if any(p.kind is Parameter.VAR_KEYWORD for p in parameters):
        return
    known = [p.name for p in parameters if p.kind is not Parameter.VAR_POSITIONAL]
    wrong = [n for n in names if n not in known]
    if wrong:
        raise ArgumentError(
            f"jit: {what}_argnames {wrong} are no parameters of {name_of(fun)}, which has {known}."
            f"{at_user_line()}\nName parameters as the function's signature does."
        )


def check_hashable(what: str, fun: Any, name: str, value: Any) -> None:
    """Raise unless a static argument can be a part of a cache key."""
    try:
        hash(value)
    except TypeError:
        raise ArgumentError(
            f"{what}: the static argument {name} of {name_of(fun)} must be hashable; got"
            f" {type(value).__name__}: {repr(value)[:60]}.{at_user_line()}\nStatic arguments are"
            " compared from call to call: use a tuple instead of a list, a frozen dataclass instead"
            " of a dict; arrays cannot be static."
        ) from None


def split_static(
    what: str,
    fun: Callable[..., Any],
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    argnums: Any,
    argnames: Any,
) -> tuple[Callable[..., Any], tuple[Any, ...], tuple[Any, ...]]:
    """Return `fun` with its static positional arguments bound, the others, and the bound ones."""
    positions = Chosen(as_indices(what, argnums)).positions(len(args))
    if not positions:
        return fun, tuple(args), ()
    statics = tuple(args[i] for i in positions)
    for i, value in zip(positions, statics, strict=True):
        check_hashable(what, fun, positional_names(fun, len(args))[i], value)
    dynamic = tuple(x for i, x in enumerate(args) if i not in positions)
    return bind_static(fun, positions, statics), dynamic, statics


def bind_static(
    fun: Callable[..., Any], positions: Sequence[int], statics: Sequence[Any]
) -> Callable[..., Any]:
    """Return the function of the other positional arguments."""

    def bound(*dynamic: Any, **kwargs: Any) -> Any:
        rest = iter(dynamic)
        given = dict(zip(positions, statics, strict=True))
        n = len(dynamic) + len(statics)
        return fun(*[given[i] if i in given else next(rest) for i in range(n)], **kwargs)

    bound.__name__ = name_of(fun)
    signature = signature_of(fun)
    if signature is not None:
        kept = [p for i, p in enumerate(signature.parameters.values()) if i not in positions]
        bound.__dict__["__signature__"] = signature.replace(parameters=kept)
    return bound
