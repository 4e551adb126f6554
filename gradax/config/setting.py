"""A setting: its name, the values it takes, its environment variables, its context manager."""

from __future__ import annotations

import contextlib
import operator
import os
from collections.abc import Hashable, Iterable
from typing import Any, Final, Generic, NoReturn, TypeVar, cast, final

import numpy as np

from gradax.config import state
from gradax.records import record

T = TypeVar("T")

_TRUE: Final = frozenset({"1", "true", "t", "yes", "y", "on"})
_FALSE: Final = frozenset({"0", "false", "f", "no", "n", "off", ""})
_UNSET: Final = object()


class Override(contextlib.ContextDecorator):
    """Give settings other values in this thread for the body of a `with`, or of a function."""

    def __init__(self, changes: Iterable[tuple[str, object]]) -> None:
        self._changes = tuple(changes)
        self._undo: list[tuple[tuple[str, object], ...]] = []

    def _recreate_cm(self) -> Override:
        # A decorated function may run on several threads at once: each call has its own undo list.
        return Override(self._changes)

    def __enter__(self) -> None:
        self._undo.append(state.swap_overrides(self._changes))

    def __exit__(self, *exc: object) -> None:
        state.swap_overrides(self._undo.pop())


@final
@record
class Kind:
    """Say which values a setting takes."""

    type: type
    choices: tuple[str, ...] = ()
    optional: bool = False
    least: int | None = None

    def __str__(self) -> str:
        if self.choices:
            text = "one of " + ", ".join(map(repr, self.choices))
        else:
            text = "any hashable value" if self.type is object else self.type.__name__
        if self.least is not None:
            text += f" of at least {self.least}"
        return f"{text} or None" if self.optional else text

    def convert(self, value: object) -> object:
        """Return `value` as this kind holds it; TypeError or ValueError if it is of another."""
        if value is None and self.optional:
            return None
        if self.type is bool:
            if isinstance(value, (bool, np.bool_)) or (type(value) is int and value in (0, 1)):
                return bool(value)
        elif self.type is int:
            if isinstance(value, (int, np.integer)) and not isinstance(value, bool):
                return self._bound(operator.index(value))
        elif self.type is float:
            if isinstance(value, (int, float, np.number)) and not isinstance(value, bool):
                return float(cast("float", value))  # which refuses NumPy's complex numbers
        elif self.type is str:
            if isinstance(value, (str, os.PathLike)):
                return self._choose(os.fspath(value))
        elif isinstance(value, Hashable):
            return value
        raise TypeError(f"expected {self}, got {value!r} of type {type(value).__name__}")

    def parse(self, text: str) -> object:
        """Return the value that an environment variable spells."""
        lower = text.strip().lower()
        if self.optional and lower in ("", "none"):
            return None
        if self.type is bool:
            if lower in _TRUE or lower in _FALSE:
                return lower in _TRUE
            raise ValueError(f"expected 1, true, on, 0, false or off, got {text!r}")
        if self.type in (int, float):
            try:
                return self.convert(self.type(text))
            except ValueError:
                raise ValueError(f"expected {self}, got {text!r}") from None
        return self.convert(text)

    def _bound(self, number: int) -> int:
        if self.least is not None and number < self.least:
            raise ValueError(f"expected {self}, got {number}")
        return number

    def _choose(self, text: object) -> object:
        if self.choices and text not in self.choices:
            raise ValueError(f"expected {self}, got {text!r}")
        return text


@final
@record(eq=False)
class Setting(Generic[T]):
    """One setting. Call it with a value for a context manager that overrides it in this thread.

    `traced` settings are part of the trace key. Setting one also sets its `parts`.
    """

    name: str
    kind: Kind
    default: T
    doc: str
    traced: bool = False
    parts: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()

    @property
    def value(self) -> T:
        """Return the value that this thread sees; `current.NAME` is the fast way."""
        return getattr(state.current, self.name)

    def __call__(self, value: Any = _UNSET, **named: Any) -> Override:
        """Return a context manager, and decorator, that overrides the setting in this thread.

        The value may be given by the first word of the setting's name: `disable_jit(disable=True)`.
        """
        if named and (value is not _UNSET or list(named) != [self.name.partition("_")[0]]):
            raise TypeError(f"{self.name}(value): unexpected keyword {', '.join(named)}")
        value = next(iter(named.values()), value)
        if value is _UNSET:
            if self.kind.type is not bool:
                raise TypeError(f"{self.name}(value): a value is needed: {self.kind}")
            value = True
        return Override(self.changes(value))

    def __bool__(self) -> NoReturn:
        raise TypeError(
            f"the setting {self.name} was used as a truth value; read config.jax_{self.name} or"
            f" {self.name}.value instead"
        )

    def __repr__(self) -> str:
        return f"<setting {self.name}={self.value!r}>"

    def changes(self, value: object) -> tuple[tuple[str, object], ...]:
        """Return the checked (name, value) pairs that giving it `value` means."""
        try:
            value = self.kind.convert(value)
        except (TypeError, ValueError) as error:
            raise type(error)(f"setting {self.name}: {error}") from None
        return tuple((name, value) for name in (self.name, *self.parts))

    def initial(self) -> object:
        """Return what the environment says, else the default; GRADAX_X goes before JAX_X."""
        for name in (self.name, *self.aliases):
            for variable in (f"GRADAX_{name.upper()}", f"JAX_{name.upper()}"):
                text = os.environ.get(variable)
                if text is None:
                    continue
                try:
                    return self.kind.parse(text)
                except (TypeError, ValueError) as error:
                    raise ValueError(f"environment variable {variable}: {error}") from None
        return self.default
