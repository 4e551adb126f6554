"""Universal functions as objects; `frompyfunc` makes one of a user's function of numbers."""

from __future__ import annotations

from collections.abc import Callable
from functools import update_wrapper
from typing import Any

from gradax.numpy.ufunc_methods import add_methods
from gradax.numpy.vectorizing import vectorize


class UfuncType(type):
    """Lets the plain functions of this package count as universal ones."""

    def __instancecheck__(cls, instance: Any) -> bool:
        return hasattr(instance, "nin") and hasattr(instance, "reduce")


class ufunc(metaclass=UfuncType):
    """A function of numbers, applied to arrays element by element."""

    def __init__(
        self,
        func: Callable[..., Any],
        /,
        nin: int,
        nout: int,
        *,
        name: str | None = None,
        identity: Any = None,
    ) -> None:
        update_wrapper(self, func)
        self.call = vectorize(func)
        self.nin, self.nout, self.identity = nin, nout, identity
        self.nargs = nin + nout
        self.__name__ = name or getattr(func, "__name__", "ufunc")
        add_methods(self, self.call, nin, nout, identity)

    def __call__(self, *args: Any) -> Any:
        """Apply the function."""
        if len(args) != self.nin:
            raise TypeError(f"{self.__name__} takes {self.nin} arrays, got {len(args)}")
        return self.call(*args)

    def __repr__(self) -> str:
        return f"<gradax.numpy.ufunc '{self.__name__}'>"


def frompyfunc(func: Callable[..., Any], /, nin: int, nout: int, *, identity: Any = None) -> ufunc:
    """Return a universal function of a function of numbers."""
    return ufunc(func, nin, nout, identity=identity)
