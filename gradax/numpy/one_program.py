"""Functions that are one program where they are called on arrays, not an operation at a time."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from gradax.api.jit import jit
from gradax.config import current
from gradax.native import Array, get_trace

# What else than arrays may be given: it is looked at while the function is traced.
PLAIN = frozenset((int, float, bool, str, type(None)))


def one_program(*static: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Compile a function of arrays for calls outside of any transformation.

    `static` names the parameters that are no arrays. Where the function is traced, or given
    anything but arrays and plain values, it is called as it is: jaxprs show its operations.
    """

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        code = function.__code__
        names = code.co_varnames[: code.co_argcount]
        places = frozenset(k for k, name in enumerate(names) if name in static)
        programs: list[Any] = []

        @wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            if get_trace() is not None or not is_plain(args, kwargs) or is_watched():
                return function(*args, **kwargs)
            if not programs:
                programs.append(jit(function, static_argnames=static))
            return programs[0](*args, **kwargs)

        def is_plain(args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
            if not args or type(args[0]) is not Array:
                return False
            for k, x in enumerate(args):
                if is_static(x) if k in places else type(x) is Array:
                    continue
                return False
            for name, x in kwargs.items():
                if is_static(x) if name in static else type(x) is Array:
                    continue
                return False
            return True

        return call

    return decorate


def is_static(x: Any) -> bool:
    """Tell whether a value may be a part of the program."""
    return type(x) in PLAIN or (type(x) is tuple and all(type(n) in PLAIN for n in x))


def is_watched() -> bool:
    """Tell whether settings ask that operations be run one by one, or that nothing be traced."""
    return (
        current.disable_jit
        or current.strict
        or current.no_tracing
        or current.debug_nans
        or current.debug_infs
        or current.explain_cache_misses
        or current.log_compiles
    )
