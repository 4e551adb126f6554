"""Tracebacks that end at the user's line: frames of the library are left out of them.

The setting `traceback_filtering` (JAX's name for it) says how: "off" shows every frame. Errors of
jitted functions lose ours where they leave the call; all others where they are shown, by Python
itself, by a thread or by IPython. The errors of our own bugs keep every frame.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from types import CodeType, TracebackType
from typing import Any, Final

import numpy as np

from gradax import config, native
from gradax.errors import InternalError

_PACKAGE: Final = os.path.dirname(os.path.abspath(__file__)) + os.sep
# What the library calls itself; a user's packages are installed beside them, and are shown.
_CALLED_BY_US: Final = ("numpy", "scipy", "llvmlite", "ml_dtypes", "opt_einsum")
_STANDARD: Final = os.path.dirname(os.path.abspath(os.__file__)) + os.sep
_SITE: Final = os.path.dirname(os.path.dirname(os.path.abspath(np.__file__))) + os.sep
NOTE: Final = (
    "(The library's own frames are left out; GRADAX_TRACEBACK_FILTERING=off shows them.)\n"
)


def is_ours(code: CodeType) -> bool:
    """Tell whether a frame of this code belongs to the library."""
    return code.co_filename.startswith(_PACKAGE)


def is_called_by_us(code: CodeType) -> bool:
    """Tell whether a frame beneath one of ours belongs to what we call, not to the user."""
    file = code.co_filename
    if file.startswith(_SITE):
        return file[len(_SITE) :].partition(os.sep)[0] in _CALLED_BY_US
    return file.startswith((_STANDARD, "<frozen "))


def entries(tb: TracebackType | None) -> Iterator[TracebackType]:
    """Yield the entries of a traceback, the outermost call first."""
    while tb is not None:
        yield tb
        tb = tb.tb_next


def shortened(tb: TracebackType | None) -> TracebackType | None:
    """Return a traceback without the library's frames; the same one where none would be left."""
    kept: list[TracebackType] = []
    inside = False
    for entry in entries(tb):
        code = entry.tb_frame.f_code
        inside = is_ours(code) or (inside and is_called_by_us(code))
        if not inside:
            kept.append(entry)
    while inside and kept and is_called_by_us(kept[-1].tb_frame.f_code):
        kept.pop()  # the user called NumPy, and NumPy a method of ours
    found: TracebackType | None = None
    for entry in reversed(kept):
        found = TracebackType(found, entry.tb_frame, entry.tb_lasti, entry.tb_lineno)
    return found or tb


def is_filtered(error: BaseException | None) -> bool:
    """Tell whether the settings let frames be left out of an error's traceback."""
    off = config.current.traceback_filtering == "off"
    return not off and not isinstance(error, InternalError)


def on_error(error: BaseException, tb: TracebackType | None) -> TracebackType | None:
    """Return the traceback with which an error leaves a jitted function.

    Nothing of the user's own may be on it yet: then nothing of it is left.
    """
    if not is_filtered(error):
        return tb
    found = shortened(tb)
    return None if found is tb else found


def chain(error: BaseException | None) -> list[BaseException]:
    """Return an error and those that it came from or that were being handled."""
    found: list[BaseException] = []
    left = [error]
    while left:
        e = left.pop()
        if e is not None and not any(e is f for f in found):
            found.append(e)
            left += [e.__cause__, None if e.__suppress_context__ else e.__context__]
    return found


class Shortened:
    """Take the library's frames out of an error and of those it came from, for a `with` block."""

    def __init__(self, error: BaseException | None) -> None:
        self.whole = [(e, e.__traceback__) for e in chain(error) if is_filtered(error)]
        self.has_changed = False

    def __enter__(self) -> Shortened:
        for error, tb in self.whole:
            error.__traceback__ = shortened(tb)
            self.has_changed |= len(list(entries(error.__traceback__))) < len(list(entries(tb)))
        return self

    def __exit__(self, *exc: object) -> None:
        for error, tb in self.whole:
            error.__traceback__ = tb

    @property
    def has_note(self) -> bool:
        """Tell whether the reader is to be told that there were more frames."""
        return self.has_changed and config.current.traceback_filtering != "quiet_remove_frames"


def shows_note(short: Shortened) -> None:
    """Say on the error stream that frames were left out."""
    if short.has_note and sys.stderr is not None:
        sys.stderr.write(NOTE)


def follow_python() -> None:
    """Show the errors that end a program without the library's frames."""
    show = sys.excepthook

    def excepthook(kind: Any, error: BaseException, tb: TracebackType | None) -> None:
        error.__traceback__ = tb
        with Shortened(error) as short:
            show(kind, error, error.__traceback__)
            shows_note(short)

    sys.excepthook = excepthook


def follow_threads() -> None:
    """Show the errors that end a thread without the library's frames."""
    show = threading.excepthook

    def excepthook(args: threading.ExceptHookArgs, /) -> None:
        with Shortened(args.exc_value) as short:
            error = args.exc_value
            tb = args.exc_traceback if error is None else error.__traceback__
            show(threading.ExceptHookArgs((args.exc_type, error, tb, args.thread)))
            shows_note(short)

    threading.excepthook = excepthook


def follow_ipython() -> None:
    """Show the errors of a notebook's or an IPython session's cells without our frames."""
    ipython: Any = sys.modules.get("IPython")
    shell = ipython.get_ipython() if hasattr(ipython, "get_ipython") else None
    if shell is None or shell.custom_exceptions:
        return  # which someone else has asked for

    def show(shell: Any, kind: Any, error: Any, tb: Any, tb_offset: int | None = None) -> None:
        with Shortened(error):
            shell.showtraceback((kind, error, error.__traceback__), tb_offset=tb_offset)

    shell.set_custom_exc((Exception,), show)


def install() -> None:
    """Leave the library's frames out of tracebacks from now on."""
    native.set_hook("on_error", on_error)
    follow_python()
    follow_threads()
    follow_ipython()
