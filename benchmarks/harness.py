"""Run every workload on gradax and on JAX in alternation, and write what was measured.

Run: make bench, or python benchmarks/harness.py [--only PATTERN ...] [--quick] [--check]

Each library runs in an environment of its own: gradax in the one that runs this file, JAX in
.bench-env, or in the one whose Python GRADAX_BENCH_PYTHON names. A workload's results are compared
before its times are. First calls and peak memory are those of a fresh process, gradax's with an
empty disk cache, and once more with the cache that the first process left; steady times are those
of two standing processes that take turns.
"""

import argparse
import contextlib
import fnmatch
import json
import os
import pickle
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import report
from workloads import WORKLOADS, Workload

HERE = Path(__file__).resolve().parent
LIBRARIES = ("gradax", "jax")
BATCH_SECONDS = 0.02
SECONDS_A_COMMAND = 300


class Effort(NamedTuple):
    """How much is measured: fresh processes, turns, and the seconds that turns may take."""

    n_fresh: int
    n_turns: int
    turn_seconds: float
    n_imports: int


FULL = Effort(n_fresh=4, n_turns=12, turn_seconds=4.0, n_imports=7)
QUICK = Effort(n_fresh=1, n_turns=3, turn_seconds=1.0, n_imports=2)


class WorkerError(Exception):
    """A worker answered with an error, or is gone."""


class Process:
    """A worker process of one library."""

    def __init__(self, library: str, cache: str) -> None:
        self.said = tempfile.TemporaryFile("w+")  # noqa: SIM115 (closed by close)
        self.process = subprocess.Popen(
            [python_of(library), str(HERE / "worker.py"), library],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.said,
            text=True,
            env=environment(cache),
        )

    def ask(self, do: str, **command: Any) -> dict[str, Any]:
        """Send one command and return its answer."""
        try:
            self.process.stdin.write(json.dumps({"do": do, **command}) + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            status = self.process.wait()
            self.said.seek(0)
            said = self.said.read().strip().splitlines() or ["no message"]
            raise WorkerError(f"the process ended ({status}): {said[-1]}")
        answer = json.loads(line)
        if "error" in answer:
            raise WorkerError(answer["error"])
        return answer

    @property
    def is_alive(self) -> bool:
        return self.process.poll() is None

    def close(self) -> None:
        """End the process."""
        for pipe in (self.process.stdin, self.process.stdout, self.said):
            with contextlib.suppress(BrokenPipeError):
                pipe.close()
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def python_of(library: str) -> str:
    """Return the Python that has `library`."""
    if library == "gradax":
        return sys.executable
    named = os.environ.get("GRADAX_BENCH_PYTHON")
    python = Path(named) if named else HERE.parent / ".bench-env" / "bin" / "python"
    if not python.is_file():
        sys.exit(f"no JAX to measure against: {python} does not exist; run `make bench`")
    return str(python)


def environment(cache: str) -> dict[str, str]:
    """Return the variables of a worker: the CPU, a given disk cache, no checks."""
    foreign = ("JAX_", "GRADAX_", "PYTHONDONTWRITEBYTECODE")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(foreign)}
    return {
        **kept,
        "JAX_PLATFORMS": "cpu",
        "GRADAX_COMPILATION_CACHE_DIR": cache,
        "PYTHONPATH": os.pathsep.join(filter(None, [os.environ.get("PYTHONPATH"), str(HERE)])),
    }


