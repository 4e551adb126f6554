"""The processes in which the libraries run, and where each library's Python is."""

import contextlib
import json
import os
import select
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import machine

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
SECONDS_A_COMMAND = 120
# The first compiling of all makes headers that are kept; a user waits for that once.
SECONDS_A_START = 300
# Variable that names a library's Python, environment that is used without it, how to get that.
ENVIRONMENTS = {
    "jax": ("GRADAX_BENCH_PYTHON", ".bench-env", "make bench-env"),
    "torch": ("GRADAX_BENCH_TORCH", ".bench-torch-env", "make bench-torch-env"),
}
FOREIGN = ("JAX_", "GRADAX_", "PYTHONDONTWRITEBYTECODE")


class WorkerError(Exception):
    """A worker answered with an error, took too long, or is gone."""


class Silent(WorkerError):
    """A worker took too long, and was ended."""


class Missing(Exception):
    """A library has no environment; the message says how to get it."""


def python_of(library: str) -> str:
    """Return the Python that has `library`."""
    if library in ("gradax", "numpy"):
        return sys.executable
    package = library.partition(".")[0]
    variable, folder, remedy = ENVIRONMENTS[package]
    named = os.environ.get(variable)
    python = Path(named) if named else ROOT / folder / "bin" / "python"
    if not python.is_file():
        place = python if named else python.relative_to(ROOT)
        raise Missing(f"no environment with {package}: {place} does not exist; run `{remedy}`")
    return str(python)


def missing(library: str) -> str | None:
    """Return why a library cannot be measured here, or None."""
    try:
        python_of(library)
    except Missing as reason:
        return str(reason)
    return None


def environment(library: str, cache: str) -> dict[str, str]:
    """Return the variables of a worker: the CPU, a given disk cache, no checks."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(FOREIGN)}
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    peer = dict.fromkeys(names, str(machine.n_cores()))
    # More would be processes that stay, and take turns with what is measured.
    peer["TORCHINDUCTOR_COMPILE_THREADS"] = "1"
    # Threads that wait busily for more work would wait through the next library's turn.
    peer["OPENBLAS_THREAD_TIMEOUT"] = "4"
    peer["OMP_WAIT_POLICY"] = "passive"
    return {
        **kept,
        **(peer if library not in ("gradax", "jax") else {}),
        "JAX_PLATFORMS": "cpu",
        "GRADAX_COMPILATION_CACHE_DIR": cache,
        "PYTHONPATH": os.pathsep.join(filter(None, [os.environ.get("PYTHONPATH"), str(HERE)])),
    }


class Process:
    """A worker process of one library."""

    def __init__(self, library: str, cache: str) -> None:
        self.library, self.cache = library, cache
        self.said = tempfile.TemporaryFile("w+")  # noqa: SIM115 (closed by close)
        self.process = subprocess.Popen(
            [python_of(library), str(HERE / "worker.py"), library],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.said,
            text=True,
            env=environment(library, cache),
        )

    def ask(self, do: str, patience: float = SECONDS_A_COMMAND, **command: Any) -> dict[str, Any]:
        """Send one command and return its answer; a process that does not answer is ended."""
        try:
            self.process.stdin.write(json.dumps({"do": do, **command}) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            raise WorkerError(self.last_words()) from None
        if not select.select([self.process.stdout], [], [], patience)[0]:
            self.process.kill()
            self.process.wait()
            raise Silent(f"{self.library}: no answer in {patience:g} s")
        # An answer is one line, so that nothing is left in the pipe's buffer for `select` to miss.
        line = self.process.stdout.readline()
        if not line:
            raise WorkerError(self.last_words())
        answer = json.loads(line)
        if "error" in answer:
            raise WorkerError(f"{self.library}: {answer['error']}")
        return answer

    def last_words(self) -> str:
        """Return how a process that is gone ended, with the last line that it wrote."""
        status = self.process.wait()
        self.said.seek(0)
        said = self.said.read().strip().splitlines() or ["no message"]
        return f"{self.library}: the process ended ({status}): {said[-1]}"

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


def keep_alive(workers: dict[str, Process]) -> None:
    """Start each worker again that is gone."""
    for library, worker in workers.items():
        if not worker.is_alive:
            worker.close()
            workers[library] = Process(library, worker.cache)
