"""`checkify`: functions that return what went wrong in them, beside their results."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gradax import tree
from gradax.api.arguments import check_callable, flat_result, name_of, named_after
from gradax.control.check_sites import CheckThat, DebugCheck, Raise, Site, Table
from gradax.control.checkify import Checker, start
from gradax.core.jaxpr import inline_consts
from gradax.core.staging import stage
from gradax.core.tracer import Tracer
from gradax.core.value import as_value, is_value
from gradax.errors import (
    ArgumentTypeError,
    CheckError,
    DivisionByZeroError,
    FailedCheckError,
    NaNError,
    OOBError,
    at_user_line,
    source_line,
)
from gradax.lax.comparison import eq
from gradax.lax.convert import ConvertElementType
from gradax.lax.dynamic_slicing import dynamic_index_in_dim
from gradax.lax.reductions import argmax
from gradax.lax.reshaping import Reshape
from gradax.native import register_node

ErrorCategory = type[CheckError]
Errors = frozenset[type[Exception]]

user_checks: Errors = frozenset({FailedCheckError})
nan_checks: Errors = frozenset({NaNError})
index_checks: Errors = frozenset({OOBError})
div_checks: Errors = frozenset({DivisionByZeroError})
float_checks: Errors = nan_checks | div_checks
automatic_checks: Errors = float_checks | index_checks
all_checks: Errors = automatic_checks | user_checks


class Error:
    """What went wrong in a function, perhaps nothing; a pytree of arrays.

    Of a mapped function it has leading axes: an error for each index.
    """

    def __init__(self, code: Any, words: Any, sites: tuple[Site, ...]) -> None:
        self.code, self.words, self.sites = code, words, sites

    def failures(self) -> list[tuple[tuple[int, ...], Site, str]]:
        """Return index, check and message of each failure."""
        if isinstance(self.code, Tracer):
            raise ArgumentTypeError(
                "checkify: whether there is an error is not known while a function is traced."
                f"{at_user_line()}\nUse checkify.check_error, or return the error."
            )
        codes, words = np.asarray(self.code), np.asarray(self.words)
        found: list[tuple[tuple[int, ...], Site, str]] = []
        for index in np.ndindex(codes.shape):
            code = int(codes[index])
            if code:
                site = self.sites[code - 1]
                found.append((index, site, site.text(words[index])))
        return found

    def get(self) -> str | None:
        """Return the message of the first failure (mapped: of each index), or None."""
        found = self.failures()
        if not found:
            return None
        return "\n".join(
            f"at mapped index {', '.join(map(str, index))}: {text}" if index else text
            for index, _, text in found
        )

    def get_exception(self) -> Exception | None:
        """Return the failure as an exception, or None."""
        found = self.failures()
        return found[0][1].error(self.get()) if found else None

    def throw(self) -> None:
        """Raise the failure when there is one.

        Errors: a CheckError, which is a ValueError.
        """
        error = self.get_exception()
        if error is not None:
            raise error

    def __str__(self) -> str:
        return f"Error({self.get()})"

    def __repr__(self) -> str:
        shown = self.code if isinstance(self.code, Tracer) else self.get()
        return f"Error({shown})"


register_node(
    Error,
    lambda e: ((e.code, e.words), e.sites),
    lambda sites, parts: Error(parts[0], parts[1], sites),
)


def init_error() -> Error:
    """Return the error of which nothing went wrong."""
    code, words = start(0)
    return Error(as_value(code), as_value(words), ())


def checkify(
    f: Callable[..., Any], errors: frozenset[type[Exception]] = user_checks
) -> Callable[..., tuple[Error, Any]]:
    """Return a function that returns (Error, result of `f`) and raises nothing for its checks.

    errors: which checks are made: `user_checks` (those of `check`), `nan_checks`, `div_checks`,
    `index_checks`, or unions of them such as `all_checks`. The first one that fails is kept, with
    the line that it stands on; the computation goes on.
    """
    check_callable("checkify", f)
    asked = frozenset(errors)

    @named_after(f, "", f"{name_of(f)} returning what went wrong: (error, result).")
    def checked(*args: Any, **kwargs: Any) -> tuple[Error, Any]:
        leaves, in_tree = tree.flatten((args, kwargs))
        is_array = [is_value(x) or hasattr(x, "__array__") for x in leaves]
        values = [as_value(x) for x, a in zip(leaves, is_array, strict=True) if a]
        found: list[Any] = []

        def flat(*xs: Any) -> list[Any]:
            given = iter(xs)
            every = [next(given) if a else x for x, a in zip(leaves, is_array, strict=True)]
            own_args, own_kwargs = tree.unflatten(in_tree, every)
            outs, out_tree = flat_result("checkify", f, f(*own_args, **own_kwargs))
            found.append(out_tree)
            return outs

        closed = stage(flat, [x.aval for x in values], name_of(f))
        jaxpr = inline_consts(closed)
        checker = Checker(asked, jaxpr)
        code, words = map(as_value, start(checker.n_words))
        outs, (code, words) = checker.run(jaxpr, [*closed.consts, *values], (code, words))
        error = Error(as_value(code), as_value(words), tuple(checker.sites))
        return error, tree.unflatten(found[0], outs)

    return checked


def check(pred: Any, msg: str, *fmt_args: Any, debug: bool = False, **fmt_kwargs: Any) -> None:
    """Check that `pred`, a bool scalar, holds; `msg` is formatted with the arguments' values.

    Inside `checkify` a failure is returned; outside it is raised, in a compiled program when it
    gets there. With `debug` it is checked inside `checkify` only.
    Errors: TypeError for a `pred` or arguments that are no such arrays; CheckError.
    """
    holds = as_value(pred) if is_value(pred) else None
    if holds is None or holds.dtype != np.bool_ or holds.shape != ():
        got = holds.aval if holds is not None else type(pred).__name__
        raise ArgumentTypeError(
            f"checkify.check: expected a bool scalar to check; got {got}.{at_user_line()}"
        )
    leaves, structure = tree.flatten((fmt_args, fmt_kwargs))
    for leaf in leaves:
        if not is_value(leaf):
            raise ArgumentTypeError(
                "checkify.check: the arguments of its message must be arrays; got"
                f" {repr(leaf)[:60]} of type {type(leaf).__name__}.{at_user_line()}\n"
                "Write what is known while tracing into the message."
            )
    values = [as_value(x) for x in leaves]
    site = Site(
        FailedCheckError, msg, str(source_line() or ""), structure, tuple(x.aval for x in values)
    )
    (DebugCheck(site) if debug else CheckThat(Raise(site), ()))(holds, *values)


def debug_check(pred: Any, msg: str, *fmt_args: Any, **fmt_kwargs: Any) -> None:
    """Check as `check` does, inside `checkify` only: elsewhere it costs nothing."""
    check(pred, msg, *fmt_args, debug=True, **fmt_kwargs)


def check_error(error: Error) -> None:
    """Raise the failure that `error` holds; inside `checkify`, return it.

    Errors: CheckError.
    """
    if not isinstance(error, Error):
        raise ArgumentTypeError(
            f"checkify.check_error: expected an Error; got {type(error).__name__}.{at_user_line()}"
        )
    if not error.sites:
        return
    code, words = as_value(error.code), as_value(error.words)
    if code.ndim:
        n = int(np.prod(code.shape))
        code, words = Reshape((n,))(code), Reshape((n, words.shape[-1]))(words)
        failed = ConvertElementType(np.dtype(np.int32))(code != np.int32(0))
        at = argmax(failed, 0, np.int32)
        code = dynamic_index_in_dim(code, at, 0, keepdims=False)
        words = dynamic_index_in_dim(words, at, 0, keepdims=False)
    table = Table(error.sites, words.shape[0])
    CheckThat(Raise(table), ())(eq(code, np.int32(0)), code, words)
