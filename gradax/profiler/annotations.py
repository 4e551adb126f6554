"""The user's own spans on the timeline."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import wraps
from typing import Any

from gradax.runtime.timeline import timeline


class TraceAnnotation:
    """A context whose time a trace shows under a name, with keywords that say more."""

    category = "annotation"

    def __init__(self, name: str, **kwargs: Any) -> None:
        self.name = name
        self.metadata = kwargs
        self._starts: list[int] = []

    @staticmethod
    def is_enabled() -> bool:
        """Tell whether a trace is being recorded."""
        return timeline.is_on

    def set_metadata(self, **kwargs: Any) -> None:
        """Add keywords that the trace shows."""
        self.metadata.update(kwargs)

    def __enter__(self) -> TraceAnnotation:
        self._starts.append(time.time_ns())
        return self

    def __exit__(self, *error: object) -> None:
        start = self._starts.pop()
        if timeline.is_on:
            timeline.add(self.name, self.category, start, dict(self.metadata))


class StepTraceAnnotation(TraceAnnotation):
    """A context that is one step of a training; `step_num` is its number."""

    category = "step"

    def __init__(self, name: str, **kwargs: Any) -> None:
        super().__init__(name, _r=1, **kwargs)


def annotate_function(
    func: Callable[..., Any], name: str | None = None, **decorator_kwargs: Any
) -> Callable[..., Any]:
    """Return `func` with its calls shown by traces, under `name` or its own."""
    shown = name or getattr(func, "__qualname__", None) or getattr(func, "__name__", "function")

    @wraps(func)
    def annotated(*args: Any, **kwargs: Any) -> Any:
        with TraceAnnotation(shown, **decorator_kwargs):
            return func(*args, **kwargs)

    return annotated
