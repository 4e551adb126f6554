"""The values of the settings: a process-wide default each, and a thread's own overrides.

Reading is one attribute of `current`, a `threading.local` whose class attributes are the defaults
and whose instance attributes are the overrides of this thread. Settings that change what tracing
produces form the interned `TraceKey`, kept up to date beside them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Final, final

from gradax.locks import make_lock

ABSENT: Final = object()


@final
class TraceKey:
    """Stand for one combination of the settings that tracing depends on; equality is identity."""

    __slots__ = ("index", "values")

    def __init__(self, index: int, values: tuple[tuple[str, object], ...]) -> None:
        self.index = index
        self.values = values

    def __repr__(self) -> str:
        return f"TraceKey({', '.join(f'{name}={value!r}' for name, value in self.values)})"


class Values(threading.local):
    """Hold what this thread sees of every setting; `settings.py` documents each name."""

    trace_key: TraceKey

    enable_x64: bool
    numpy_rank_promotion: str
    numpy_dtype_promotion: str
    default_matmul_precision: str | None
    threefry_partitionable: bool
    default_prng_impl: str
    enable_custom_prng: bool
    legacy_prng_key: str
    random_seed_offset: int
    debug_key_reuse: bool
    default_device: object
    disable_jit: bool
    debug_nans: bool
    debug_infs: bool
    check_tracer_leaks: bool
    enable_checks: bool
    softmax_custom_jvp: bool
    strict: bool
    log_compiles: bool
    explain_cache_misses: bool
    no_tracing: bool
    traceback_filtering: str
    num_cpu_devices: int
    num_threads: int | None
    platforms: str | None
    enable_compilation_cache: bool
    compilation_cache_dir: str | None
    compilation_cache_max_size: int
    compile_level: str
    transfer_guard: str | None
    transfer_guard_host_to_device: str | None
    transfer_guard_device_to_device: str | None
    transfer_guard_device_to_host: str | None

    # Not a setting: the meshes that `gradax.set_mesh` and others have made current.
    mesh_context: object


current: Final = Values()

KeyCallback = Callable[[TraceKey, bool], None]
ChangeCallback = Callable[[object, bool], None]


class _Store:
    """Hold what is shared between threads; every change happens under `lock`."""

    __slots__ = ("callbacks", "keys", "lock", "overridden", "traced", "watchers")

    def __init__(self) -> None:
        self.lock = make_lock()
        self.traced: list[str] = []
        self.keys: dict[tuple[tuple[str, object], ...], TraceKey] = {}
        self.overridden: dict[int, dict[str, object]] = {}
        self.callbacks: list[KeyCallback] = []
        self.watchers: dict[str, ChangeCallback] = {}


_store: Final = _Store()


def trace_key() -> TraceKey:
    """Return the key of the settings of this thread that tracing depends on."""
    return current.trace_key


def on_trace_key_change(callback: KeyCallback) -> None:
    """Call `callback(key, everywhere)` after each change of a trace key.

    `key` is the new key of the calling thread. `everywhere` is True when a default changed: then
    other threads must read `trace_key()` again too. Cost: nothing until a setting changes.
    """
    _store.callbacks.append(callback)


def remove_trace_key_callback(callback: KeyCallback) -> None:
    """Stop calling `callback`."""
    _store.callbacks.remove(callback)


def on_change(name: str, callback: ChangeCallback) -> None:
    """Call `callback(value, everywhere)` after each change of the setting `name`.

    `value` is the new default if `everywhere`; else this thread's override, ABSENT without one.
    """
    _store.watchers[name] = callback


def declare(name: str, default: object, traced: bool) -> None:
    """Add a setting; `traced` makes it a part of the trace key."""
    with _store.lock:
        setattr(Values, name, default)
        if traced:
            _store.traced.append(name)
        Values.trace_key = _intern({})


def declare_later(name: str, default: object) -> None:
    """Add a traced setting while programs run: every trace key becomes another."""
    declare(name, default, traced=True)
    with _store.lock:
        for local in _store.overridden.values():
            local["trace_key"] = _intern(local)
    _notify(everywhere=True)


def set_defaults(changes: Iterable[tuple[str, object]]) -> None:
    """Change process-wide defaults; threads inside an override of that setting keep theirs."""
    changes = tuple(changes)
    with _store.lock:
        before = Values.trace_key
        for name, value in changes:
            setattr(Values, name, value)
        Values.trace_key = _intern({})
        for local in _store.overridden.values():
            local["trace_key"] = _intern(local)
        changed = Values.trace_key is not before
    if changed:
        _notify(everywhere=True)
    for name, value in changes:
        if name in _store.watchers:
            _store.watchers[name](value, True)


def swap_overrides(changes: Iterable[tuple[str, object]]) -> tuple[tuple[str, object], ...]:
    """Set this thread's overrides (`ABSENT` removes one); return what undoes it."""
    local = vars(current)
    before = current.trace_key
    undo: list[tuple[str, object]] = []
    with _store.lock:
        for name, value in changes:
            undo.append((name, local.get(name, ABSENT)))
            if value is ABSENT:
                local.pop(name, None)
            else:
                local[name] = value
        local.pop("trace_key", None)
        if local:
            local["trace_key"] = _intern(local)
            _store.overridden[threading.get_ident()] = local
        else:
            _store.overridden.pop(threading.get_ident(), None)
    if current.trace_key is not before:
        _notify(everywhere=False)
    for name, _ in undo:
        if name in _store.watchers:
            _store.watchers[name](local.get(name, ABSENT), False)
    return tuple(reversed(undo))


def _intern(local: dict[str, object]) -> TraceKey:
    values = tuple(
        (name, local[name] if name in local else getattr(Values, name)) for name in _store.traced
    )
    key = _store.keys.get(values)
    if key is None:
        key = _store.keys[values] = TraceKey(len(_store.keys), values)
    return key


def _notify(everywhere: bool) -> None:
    key = current.trace_key
    for callback in tuple(_store.callbacks):
        callback(key, everywhere)
