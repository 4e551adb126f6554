"""Run every workload once and compare its result: the benchmark's short form, without times.

What gradax is compared with is, of these, the first that there is: JAX, the workload in NumPy,
gradax's own evaluation without compiling.
"""

import pickle
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import comparing
import processes
from measuring import load
from processes import Process, Silent, WorkerError
from workloads import Workload

SECONDS = 90
SECONDS_A_WORKLOAD = 60
SECONDS_EAGERLY = 10


def check(chosen: list[Workload], say: Callable[[str], None], seconds: float = SECONDS) -> int:
    """Compare each workload; return how many fail. After `seconds` no further one is begun."""
    others = [library for library in ("jax", "numpy") if processes.missing(library) is None]
    n_failed = n_done = 0
    ends = time.perf_counter() + seconds
    with tempfile.TemporaryDirectory() as cache:
        workers = {library: Process(library, cache) for library in ("gradax", *others)}
        for workload in spread(chosen):
            if time.perf_counter() > ends:
                break
            processes.keep_alive(workers)
            wrong, by = verdict(workload, workers)
            n_done, n_failed = n_done + 1, n_failed + bool(wrong)
            say(f"{workload.name:<22} {wrong or f'agrees with {by}'}\n")
        for worker in workers.values():
            worker.close()
    say(f"{n_done} of {len(chosen)} workloads checked, {n_failed} fail\n")
    return n_failed


def spread(chosen: list[Workload]) -> list[Workload]:
    """Return the first of each family, then the second of each, so that few stand for all."""
    places: dict[str, int] = {}
    ranks = {}
    for workload in chosen:
        ranks[workload.name] = places[workload.family] = places.get(workload.family, -1) + 1
    return sorted(chosen, key=lambda workload: ranks[workload.name])


def verdict(workload: Workload, workers: dict[str, Process]) -> tuple[str | None, str]:
    """Return what is wrong with a workload's result, and what it was compared with."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            ours = load(workers["gradax"], workload.name, folder, SECONDS_A_WORKLOAD)
            if "jax" in workers:
                theirs = load(workers["jax"], workload.name, folder, SECONDS_A_WORKLOAD)
                return comparing.disagreement(workload, ours, theirs), "JAX"
        except WorkerError as error:
            return f"fails: {error}", ""
        return without_jax(workload, ours, workers, folder)


def without_jax(
    workload: Workload, ours: list[Any], workers: dict[str, Process], folder: str
) -> tuple[str | None, str]:
    """Compare with NumPy, or with gradax's own evaluation without compiling."""
    try:
        theirs = load(workers["numpy"], workload.name, folder, SECONDS_A_WORKLOAD)
    except WorkerError as error:
        return f"fails in NumPy: {error}", ""
    if theirs is not None:
        return comparing.peer_disagreement(workload, ours, theirs), "NumPy"
    path = Path(folder) / "eager"
    try:
        workers["gradax"].ask("run_eagerly", SECONDS_EAGERLY, name=workload.name, result=str(path))
    except Silent:
        return None, "nothing, too slow without compiling"
    except WorkerError as error:
        return f"fails without compiling: {error}", ""
    return comparing.disagreement(workload, ours, pickle.loads(path.read_bytes())), "itself, eager"
