"""What the machine can do at most: bytes moved in a second, and operations of matrix products.

Run: python benchmarks/limits.py prints what it measured as JSON. The harness runs it in a process
of its own. Bandwidth is measured for several amounts of data, since small ones stay in caches:
each thread works on a part of its own, again and again.
"""

import json
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import machine
import needs
import numpy as np

MEGABYTE = 10**6
TRAFFIC = tuple(MEGABYTE * n for n in (1, 4, 16, 64, 256, 800))
SECONDS_A_TRY = 0.05
N_TRIES = 4
PRODUCT_SIZE = 2048


def parts(n_arrays: int, traffic: int, n_threads: int) -> list[list[Any]]:
    """Return for each thread its arrays, which together hold `traffic` bytes."""
    size = max(64, traffic // (4 * n_arrays * n_threads))
    return [[np.ones(size, np.float32) for _ in range(n_arrays)] for _ in range(n_threads)]


def rate(work: Callable[..., Any], arrays: list[list[Any]]) -> float:
    """Return bytes a second when every thread works on its own arrays at the same time."""
    n_bytes = sum(array.nbytes for array in arrays[0])
    n_rounds = max(2, int(SECONDS_A_TRY * 10e9 / n_bytes))
    start = threading.Barrier(len(arrays) + 1)

    def run(mine: list[Any]) -> None:
        work(*mine)
        start.wait()
        for _ in range(n_rounds):
            work(*mine)

    threads = [threading.Thread(target=run, args=(mine,)) for mine in arrays]
    for thread in threads:
        thread.start()
    start.wait()
    began = time.perf_counter()
    for thread in threads:
        thread.join()
    return len(arrays) * n_bytes * n_rounds / (time.perf_counter() - began)


def copy(source: Any, target: Any) -> None:
    np.copyto(target, source)


def add(a: Any, b: Any, target: Any) -> None:
    np.add(a, b, out=target)


def read(source: Any) -> None:
    np.max(source)


def measure_bandwidth(n_threads: int) -> dict[str, dict[int, float]]:
    """Return the most bytes a second for each kind of access and each amount of data."""
    kinds = {"copy": (copy, 2), "add": (add, 3), "read": (read, 1)}
    return {
        kind: {
            traffic: max(rate(work, parts(n, traffic, n_threads)) for _ in range(N_TRIES))
            for traffic in TRAFFIC
        }
        for kind, (work, n) in kinds.items()
    }


def least_seconds(f: Callable[..., Any], *args: Any) -> float:
    """Return the least seconds of several calls."""
    f(*args)
    times = []
    for _ in range(2 * N_TRIES):
        began = time.perf_counter()
        f(*args)
        times.append(time.perf_counter() - began)
    return min(times)


def measure_triad() -> float:
    """Return the bytes a second of a compiled b + 3·c, far larger than caches."""
    import gradax

    b = gradax.numpy.ones(TRAFFIC[-1] // 12)
    f = gradax.jit(lambda b, c: b + 3 * c)
    return 3 * b.nbytes / least_seconds(lambda: f(b, b + 1).block_until_ready())


def measure_products() -> dict[str, float]:
    """Return operations a second of large float32 matrix products."""
    from scipy.linalg.blas import sgemm

    import gradax

    a = np.asfortranarray(np.random.default_rng(0).normal(size=[PRODUCT_SIZE] * 2), np.float32)
    x, multiply = gradax.numpy.asarray(a), gradax.jit(gradax.numpy.matmul)
    n_operations = 2 * PRODUCT_SIZE**3
    return {
        "numpy": n_operations / least_seconds(np.matmul, a, a),
        "scipy": n_operations / least_seconds(sgemm, 1.0, a, a),
        "gradax": n_operations / least_seconds(lambda: multiply(x, x).block_until_ready()),
    }


def measure() -> dict[str, Any]:
    """Return all that is measured."""
    bandwidth = measure_bandwidth(machine.n_cores())
    return {"bandwidth": bandwidth, "triad": measure_triad(), "products": measure_products()}


def bandwidth_for(limits: dict[str, Any], need: needs.Needs) -> float:
    """Return the most bytes a second for at least as much data as a workload moves."""
    # What only reads is held to the fastest way to read; all else must write.
    kinds = ["copy", "add"] if need.written > 0.1 * need.read else ["copy", "add", "read"]
    # JSON knows only text for keys.
    rates = [(int(k), v) for kind in kinds for k, v in limits["bandwidth"][kind].items()]
    largest = max(size for size, _ in rates)
    enough = [rate for size, rate in rates if size >= min(need.bytes, largest)]
    return max(*enough, limits["triad"])


def limit_of(limits: dict[str, Any], name: str) -> tuple[float, str] | None:
    """Return the least seconds that a workload needs on this machine, and what limits it."""
    need = needs.NEEDS.get(name)
    if need is None:
        return None
    moving = need.bytes / bandwidth_for(limits, need) if need.bytes else 0.0
    computing = need.flops / max(limits["products"].values())
    return (moving, "memory") if moving >= computing else (computing, "products")


if __name__ == "__main__":
    json.dump(measure(), sys.stdout)
