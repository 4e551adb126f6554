"""What a bug report needs to know of an installation."""

from __future__ import annotations

import os
import platform
import sys

import numpy as np

from gradax import config, native
from gradax.runtime import cache, device
from gradax.version import __version__


def report() -> str:
    """Return the version, the devices, the threads, the compilation cache and unusual settings."""
    folder = cache.directory()
    n_files = len(os.listdir(folder)) if folder and os.path.isdir(folder) else 0
    on = [n for n in ("enable_x64", "disable_jit", "enable_checks") if is_on(n)]
    rows = {
        "gradax": __version__,
        "python": f"{platform.python_version()} on {platform.platform()}",
        "numpy": np.__version__,
        "devices": ", ".join(map(repr, device.devices())),
        "threads": str(native.num_threads()),
        "compilation cache": f"{folder} ({n_files} files)" if folder else "off",
        "settings on": ", ".join(on) or "none",
    }
    width = max(map(len, rows))
    return "\n".join(f"{name:<{width}}  {value}" for name, value in rows.items())


def is_on(name: str) -> bool:
    """Return a setting that is on or off."""
    return bool(getattr(config.current, name))


def print_environment_info(return_string: bool = False) -> str | None:
    """Print the report, or return it."""
    if return_string:
        return report()
    sys.stdout.write(report() + "\n")
    return None
