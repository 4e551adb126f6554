"""`python -m gradax`: the version, the devices, the threads and the compilation cache."""

from __future__ import annotations

import platform
import sys

import numpy as np

import gradax
from gradax import config, native
from gradax.runtime import cache


def report() -> str:
    """Return what a bug report needs to know of this installation."""
    folder = cache.directory()
    n_programs = sum(1 for p in folder.iterdir() if p.is_file()) if folder else 0
    where = f"{folder} ({n_programs} files)" if folder else "off"
    settings = [n for n in ("enable_x64", "disable_jit", "enable_checks") if read(n)]
    rows = {
        "gradax": gradax.__version__,
        "python": f"{platform.python_version()} on {platform.platform()}",
        "numpy": np.__version__,
        "devices": ", ".join(map(repr, gradax.devices())),
        "threads": str(native.num_threads()),
        "compilation cache": where,
        "settings on": ", ".join(settings) or "none",
    }
    width = max(map(len, rows))
    return "\n".join(f"{name:<{width}}  {value}" for name, value in rows.items())


def read(name: str) -> object:
    """Return a setting's value."""
    return getattr(config.current, name)


if __name__ == "__main__":
    sys.stdout.write(report() + "\n")
