"""The timeline that a profile is made of: spans of compiling, calling and the user's own."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, Final, final

from gradax.records import record


@final
@record
class Span:
    """What a thread did from `start_ns` on, for `duration_ns`."""

    name: str
    category: str
    start_ns: int
    duration_ns: int
    thread: int
    args: dict[str, Any]


@final
class Timeline:
    """The spans of this process while a profile is taken."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.threads: dict[int, str] = {}
        self.is_on = False

    def start(self) -> None:
        """Begin anew."""
        self.spans, self.threads, self.is_on = [], {}, True

    def stop(self) -> tuple[list[Span], dict[int, str]]:
        """Return the spans, and the names of threads by their numbers."""
        self.is_on = False
        return self.spans, self.threads

    def add(self, name: str, category: str, start_ns: int, args: dict[str, Any]) -> None:
        """Add a span that ends now."""
        thread = threading.current_thread()
        number = thread.ident or 0
        self.threads.setdefault(number, thread.name)
        duration = time.time_ns() - start_ns
        self.spans.append(Span(name, category, start_ns, duration, number, args))


timeline: Final = Timeline()


@contextmanager
def span(name: str, category: str, **args: Any) -> Generator[None, None, None]:
    """Put what the body takes on the timeline, while one is recorded."""
    if not timeline.is_on:
        yield
        return
    start = time.time_ns()
    try:
        yield
    finally:
        timeline.add(name, category, start, args)
