"""How many threads a call may use: the setting `num_threads`, which the runtime follows."""

from __future__ import annotations

import os

from gradax import config, native
from gradax.config import state
from gradax.config.setting import Override


def num_threads() -> int:
    """Return how many threads a call made by this Python thread may use, its own included."""
    return native.num_threads()


def set_num_threads(n: int | None) -> None:
    """Set how many threads each call may use, whichever Python thread makes it; 256 at most.

    None goes back to what the machine grants: the processors of the affinity mask, or fewer where
    a control group limits their time. GRADAX_NUM_THREADS gives the first value. Calls in flight
    keep the number that they began with, and results have the same bits with any number. Matrix
    products count as well: they run BLAS on one thread a piece.
    Errors: TypeError or ValueError unless `n` is None or a whole number of at least 1.
    """
    config.update("num_threads", n)


def threads(n: int | None) -> Override:
    """Return a context manager, and decorator, under which calls use at most `n` threads.

    It holds for the calls of this Python thread alone, so that libraries and worker threads of
    one process can choose for themselves, and goes before `set_num_threads`.
    Errors: as `set_num_threads`.
    """
    return config.num_threads(n)


def origin() -> str:
    """Say where this thread's number comes from."""
    if "num_threads" in vars(config.current):
        return "set for this thread"
    stated = config.current.num_threads
    if stated is not None:
        by_environment = str(stated) == os.environ.get("GRADAX_NUM_THREADS", "").strip()
        return "GRADAX_NUM_THREADS" if by_environment else "the setting num_threads"
    count, affinity, quota = native.processors()
    if count < affinity and quota:
        return f"a control group grants the time of {quota:g} processors"
    return "the processors of the affinity mask"


def _follow(value: object, everywhere: bool) -> None:
    if everywhere:
        native.set_num_threads(value if isinstance(value, int) else 0)
    elif value is state.ABSENT:
        native.set_num_threads_here(0)
    else:
        native.set_num_threads_here(value if isinstance(value, int) else native.processors()[0])


state.on_change("num_threads", _follow)
_follow(config.current.num_threads, True)
