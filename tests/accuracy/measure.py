"""Measure the elementary functions over the whole float32 range: `make ulp`.

Run: python tests/accuracy/measure.py [NAME ...] [--stride 1] [--jobs 2]

Prints each function's largest error with the argument that has it; ends with status 1 when one is
above its bound. A stride of 16 looks at every sixteenth float32 and takes a minute or two.
"""

import argparse
import concurrent.futures
import functools
import multiprocessing
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

# Run as a script, this file's folder is where Python looks first.
from bounds import BOUNDS, Bound, errors

import gradax as jax

# A block's arrays fit the cache; a chunk is what a process is given at a time.
BLOCK = 1 << 15
CHUNK = 1 << 22
N_FLOATS = 1 << 32


@functools.cache
def compiled(name: str) -> Callable[..., Any]:
    """Return the compiled function `name`."""
    return jax.jit(getattr(jax.lax, name))


def bound_of(name: str) -> Bound:
    """Return the bound of the function `name`."""
    return next(bound for bound in BOUNDS if bound.name == name)


def measure_block(bound: Bound, patterns: np.ndarray) -> tuple[float, float]:
    """Return the largest error among the floats of these bit patterns, and where."""
    xs = [patterns.astype(np.uint32).view(np.float32)]
    if bound.n_arguments == 2:
        rng = np.random.default_rng(int(patterns[0]))
        xs.append(rng.integers(0, N_FLOATS, patterns.size, dtype=np.uint32).view(np.float32))
    found = errors(bound, np.asarray(compiled(bound.name)(*xs)), *xs)
    worst = int(np.argmax(found))
    return float(found[worst]), float(xs[0][worst])


def measure_chunk(name: str, start: int, stride: int) -> tuple[float, float]:
    """Return the largest error among CHUNK floats from the bit pattern `start`, and where."""
    blocks = range(start, min(start + CHUNK * stride, N_FLOATS), BLOCK * stride)
    bound = bound_of(name)
    found = (
        measure_block(bound, np.arange(first, first + BLOCK * stride, stride, dtype=np.uint64))
        for first in blocks
    )
    return max(found, key=lambda error_and_place: error_and_place[0])


def measure(name: str, stride: int, pool: concurrent.futures.Executor) -> tuple[float, float]:
    """Return the largest error of a function over all of float32, and where."""
    starts = range(0, N_FLOATS, CHUNK * stride)
    jobs = [pool.submit(measure_chunk, name, start, stride) for start in starts]
    worst = (0.0, 0.0)
    for n_done, job in enumerate(concurrent.futures.as_completed(jobs), 1):
        worst = max(worst, job.result(), key=lambda found: found[0])
        if sys.stdout.isatty():
            print(f"\r{name:<12} {n_done / len(jobs):4.0%}", end="", flush=True)
    return worst


def main() -> int:
    """Measure the functions asked for; return 1 when one is above its bound."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="functions; all when none is named")
    parser.add_argument("--stride", type=int, default=1, help="look at every so many floats")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)))
    options = parser.parse_args()
    unknown = set(options.names) - {bound.name for bound in BOUNDS}
    if unknown:
        parser.error(f"no bound is stated for {', '.join(sorted(unknown))}")
    n_above = 0
    spawn = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(options.jobs, mp_context=spawn) as pool:
        for bound in BOUNDS:
            if options.names and bound.name not in options.names:
                continue
            began = time.perf_counter()
            error, at = measure(bound.name, options.stride, pool)
            n_above += error > bound.ulp
            verdict = "ABOVE" if error > bound.ulp else "within"
            clear = "\r" if sys.stdout.isatty() else ""
            print(
                f"{clear}{bound.name:<12} {error:8.3f} ulp at {at:<15.9g} {verdict} {bound.ulp:g}"
                f"   ({time.perf_counter() - began:.0f} s)",
                flush=True,
            )
    print(f"{Path(__file__).name}: {n_above} above their bounds")
    return 1 if n_above else 0


if __name__ == "__main__":
    sys.exit(main())
