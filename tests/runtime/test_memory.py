import os
import subprocess
import sys

import numpy as np
import pytest
from native_programs import V3, array

from gradax import native
from gradax.core.aval import Aval


def test_figures():
    native.reset_peak_memory()
    before = native.memory_stats()
    x = array(1, Aval((1000,), np.float64))
    during = native.memory_stats()
    assert during["bytes_in_use"] - before["bytes_in_use"] == 8000
    assert during["num_allocs"] == before["num_allocs"] + 1
    assert during["peak_bytes_in_use"] >= during["bytes_in_use"]
    del x
    after = native.memory_stats()
    assert after["bytes_in_use"] == before["bytes_in_use"]
    assert after["peak_bytes_in_use"] >= during["bytes_in_use"]


@pytest.mark.parametrize("n", [1, 100, 10_000, 1_000_000, 10_000_000])
def test_memory_is_reused(n):
    aval = Aval((n,), np.float32)
    first = array(1, aval)
    address = first._pointer
    del first
    second = array(2, aval)
    assert second._pointer == address


def test_the_pool_is_bounded():
    limit = native.memory_stats()["pool_limit"]
    try:
        native.set_pool_limit(1 << 20)
        for n in (10_000, 1_000_000, 3_000_000):
            array(1, Aval((n,), np.float32))
            assert native.memory_stats()["pool_bytes"] <= 1 << 20
        native.set_pool_limit(0)
        assert native.memory_stats()["pool_bytes"] == 0
        array(1, V3)
        assert native.memory_stats()["pool_bytes"] == 0
    finally:
        native.set_pool_limit(limit)
    with pytest.raises(ValueError):
        native.set_pool_limit(-1)


def test_trim():
    array(1, Aval((1_000_000,), np.float32))
    assert native.memory_stats()["pool_bytes"] > 0
    native.trim_memory()
    assert native.memory_stats()["pool_bytes"] == 0


@pytest.mark.parametrize("n", [2**40, 2**50, 2**55])
def test_too_much(n):
    with pytest.raises(MemoryError, match=r"out of memory: .* takes \d+ bytes"):
        native.empty(Aval((n,), np.uint8))


def test_sizes_that_no_memory_has():
    with pytest.raises(ValueError, match="more elements than any memory holds"):
        native.empty(Aval((2**40, 2**40), np.float32))


def test_threads_by_environment():
    code = "from gradax import native; print(native.num_threads())"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "GRADAX_NUM_THREADS": "3"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "3"
