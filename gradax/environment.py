"""What a bug report needs to know of an installation."""

from __future__ import annotations

import contextlib
import os
import platform
import sys
import textwrap

import numpy as np

from gradax import config, native
from gradax.runtime import cache, device, threads
from gradax.version import __version__

_COLUMNS = 80


def report() -> str:
    """Return the version, the devices, the threads, the memory, the compilation cache, settings."""
    on = [n for n in ("enable_x64", "disable_jit", "enable_checks") if is_on(n)]
    rows = {
        "gradax": __version__,
        "python": f"{platform.python_version()} on {platform.platform()}",
        "numpy": np.__version__,
        "devices": ", ".join(map(repr, device.devices())),
        "threads": f"{threads.num_threads()}: {threads.origin()}",
        "memory": memory(),
        "compilation cache": compilation_cache(),
        "settings on": ", ".join(on) or "none",
    }
    width = max(map(len, rows))
    return "\n".join(
        textwrap.fill(
            value,
            _COLUMNS,
            initial_indent=f"{name:<{width}}  ",
            subsequent_indent=" " * (width + 2),
            break_on_hyphens=False,
        )
        for name, value in rows.items()
    )


def is_on(name: str) -> bool:
    """Return a setting that is on or off."""
    return bool(getattr(config.current, name))


def memory() -> str:
    """Say how much memory arrays use, at the peak as well, and how much there is."""
    stats = native.memory_stats()
    used, peak, kept, limit = (
        size(stats[name])
        for name in ("bytes_in_use", "peak_bytes_in_use", "bytes_cached", "bytes_limit")
    )
    return f"{used} in use, {peak} at the peak, {kept} kept for reuse; {limit} at most"


def compilation_cache() -> str:
    """Say how many programs are kept on the disk, how large they are, and where."""
    folder = cache.directory()
    if folder is None:
        return "off"
    sizes: list[int] = []
    with contextlib.suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            with contextlib.suppress(FileNotFoundError):  # another process has dropped it
                sizes.append(entry.stat().st_size)
    most = config.current.compilation_cache_max_size
    limit = f" of {size(most)}" if most >= 0 else ""
    programs = "1 program" if len(sizes) == 1 else f"{len(sizes)} programs"
    return f"{programs}, {size(sum(sizes))}{limit}, in {folder}"


def size(n_bytes: int) -> str:
    """Return a number of bytes for people."""
    units = ("B", "KiB", "MiB", "GiB", "TiB")
    step = min(max(n_bytes.bit_length() - 1, 0) // 10, len(units) - 1)
    amount = n_bytes / 1024**step
    return f"{amount:.3g} {units[step]}" if amount < 100 else f"{amount:.0f} {units[step]}"


def print_environment_info(return_string: bool = False) -> str | None:
    """Print the report, or return it."""
    if return_string:
        return report()
    sys.stdout.write(report() + "\n")
    return None
