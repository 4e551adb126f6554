"""Locks that the child of a fork finds open: the thread that held one does not exist there."""

from __future__ import annotations

import os
import threading
from typing import Any
from weakref import WeakSet

_made: WeakSet[Any] = WeakSet()


def make_lock() -> threading.RLock:
    """Return a lock that its thread may take again and that a forked child finds open.

    What it guards must be whole at every step: another thread may be in its midst when one forks.
    """
    lock = threading.RLock()
    _made.add(lock)
    return lock


def _open_all() -> None:
    for lock in list(_made):
        lock._at_fork_reinit()


os.register_at_fork(after_in_child=_open_all)
