"""`make_user_context`: values of the user's own on which tracing depends."""

from __future__ import annotations

from itertools import count
from typing import Any, Final, final

from gradax.config import state
from gradax.config.setting import Override

_numbers: Final = count()


@final
class UserContext:
    """A value that jitted functions are traced anew for; call it for a `with` that changes it."""

    def __init__(self, default_value: Any = None) -> None:
        self._name = f"user_context_{next(_numbers)}"
        hash(default_value)
        state.declare_later(self._name, default_value)

    @property
    def value(self) -> Any:
        """The value that this thread sees."""
        return getattr(state.current, self._name)

    def get_global(self) -> Any:
        """Return the value outside every `with`."""
        return getattr(state.Values, self._name)

    def set_global(self, new_value: Any) -> None:
        """Change the value outside every `with`."""
        hash(new_value)
        state.set_defaults([(self._name, new_value)])

    def __call__(self, new_value: Any) -> Override:
        """Return a context manager that gives it a hashable value in this thread."""
        hash(new_value)
        return Override([(self._name, new_value)])

    def __repr__(self) -> str:
        return f"<user context {self.value!r}>"


def make_user_context(default_value: Any = None) -> UserContext:
    """Return a value of one's own that is part of what jitted functions are traced for.

    `with context(value):` changes it; a function that was traced under another value is traced
    again. Values are compared by equality, and must be hashable.
    """
    return UserContext(default_value)
