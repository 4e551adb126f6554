"""What is done after a program runs: better code takes the place of quick code, and is kept.

One thread of low priority does it. Both levels compute the same values, so that nobody can tell
when the code changes.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import threading
from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

from gradax import config
from gradax.compiler.llvm import machine_code
from gradax.errors import GradaxError
from gradax.native import Code
from gradax.runtime import cache as disk
from gradax.runtime import libraries

ENTRY = "entry"
_NICENESS = 10


def link(objects: bytes, needed: Sequence[str]) -> Code:
    """Load object code, after the library kernels that it calls."""
    for library in needed:
        libraries.ensure(library)
    return machine_code.link(objects, ENTRY)


class Job(NamedTuple):
    """An entry to improve, if it is quick code, and to keep."""

    key: str
    code: Code
    entry: disk.Entry
    folder: str | None
    improves: bool


class Improver:
    """The thread and what waits for it."""

    def __init__(self) -> None:
        self.jobs: deque[Job] = deque()
        self.changed = threading.Condition()
        self.thread: threading.Thread | None = None
        self.is_busy = False
        self.is_ending = False

    def add(self, job: Job) -> None:
        """Queue a job; the thread starts with the first."""
        with self.changed:
            self.jobs.append(job)
            self.changed.notify_all()
            if self.thread is None and not self.is_ending:
                self.thread = threading.Thread(target=self.run, name="gradax-improver", daemon=True)
                self.thread.start()

    def run(self) -> None:
        """Do jobs until the process ends."""
        with contextlib.suppress(OSError, AttributeError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)
        while True:
            with self.changed:
                self.is_busy = False
                self.changed.notify_all()
                while not self.jobs and not self.is_ending:
                    self.changed.wait()
                if not self.jobs:
                    return
                job = self.jobs.popleft()
                self.is_busy = True
            perform(job, has_time=not self.is_ending)

    def wait(self) -> None:
        """Wait until all jobs are done."""
        with self.changed:
            self.changed.wait_for(lambda: not self.jobs and not self.is_busy)

    def end(self) -> None:
        """Keep what is compiled as it is, and end the thread."""
        with self.changed:
            self.is_ending = True
            self.changed.notify_all()
            thread, self.thread = self.thread, None
        if thread is not None:
            thread.join()


def perform(job: Job, has_time: bool) -> None:
    """Improve and keep an entry; what goes wrong leaves the quick code where it is."""
    entry = job.entry
    with contextlib.suppress(GradaxError, MemoryError):
        if job.improves and has_time:
            objects = machine_code.compile_text(entry.text, machine_code.FAST)
            job.code.load(objects, ENTRY)
            entry = disk.Entry(entry.facts, objects, "")
    if job.key:
        disk.store(job.key, entry, job.folder)


_improver = Improver()


def later(key: str, code: Code, entry: disk.Entry) -> None:
    """Have code improved, if it is quick code, and kept on the disk."""
    folder = disk.directory()
    improves = bool(entry.text) and config.current.compile_level == "auto"
    if improves or folder is not None:
        _improver.add(Job(key, code, entry, folder, improves))


def wait() -> None:
    """Wait until all code is the best there is, and kept."""
    _improver.wait()


def _forget_thread() -> None:
    """Start anew in a child, which has none of its parent's threads."""
    global _improver
    _improver = Improver()


def _end() -> None:
    _improver.end()


os.register_at_fork(after_in_child=_forget_thread)
atexit.register(_end)
