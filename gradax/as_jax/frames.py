"""What libraries ask of JAX's tracebacks: which frames are not the user's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from gradax.tracebacks import is_ours

_Function = TypeVar("_Function", bound=Callable[..., Any])


class Excluded:
    """Files whose frames libraries leave out of what they show."""

    def __init__(self) -> None:
        self.files: set[str] = set()


excluded = Excluded()


def register_exclusion(path: str) -> None:
    """Leave the frames of a file out where `include_frame` is asked."""
    excluded.files.add(path)


def include_frame(frame: Any) -> bool:
    """Tell whether a frame is the user's."""
    code = frame.f_code
    return not is_ours(code) and code.co_filename not in excluded.files


def api_boundary(fun: _Function, **options: Any) -> _Function:
    """Return a function as it is: tracebacks are shortened where they are shown."""
    del options
    return fun
