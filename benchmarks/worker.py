"""One library's side of the benchmark: a process that runs workloads as it is told.

Run by harness.py only: worker.py LIBRARY. Reads one JSON command a line, answers one a line.
"""

import gc
import json
import os
import sys
import time
from typing import Any

import libraries


class Worker:
    """Hold the library, and the workload that is being measured."""

    def __init__(self, library: str) -> None:
        self.library = libraries.open_library(library)
        self.function: Any = None
        self.arguments: Any = ()
        self.wait: Any = None

    def load(self, name: str, result: str | None = None) -> dict[str, Any]:
        """Make a workload, call it once, keep what it returns in the file `result`."""
        self.drop()
        try:
            function, arguments = self.library.make(name)
        except libraries.NoPeer:
            return {"absent": True}
        began = time.perf_counter()
        out = function(*arguments)
        # The kind of waiting depends on the kind of the result, which is found out here.
        self.wait = self.library.waiter(out)
        self.wait(out)
        seconds = time.perf_counter() - began
        if result is not None:
            libraries.save(self.library.leaves(out), result)
        self.function, self.arguments = function, arguments
        return {"seconds": seconds, "peak_bytes": peak_bytes()}

    def run_eagerly(self, name: str, result: str) -> dict[str, Any]:
        """Run a workload once without compiling it as a whole."""
        with self.library.eagerly():
            function, arguments = self.library.make(name)
            libraries.save(self.library.leaves(function(*arguments)), result)
        return {}

    def time(self, n_calls: int) -> dict[str, Any]:
        """Return the mean seconds of `n_calls` calls, each waited for."""
        function, arguments, wait = self.function, self.arguments, self.wait
        began = time.perf_counter()
        for _ in range(n_calls):
            wait(function(*arguments))
        return {"seconds": (time.perf_counter() - began) / n_calls}

    def drop(self) -> dict[str, Any]:
        """Let go of the workload."""
        self.function, self.arguments = None, ()
        gc.collect()
        return {}

    def describe(self) -> dict[str, Any]:
        """Return the library's version."""
        return {"version": self.library.version}

    def answer(self, command: dict[str, Any]) -> dict[str, Any]:
        """Run one command; an error is an answer too."""
        action = command.pop("do")
        try:
            return getattr(self, action)(**command)
        except Exception as error:
            lines = str(error).strip().splitlines()
            text = f"{type(error).__name__}: {lines[0] if lines else ''}"
            return {"error": text}


def peak_bytes() -> int:
    """Return the largest resident size that this process, not its parent, has had."""
    with open("/proc/self/status") as status:
        for line in status:
            if line.startswith("VmHWM"):
                return int(line.split()[1]) * 1024
    return 0


def main() -> None:
    """Answer commands until there are no more."""
    # Whatever a library prints must not be taken for an answer.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    worker = Worker(sys.argv[1])
    gc.disable()
    for line in sys.stdin:
        print(json.dumps(worker.answer(json.loads(line))), file=answers)


if __name__ == "__main__":
    main()
