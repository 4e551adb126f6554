"""The machine that is measured on: its cores, its vectors, its Python."""

import os
import platform
from pathlib import Path
from typing import Any


def describe() -> dict[str, Any]:
    """Return the cores that this process may use, the vector width and the Python."""
    return {
        "n_cores": n_cores(),
        "vector_bits": vector_bits(),
        "python": platform.python_version(),
    }


def n_cores() -> int:
    """Return the cores that affinity and the control group leave."""
    cores = len(os.sched_getaffinity(0))
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        return cores if quota == "max" else max(1, min(cores, round(int(quota) / int(period))))
    except (OSError, ValueError):
        return cores


def vector_bits() -> int:
    """Return the width of the widest vector instructions that the kernel reports."""
    try:
        words = set(Path("/proc/cpuinfo").read_text().split())
    except OSError:
        return 128
    return 512 if "avx512f" in words else 256 if "avx2" in words else 128
