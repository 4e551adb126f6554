"""What is measured of a workload: imports, first calls, steady calls."""

import pickle
import statistics
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

import comparing
from processes import SECONDS_A_COMMAND, Process, WorkerError, environment, python_of
from workloads import Workload

MAIN = ("gradax", "jax")
PEERS = ("numpy", "torch", "torch.compile")
BATCH_SECONDS = 0.02
# Other libraries' threads spin for a while after they have worked.
PAUSE_SECONDS = 0.003


class Effort(NamedTuple):
    """How much is measured: fresh processes, turns, and the seconds that turns may take."""

    n_fresh: int
    n_turns: int
    turn_seconds: float
    n_imports: int


FULL = Effort(n_fresh=2, n_turns=12, turn_seconds=1.5, n_imports=7)
QUICK = Effort(n_fresh=1, n_turns=3, turn_seconds=1.0, n_imports=2)


def measure_imports(n_times: int) -> dict[str, float]:
    """Return the least seconds that importing each library takes in a fresh process."""
    program = "import time; t = time.perf_counter(); import {}; print(time.perf_counter() - t)"
    seconds: dict[str, list[float]] = {library: [] for library in MAIN}
    with tempfile.TemporaryDirectory() as cache:
        for _ in range(n_times + 1):
            for library in MAIN:
                command = [python_of(library), "-c", program.format(library)]
                variables = environment(library, cache)
                done = subprocess.run(
                    command, capture_output=True, text=True, env=variables, check=True
                )
                seconds[library].append(float(done.stdout))
    # The first import reads the disk.
    return {library: min(times[1:]) for library, times in seconds.items()}


def first_call(library: str, name: str, cache: str) -> dict[str, float]:
    """Return the first call's seconds and the peak memory of a fresh process."""
    process = Process(library, cache)
    try:
        return process.ask("load", name=name)
    finally:
        process.close()


def measure_first_calls(name: str, n_fresh: int) -> dict[str, dict[str, float]]:
    """Return first-call seconds and peak bytes: JAX, gradax, gradax with a warm disk cache."""
    answers: dict[str, list[dict[str, float]]] = {"gradax": [], "jax": [], "gradax warm": []}
    for _ in range(n_fresh):
        with tempfile.TemporaryDirectory() as cache:
            answers["gradax"].append(first_call("gradax", name, cache))
            answers["jax"].append(first_call("jax", name, cache))
            answers["gradax warm"].append(first_call("gradax", name, cache))
    return {
        who: {key: min(a[key] for a in found) for key in ("seconds", "peak_bytes")}
        for who, found in answers.items()
    }


class Turns:
    """One library's turns: how many calls each has, and what they took."""

    def __init__(self, worker: Process, seconds: float) -> None:
        self.worker, self.seconds_left = worker, seconds
        self.times: list[float] = []
        self.n_calls = 1
        for most in (30, 1_000_000):
            took = worker.ask("time", n_calls=self.n_calls)["seconds"]
            self.n_calls = max(1, min(most, int(BATCH_SECONDS / max(took, 1e-7))))

    def take(self) -> None:
        """Take one turn, unless the time for them is used up."""
        if self.seconds_left <= 0 and len(self.times) >= 2:
            return
        time.sleep(PAUSE_SECONDS)
        seconds = self.worker.ask("time", n_calls=self.n_calls)["seconds"]
        self.times.append(seconds)
        self.seconds_left -= seconds * self.n_calls

    def found(self) -> dict[str, float]:
        return {
            "min": min(self.times),
            "median": statistics.median(self.times),
            "n_turns": len(self.times),
        }


def measure_steady(
    workers: dict[str, Process], effort: Effort
) -> tuple[dict[str, dict[str, float]], dict[str, str]]:
    """Return the least and the median seconds of a call, and the peers' errors.

    The libraries take turns in one run. The seconds for turns are shared out evenly.
    """
    turns: dict[str, Turns] = {}
    failed: dict[str, str] = {}

    def attempt(library: str, action: Any) -> None:
        try:
            action()
        except WorkerError as error:
            if library in MAIN:
                raise
            turns.pop(library, None)
            failed[library] = str(error)

    def begin(library: str) -> None:
        turns[library] = Turns(workers[library], effort.turn_seconds / len(workers))

    for library in workers:
        attempt(library, lambda library=library: begin(library))
    for _ in range(effort.n_turns):
        for library, turn in list(turns.items()):
            attempt(library, turn.take)
    return {library: turn.found() for library, turn in turns.items()}, failed


def load(
    worker: Process, name: str, folder: str, patience: float = SECONDS_A_COMMAND
) -> list[Any] | None:
    """Load a workload in a worker and return its result, or None when it has no such workload."""
    path = Path(folder) / worker.library
    if worker.ask("load", patience, name=name, result=str(path)).get("absent"):
        return None
    return pickle.loads(path.read_bytes())


def load_peers(
    workload: Workload, ours: list[Any], workers: dict[str, Process]
) -> dict[str, str | None]:
    """Load a workload in the peers' workers; return what is wrong, or None, by library."""
    state: dict[str, str | None] = {}
    with tempfile.TemporaryDirectory() as folder:
        for library in PEERS:
            if library not in workers:
                continue
            try:
                theirs = load(workers[library], workload.name, folder)
                if theirs is not None:
                    wrong = comparing.peer_disagreement(workload, ours, theirs)
                    state[library] = f"differs: {wrong}" if wrong else None
            # Whatever goes wrong with one workload must not stop the run.
            except Exception as error:
                state[library] = f"fails: {error}"
    return state


def measure(workload: Workload, workers: dict[str, Process], effort: Effort) -> dict[str, Any]:
    """Return one row: what was compared and measured, or the error."""
    row: dict[str, Any] = {"name": workload.name}
    try:
        with tempfile.TemporaryDirectory() as folder:
            ours, theirs = (load(workers[library], workload.name, folder) for library in MAIN)
        row["disagreement"] = comparing.disagreement(workload, ours, theirs)
        peers = load_peers(workload, ours, workers)
        fit = {
            library: worker
            for library, worker in workers.items()
            if library in MAIN or peers.get(library, "absent") is None
        }
        row["steady"], failed = measure_steady(fit, effort)
        peers |= {library: f"fails: {error}" for library, error in failed.items()}
        row["peers"] = {library: wrong for library, wrong in peers.items() if wrong}
        row["first"] = measure_first_calls(workload.name, effort.n_fresh)
    except WorkerError as error:
        row["error"] = str(error)
    # Whatever goes wrong with one workload must not stop the run.
    except Exception as error:
        row["error"] = f"{type(error).__name__}: {error}"
    finally:
        drop(workers)
    return row


def drop(workers: dict[str, Process]) -> None:
    """Let go of the workload in every worker that lives."""
    for worker in workers.values():
        if worker.is_alive:
            try:
                worker.ask("drop")
            except WorkerError:
                continue
