"""Recording a trace: a timeline of compilations, calls and annotations, written as Chrome reads it.

While a trace is recorded jitted calls go through Python and wait for their results, so that a span
says how long a program took.
"""

from __future__ import annotations

import gzip
import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

from gradax.api import settings
from gradax.errors import UnsupportedArgumentError, at_user_line
from gradax.runtime.timeline import Span, timeline


class ProfileOptions:
    """What a trace shall have; what JAX's users set is kept, and changes nothing here."""

    def __init__(self) -> None:
        self.host_tracer_level = 2
        self.python_tracer_level = 1
        self.device_tracer_level = 1
        self.enable_hlo_proto = True
        self.include_dataset_ops = True
        self.duration_ms = 0
        self.start_timestamp_ns = 0
        self.repository_path = ""
        self.session_id = ""
        self.raise_error_on_start_failure = False
        self.advanced_configuration: dict[str, Any] = {}


class _Recording:
    """Where the trace that is being recorded goes; one at a time."""

    def __init__(self) -> None:
        self.folder: str | None = None
        self.for_perfetto = False


_recording = _Recording()


def start_trace(
    log_dir: str | os.PathLike[str],
    create_perfetto_link: bool = False,
    create_perfetto_trace: bool = False,
    profiler_options: ProfileOptions | None = None,
) -> None:
    """Begin to record a trace, which `stop_trace` writes under `log_dir`.

    Errors: RuntimeError while another one is recorded; NotImplementedError for a link, which would
    need a server.
    """
    del profiler_options
    if create_perfetto_link:
        raise UnsupportedArgumentError(
            f"start_trace: create_perfetto_link serves the trace, which is not done here."
            f"{at_user_line()}\nOpen the file that stop_trace writes in ui.perfetto.dev."
        )
    if _recording.folder is not None:
        raise RuntimeError(
            f"start_trace: a trace is being recorded.{at_user_line()}\nCall stop_trace first."
        )
    _recording.folder = os.fspath(log_dir)
    _recording.for_perfetto = create_perfetto_trace
    timeline.start()
    settings.follow_timeline()


def stop_trace() -> None:
    """Write the trace that is being recorded.

    The file is LOG_DIR/plugins/profile/TIME/HOST.trace.json.gz, and beside it
    perfetto_trace.json.gz where `create_perfetto_trace` was given.
    Errors: RuntimeError when none is recorded.
    """
    if _recording.folder is None:
        raise RuntimeError(f"stop_trace: no trace is being recorded.{at_user_line()}")
    spans, threads = timeline.stop()
    settings.follow_timeline()
    stamp = time.strftime("%Y_%m_%d_%H_%M_%S")
    folder = os.path.join(_recording.folder, "plugins", "profile", stamp)
    _recording.folder = None
    os.makedirs(folder, exist_ok=True)
    text = json.dumps(chrome_trace(spans, threads)).encode()
    names = [f"{socket.gethostname()}.trace.json.gz"]
    if _recording.for_perfetto:
        names.append("perfetto_trace.json.gz")
    for name in names:
        with gzip.open(os.path.join(folder, name), "wb") as file:
            file.write(text)


def chrome_trace(spans: list[Span], threads: dict[int, str]) -> dict[str, Any]:
    """Return a timeline as Chrome's trace format has it: times in microseconds."""
    process = os.getpid()
    events: list[dict[str, Any]] = [
        {"ph": "M", "pid": process, "name": "process_name", "args": {"name": "/host:CPU"}}
    ]
    for number, name in threads.items():
        named = {"ph": "M", "pid": process, "tid": number, "name": "thread_name"}
        events.append({**named, "args": {"name": name}})
    for span in spans:
        event = {"ph": "X", "pid": process, "tid": span.thread, "name": span.name}
        event |= {"cat": span.category, "ts": span.start_ns / 1000, "dur": span.duration_ns / 1000}
        events.append({**event, "args": {k: str(v) for k, v in span.args.items()}})
    return {"displayTimeUnit": "ns", "traceEvents": events}


@contextmanager
def trace(
    log_dir: str | os.PathLike[str],
    create_perfetto_link: bool = False,
    create_perfetto_trace: bool = False,
    profiler_options: ProfileOptions | None = None,
) -> Iterator[None]:
    """Record a trace of the body; see `start_trace` and `stop_trace`."""
    start_trace(log_dir, create_perfetto_link, create_perfetto_trace, profiler_options)
    try:
        yield
    finally:
        stop_trace()


def start_server(port: int, requires_backend: bool = True) -> NoReturn:
    """Refuse: a server for TensorBoard is not there. Errors: NotImplementedError."""
    raise UnsupportedArgumentError(
        f"profiler.start_server: there is no server to attach to, on port {port} or another."
        f"{at_user_line()}\nRecord a trace: with gradax.profiler.trace(folder)."
    )


def stop_server() -> NoReturn:
    """Refuse: no server can have been started. Errors: ValueError."""
    raise ValueError(f"profiler.stop_server: no server is running.{at_user_line()}")


def register_subprocess(pid: int, port: int) -> NoReturn:
    """Refuse: traces are of one process. Errors: NotImplementedError."""
    raise UnsupportedArgumentError(
        f"profiler.register_subprocess: a trace is of one process; got {pid} (port {port})."
        f"{at_user_line()}\nRecord a trace in that process."
    )