def measure_imports(n_times: int) -> dict[str, float]:
    """Return the least seconds that importing each library takes in a fresh process."""
    program = "import time; t = time.perf_counter(); import {}; print(time.perf_counter() - t)"
    seconds: dict[str, list[float]] = {library: [] for library in LIBRARIES}
    with tempfile.TemporaryDirectory() as cache:
        for _ in range(n_times + 1):
            for library in LIBRARIES:
                command = [python_of(library), "-c", program.format(library)]
                done = subprocess.run(
                    command, capture_output=True, text=True, env=environment(cache), check=True
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


def measure_steady(workers: dict[str, Process], effort: Effort) -> dict[str, dict[str, float]]:
    """Return the least and the median seconds of a call; the two libraries take turns."""
    n_calls = {}
    for library, worker in workers.items():
        worker.ask("time", n_calls=1)
        seconds = worker.ask("time", n_calls=3)["seconds"]
        n_calls[library] = max(1, int(BATCH_SECONDS / max(seconds, 1e-7)))
    times: dict[str, list[float]] = {library: [] for library in workers}
    began = time.perf_counter()
    for turn in range(effort.n_turns):
        if turn >= 3 and time.perf_counter() - began > effort.turn_seconds:
            break
        for library, worker in workers.items():
            times[library].append(worker.ask("time", n_calls=n_calls[library])["seconds"])
    return {
        library: {"min": min(found), "median": statistics.median(found), "n_turns": len(found)}
        for library, found in times.items()
    }


def disagreement(workload: Workload, ours: list[Any], theirs: list[Any]) -> str | None:
    """Return how two results differ, or None when they agree."""
    if len(ours) != len(theirs):
        return f"{len(ours)} outputs, JAX {len(theirs)}"
    compare = compare_distributions if workload.random else compare_values
    for index, (a, b) in enumerate(zip(ours, theirs, strict=True)):
        if a.shape != b.shape or a.dtype != b.dtype:
            return f"output {index} is {a.dtype}{list(a.shape)}, JAX's {b.dtype}{list(b.shape)}"
        found = compare(a, b, workload.tolerance)
        if found:
            return f"output {index}: {found}"
    return None


def compare_values(ours: Any, theirs: Any, tolerance: float) -> str | None:
    """Compare two arrays, relative to the largest element."""
    if not np.array_equal(np.isfinite(ours), np.isfinite(theirs)):
        return "not finite at other places"
    a, b = np.nan_to_num(ours).astype(np.float64), np.nan_to_num(theirs).astype(np.float64)
    apart = float(np.max(np.abs(a - b), initial=0))
    scale = float(np.max(np.abs(b), initial=0)) or 1.0
    return f"off by {apart / scale:.2g} of the largest" if apart > tolerance * scale else None


def compare_distributions(ours: Any, theirs: Any, tolerance: float) -> str | None:
    """Compare the quantiles of two samples; six standard errors at the median are allowed."""
    n = ours.size
    levels = np.linspace(0.1, 0.9, 9)
    a, b = np.quantile(ours, levels), np.quantile(theirs, levels)
    allowed = 6 * np.std(theirs) * 2.5 / np.sqrt(n)
    apart = float(np.max(np.abs(a - b)))
    return f"a quantile is off by {apart:.2g}" if apart > allowed else None


def compare_results(workers: dict[str, Process], workload: Workload) -> str | None:
    """Load a workload in both workers and return how the results differ, or None."""
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        for library, worker in workers.items():
            path = Path(folder) / library
            worker.ask("load", name=workload.name, result=str(path))
            results[library] = pickle.loads(path.read_bytes())
    return disagreement(workload, results["gradax"], results["jax"])


def measure(workload: Workload, workers: dict[str, Process], effort: Effort) -> dict[str, Any]:
    """Return one row: what was compared and measured, or the error."""
    row: dict[str, Any] = {"name": workload.name}
    try:
        row["disagreement"] = compare_results(workers, workload)
        row["steady"] = measure_steady(workers, effort)
        row["first"] = measure_first_calls(workload.name, effort.n_fresh)
    except WorkerError as error:
        row["error"] = str(error)
    finally:
        for worker in workers.values():
            if worker.is_alive:
                worker.ask("drop")
    return row


def run(chosen: list[Workload], effort: Effort, say: Callable[[str], None]) -> dict[str, Any]:
    """Measure the chosen workloads and return everything that a report needs."""
    say("importing both libraries")
    result: dict[str, Any] = {"machine": report.describe_machine(), "rows": []}
    result["import"] = measure_imports(effort.n_imports)
    with tempfile.TemporaryDirectory() as cache:
        workers = {library: Process(library, cache) for library in LIBRARIES}
        result["versions"] = {k: w.ask("describe")["version"] for k, w in workers.items()}
        for index, workload in enumerate(chosen, 1):
            say(f"[{index}/{len(chosen)}] {workload.family}/{workload.name} …")
            for library in LIBRARIES:
                if not workers[library].is_alive:
                    workers[library].close()
                    workers[library] = Process(library, cache)
            row = measure(workload, workers, effort)
            result["rows"].append(row)
            say(f"[{index}/{len(chosen)}] {report.summarize(workload, row)}\n")
        for worker in workers.values():
            worker.close()
    return result


def choose(patterns: list[str]) -> list[Workload]:
    """Return the workloads whose name or family matches one of the patterns, or all."""
    chosen = [
        workload
        for workload in WORKLOADS.values()
        if not patterns
        or any(fnmatch.fnmatch(n, p) for n in (workload.name, workload.family) for p in patterns)
    ]
    if not chosen:
        sys.exit(f"no workload matches {' '.join(patterns)}; there are: {' '.join(WORKLOADS)}")
    return chosen


def make_say() -> Callable[[str], None]:
    """Return a function that rewrites one line on a terminal, and writes whole lines elsewhere."""
    is_terminal = sys.stdout.isatty()

    def say(text: str) -> None:
        if is_terminal:
            print(f"\r\033[K{text}", end="", flush=True)
        elif text.endswith("\n"):
            print(text, end="", flush=True)

    return say


def main() -> int:
    """Measure, write the reports, and with --check return 1 when something falls short."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", default=[], help="names or families, * allowed")
    parser.add_argument("--quick", action="store_true", help="few turns: a glance, not a result")
    parser.add_argument(
        "--check", action="store_true", help="fail on a wrong result or a missed target"
    )
    parser.add_argument("--out", type=Path, default=HERE, help="folder of RESULTS.md and .json")
    options = parser.parse_args()
    chosen = choose(options.only)
    began = time.perf_counter()
    result = run(chosen, QUICK if options.quick else FULL, make_say())
    minutes = (time.perf_counter() - began) / 60
    print(f"{len(chosen)} workloads in {minutes:.1f} minutes")
    if options.only or options.quick:
        print("RESULTS.md is written by a full run only")
        print(report.to_markdown(result, WORKLOADS))
    else:
        options.out.mkdir(parents=True, exist_ok=True)
        report.write(result, WORKLOADS, options.out)
        print(f"wrote {options.out / 'RESULTS.md'} and RESULTS.json")
    missed = report.shortfalls(result, WORKLOADS)
    for line in missed:
        print(f"falls short: {line}")
    return 1 if options.check and missed else 0


if __name__ == "__main__":
    sys.exit(main())
