"""Several processes that compute together: here always one.

A program that calls `initialize` runs unchanged on one process; more are refused plainly.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from gradax.errors import ArgumentError, UnsupportedArgumentError, at_user_line


class _State:
    """Whether `initialize` was called."""

    def __init__(self) -> None:
        self.is_initialized = False


_state = _State()


def initialize(
    coordinator_address: str | None = None,
    num_processes: int | None = None,
    process_id: int | None = None,
    local_device_ids: int | Sequence[int] | None = None,
    cluster_detection_method: str | None = None,
    **timeouts_and_addresses: Any,
) -> None:
    """Join the processes that compute together; there may be one, which connects to nobody.

    Errors: RuntimeError when called twice; NotImplementedError for several processes; ValueError
    for a `process_id` that is not among them.
    """
    del coordinator_address, local_device_ids, cluster_detection_method, timeouts_and_addresses
    if _state.is_initialized:
        raise RuntimeError(
            f"distributed.initialize: it was called before.{at_user_line()}\nCall it once, or"
            " distributed.shutdown first."
        )
    count = num_processes
    if count is None:
        count = int(os.environ.get("JAX_NUM_PROCESSES", "1"))
    if count != 1:
        raise UnsupportedArgumentError(
            f"distributed.initialize: expected one process; got num_processes={count}."
            f"{at_user_line()}\nArrays live in one process here: give it several devices instead,"
            " with the setting num_cpu_devices."
        )
    if process_id not in (None, 0):
        raise ArgumentError(
            f"distributed.initialize: of one process the number is 0; got process_id={process_id}."
            f"{at_user_line()}"
        )
    _state.is_initialized = True


def is_initialized() -> bool:
    """Tell whether `initialize` was called, and `shutdown` not since."""
    return _state.is_initialized


def shutdown() -> None:
    """Leave the processes that compute together."""
    _state.is_initialized = False
