"""Events that libraries record, and the listeners that hear of them.

An event has a name such as '/my/library/loaded' and keywords that say more. Listeners are called in
the thread that records, in the order of their registration.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Listener = Callable[..., Any]


class _Listeners:
    """The listeners, by what they listen to."""

    def __init__(self) -> None:
        self.of_events: list[Listener] = []
        self.of_durations: list[Listener] = []
        self.of_time_spans: list[Listener] = []
        self.of_scalars: list[Listener] = []

    def clear(self) -> None:
        """Forget all."""
        for listeners in vars(self).values():
            listeners.clear()


_listeners = _Listeners()


def _tell(listeners: list[Listener], *args: Any, **kwargs: Any) -> None:
    for listener in tuple(listeners):
        listener(*args, **kwargs)


def record_event(event: str, **kwargs: str | int) -> None:
    """Tell listeners that something happened."""
    _tell(_listeners.of_events, event, **kwargs)


def record_event_duration_secs(event: str, duration: float, **kwargs: str | int) -> None:
    """Tell listeners how many seconds something took."""
    _tell(_listeners.of_durations, event, duration, **kwargs)


def record_event_time_span(
    event: str, start_time: float, end_time: float, **kwargs: str | int
) -> None:
    """Tell listeners when something began and ended, in seconds since 1970."""
    _tell(_listeners.of_time_spans, event, start_time, end_time, **kwargs)


def record_scalar(event: str, value: float | int, **kwargs: str | int) -> None:
    """Tell listeners a number."""
    _tell(_listeners.of_scalars, event, value, **kwargs)


def register_event_listener(callback: Listener) -> None:
    """Have `callback(event, **kwargs)` called for each event."""
    _listeners.of_events.append(callback)


def register_event_duration_secs_listener(callback: Listener) -> None:
    """Have `callback(event, duration, **kwargs)` called for each duration."""
    _listeners.of_durations.append(callback)


def register_event_time_span_listener(callback: Listener) -> None:
    """Have `callback(event, start_time, end_time, **kwargs)` called for each time span."""
    _listeners.of_time_spans.append(callback)


def register_scalar_listener(callback: Listener) -> None:
    """Have `callback(event, value, **kwargs)` called for each number."""
    _listeners.of_scalars.append(callback)


def unregister_event_listener(callback: Listener) -> None:
    """Take a listener to events away. Errors: AssertionError when it is none."""
    _take_away(_listeners.of_events, callback)


def unregister_event_duration_listener(callback: Listener) -> None:
    """Take a listener to durations away. Errors: AssertionError when it is none."""
    _take_away(_listeners.of_durations, callback)


def unregister_event_time_span_listener(callback: Listener) -> None:
    """Take a listener to time spans away. Errors: AssertionError when it is none."""
    _take_away(_listeners.of_time_spans, callback)


def unregister_scalar_listener(callback: Listener) -> None:
    """Take a listener to numbers away. Errors: AssertionError when it is none."""
    _take_away(_listeners.of_scalars, callback)


def _take_away(listeners: list[Listener], callback: Listener) -> None:
    if callback not in listeners:
        raise AssertionError(f"{callback!r} is no listener: register it first")
    listeners.remove(callback)


def clear_event_listeners() -> None:
    """Take all listeners away."""
    _listeners.clear()
