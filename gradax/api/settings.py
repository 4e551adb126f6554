"""Tells the call path in C++ about the settings: a program belongs to those it was traced under."""

from __future__ import annotations

from typing import Any

from gradax import native
from gradax.config import current, on_trace_key_change
from gradax.core.value import aval_of
from gradax.runtime.timeline import timeline

_SLOW = ("disable_jit", "debug_nans", "debug_infs", "strict", "debug_key_reuse")


def needs_slow_path(values: Any) -> bool:
    """Tell whether jitted calls are to go through Python under these settings."""
    return timeline.is_on or any(getattr(values, name) for name in _SLOW)


def follow(key: Any, everywhere: bool) -> None:
    """Pass on a change of the settings, in this thread or everywhere."""
    native.set_scalar_avals(key, *map(aval_of, (False, 0, 0.0, 0j)))
    if everywhere:
        default = type(current).trace_key
        if default is not key:
            native.set_scalar_avals(default, *default_avals())
        native.set_default_config_key(default)
        native.avoid_fast_path_everywhere(needs_slow_path(type(current)))
    overridden = "trace_key" in vars(current)
    native.set_config_key(key if overridden else None)
    native.avoid_fast_path(needs_slow_path(current))


def follow_timeline() -> None:
    """Send jitted calls through Python while a timeline is recorded, or no longer."""
    native.avoid_fast_path_everywhere(needs_slow_path(type(current)))


def default_avals() -> list[Any]:
    """Return the avals of Python's scalars under the process' default settings."""
    wide = type(current).enable_x64
    found = []
    for value in (False, 0, 0.0, 0j):
        aval = aval_of(value)
        kind = aval.dtype.kind
        size = {"b": 1, "c": 16 if wide else 8}.get(kind, 8 if wide else 4)
        found.append(aval.update(dtype=f"{kind}{size}" if kind != "b" else aval.dtype))
    return found


def install() -> None:
    """Follow the settings from now on."""
    on_trace_key_change(follow)
    follow(current.trace_key, True)
