"""Run every workload on gradax and on other libraries in turns, and write what was measured.

Run: make bench, or python benchmarks/harness.py [--only PATTERN ...] [--quick] [--check]

Each library runs in an environment of its own: gradax and NumPy in the one that runs this file,
JAX in .bench-env, or in the one whose Python GRADAX_BENCH_PYTHON names, PyTorch, if it is there, in
.bench-torch-env or where GRADAX_BENCH_TORCH says. A workload's results are compared before its
times are. First calls and peak memory are those of fresh processes, gradax's with an empty disk
cache, and once more with the cache that the first process left; steady times are those of standing
processes that take turns. What torch.compile has compiled it keeps between runs: the first one
takes some minutes longer. With --check nothing is timed, and only gradax is needed (see check.py).
"""

import argparse
import fnmatch
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import check
import figures
import machine
import measuring
import processes
import readme_table
import report
from processes import HERE, Process, WorkerError
from workloads import WORKLOADS, Workload

LIBRARIES = (*measuring.MAIN, *measuring.PEERS)


def start(without: list[str], cache: str) -> tuple[dict[str, Process], dict[str, str]]:
    """Start a worker of each library that is here; return them, and why others are left out."""
    workers: dict[str, Process] = {}
    left_out: dict[str, str] = {}
    for library in LIBRARIES:
        reason = "not asked for" if library in without else processes.missing(library)
        if reason is None:
            workers[library] = Process(library, cache)
        elif library in measuring.MAIN:
            sys.exit(reason)
        elif library not in without:
            left_out[library] = reason
    return workers, left_out


def versions_of(workers: dict[str, Process], left_out: dict[str, str]) -> dict[str, str]:
    """Return each library's version; a peer that does not start is left out."""
    versions = {}
    for library, worker in list(workers.items()):
        try:
            versions[library] = worker.ask("describe", processes.SECONDS_A_START)["version"]
        except WorkerError as error:
            if library in measuring.MAIN:
                sys.exit(f"{library} does not start: {error}")
            left_out[library] = f"does not start: {error}"
            workers.pop(library).close()
    return versions


def measure_limits() -> dict[str, Any] | None:
    """Return the machine's limits, measured by a process of its own; None where that fails."""
    with tempfile.TemporaryDirectory() as cache:
        done = subprocess.run(
            [sys.executable, str(HERE / "limits.py")],
            capture_output=True,
            text=True,
            env=processes.environment("numpy", cache),
        )
    return json.loads(done.stdout) if done.returncode == 0 else None


def run(
    chosen: list[Workload],
    effort: measuring.Effort,
    say: Callable[[str], None],
    without: list[str],
) -> dict[str, Any]:
    """Measure the chosen workloads and return everything that a report needs."""
    result: dict[str, Any] = {"machine": machine.describe(), "rows": []}
    with tempfile.TemporaryDirectory() as cache:
        workers, result["left out"] = start(without, cache)
        result["versions"] = versions_of(workers, result["left out"])
        for library, reason in result["left out"].items():
            say(f"{library} is left out: {reason}\n")
        say("importing, and the machine's limits …")
        result["import"] = measuring.measure_imports(effort.n_imports)
        result["limits"] = measure_limits()
        for index, workload in enumerate(chosen, 1):
            say(f"[{index}/{len(chosen)}] {workload.family}/{workload.name} …")
            processes.keep_alive(workers)
            row = measuring.measure(workload, workers, effort)
            result["rows"].append(row)
            say(f"[{index}/{len(chosen)}] {report.progress_line(workload, row)}\n")
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


def parse_options() -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", default=[], help="names or families, * allowed")
    parser.add_argument("--quick", action="store_true", help="few turns: a glance, not a result")
    parser.add_argument("--check", action="store_true", help="compare results, measure nothing")
    parser.add_argument(
        "--without", nargs="+", default=[], choices=measuring.PEERS, help="leave libraries out"
    )
    parser.add_argument(
        "--out",
        type=Path,
        help="folder of RESULTS.*; without it a whole run writes beside this file",
    )
    return parser.parse_args()


def deliver(result: dict[str, Any], options: argparse.Namespace) -> None:
    """Write the files of a whole run, or of any run that names a folder; else print the report."""
    is_whole = not (options.only or options.quick)
    if options.out or is_whole:
        folder = options.out or HERE
        report.write(result, WORKLOADS, folder)
        print(f"wrote {folder / 'RESULTS.md'}, RESULTS.svg and RESULTS.json")
        if folder == HERE:
            readme_table.put(readme_table.to_markdown(result, WORKLOADS))
    else:
        print(report.to_markdown(result, WORKLOADS))
        print("files are written by whole runs, or with --out, only")


def main() -> int:
    """Measure and report; return 1 when a workload fails or a result is wrong."""
    options = parse_options()
    chosen = choose(options.only)
    if options.check:
        return 1 if check.check(chosen, make_say()) else 0
    began = time.perf_counter()
    effort = measuring.QUICK if options.quick else measuring.FULL
    result = run(chosen, effort, make_say(), options.without)
    print(f"{len(chosen)} workloads in {(time.perf_counter() - began) / 60:.1f} minutes")
    deliver(result, options)
    for line in figures.shortfalls(result, WORKLOADS):
        print(f"falls short: {line}")
    return 1 if figures.wrong(result) else 0


if __name__ == "__main__":
    sys.exit(main())
