"""Reading traces: planes (processes) of lines (threads) of events."""

from __future__ import annotations

import gzip
import json
import os
from collections import defaultdict
from collections.abc import Iterator
from typing import Any, NoReturn, final

from gradax.errors import UnsupportedArgumentError, at_user_line
from gradax.records import record


@final
@record
class ProfileEvent:
    """A span of a trace."""

    name: str
    start_ns: float
    duration_ns: float
    stats: tuple[tuple[str, Any], ...]

    @property
    def end_ns(self) -> float:
        """When the span ended."""
        return self.start_ns + self.duration_ns


@final
@record
class ProfileLine:
    """The spans of one thread."""

    name: str
    events: tuple[ProfileEvent, ...]


@final
@record
class ProfilePlane:
    """The threads of one process."""

    name: str
    lines: tuple[ProfileLine, ...]
    stats: tuple[tuple[str, Any], ...] = ()


@final
class ProfileData:
    """A trace that `stop_trace` has written."""

    def __init__(self, planes: tuple[ProfilePlane, ...]) -> None:
        self._planes = planes

    @property
    def planes(self) -> Iterator[ProfilePlane]:
        """The processes."""
        return iter(self._planes)

    def find_plane_with_name(self, name: str) -> ProfilePlane | None:
        """Return the process of a name, or None."""
        return next((plane for plane in self._planes if plane.name == name), None)

    @classmethod
    def from_file(cls, path: str | os.PathLike[str]) -> ProfileData:
        """Read a file that `stop_trace` has written."""
        opened = gzip.open if os.fspath(path).endswith(".gz") else open
        with opened(path, "rt", encoding="utf-8") as file:
            return cls(read_planes(json.load(file)["traceEvents"]))

    @staticmethod
    def from_serialized_xspace(serialized_xspace: bytes) -> NoReturn:
        """Refuse: traces are not kept in that format. Errors: NotImplementedError."""
        del serialized_xspace
        raise UnsupportedArgumentError(
            f"ProfileData: XSpace messages are not read here.{at_user_line()}\n"
            "Use ProfileData.from_file on what stop_trace wrote."
        )


def read_planes(events: list[dict[str, Any]]) -> tuple[ProfilePlane, ...]:
    """Return the processes of a trace in Chrome's format."""
    processes: dict[int, str] = {}
    threads: dict[tuple[int, int], str] = {}
    found: dict[int, dict[int, list[ProfileEvent]]] = defaultdict(lambda: defaultdict(list))
    for e in events:
        if e["ph"] == "M" and e["name"] == "process_name":
            processes[e["pid"]] = e["args"]["name"]
        elif e["ph"] == "M":
            threads[e["pid"], e["tid"]] = e["args"]["name"]
        else:
            stats = tuple(e.get("args", {}).items())
            event = ProfileEvent(e["name"], e["ts"] * 1000, e["dur"] * 1000, stats)
            found[e["pid"]][e["tid"]].append(event)
    planes: list[ProfilePlane] = []
    for pid, name in processes.items():
        lines = [
            ProfileLine(threads.get((pid, tid), str(tid)), tuple(of_thread))
            for tid, of_thread in found[pid].items()
        ]
        planes.append(ProfilePlane(name, tuple(lines)))
    return tuple(planes)
