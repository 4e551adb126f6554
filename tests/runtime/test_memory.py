import os
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from native_programs import V3, array

import gradax as jax
import gradax.numpy as jnp
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
    limit = native.memory_stats()["cache_limit"]
    try:
        native.set_cache_limit(1 << 20)
        for n in (10_000, 1_000_000, 3_000_000):
            array(1, Aval((n,), np.float32))
            assert native.memory_stats()["bytes_cached"] <= 1 << 20
        native.set_cache_limit(0)
        assert native.memory_stats()["bytes_cached"] == 0
        array(1, V3)
        assert native.memory_stats()["bytes_cached"] == 0
    finally:
        native.set_cache_limit(limit)
    with pytest.raises(ValueError):
        native.set_cache_limit(-1)


def test_trim():
    array(1, Aval((1_000_000,), np.float32))
    assert native.memory_stats()["bytes_cached"] > 0
    native.trim_memory()
    assert native.memory_stats()["bytes_cached"] == 0


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


def run(code, **environment):
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=300,
    )


def test_figures_of_a_device():
    device = jax.devices()[0]
    before = device.memory_stats()
    x = jnp.ones((1000, 1000)).block_until_ready()
    stats = device.memory_stats()
    assert stats["bytes_in_use"] - before["bytes_in_use"] == 4_000_000
    assert stats["largest_alloc_size"] >= 4_000_000
    assert stats["pool_bytes"] >= stats["bytes_in_use"] + stats["bytes_cached"]
    assert stats["peak_pool_bytes"] >= stats["pool_bytes"]
    assert stats["bytes_in_use"] < stats["bytes_limit"] <= 1 << 50
    del x
    after = device.memory_stats()
    assert after["bytes_in_use"] == before["bytes_in_use"]
    assert after["largest_free_block_bytes"] >= 4_000_000
    assert after["pool_bytes"] == stats["pool_bytes"]


def test_what_is_refused_leaves_the_figures_alone():
    native.reset_peak_memory()
    before = native.memory_stats()
    with pytest.raises(MemoryError):
        native.empty(Aval((2**45,), np.uint8))
    assert native.memory_stats() == before


def test_clear_caches_gives_memory_back():
    jnp.ones(1_000_000).block_until_ready()
    assert native.memory_stats()["bytes_cached"] > 0
    jax.clear_caches()
    stats = native.memory_stats()
    assert stats["bytes_cached"] == stats["largest_free_block_bytes"] == 0


@pytest.mark.skipif(sys.platform != "linux", reason="limits of address space are Linux's")
@pytest.mark.skipif("GRADAX_SANITIZED" in os.environ, reason="sanitizers reserve address space")
def test_cached_memory_is_given_back_when_there_is_no_other():
    done = run("""
        import resource
        import numpy as np
        from gradax import native
        from gradax.core.aval import Aval
        native.finish_loading_llvm()
        size = next(int(w) for w in open("/proc/self/statm").read().split()) * 4096
        resource.setrlimit(resource.RLIMIT_AS, (size + (900 << 20), -1))
        native.set_cache_limit(1 << 40)
        x = native.empty(Aval((600 << 20,), np.uint8))
        del x
        assert native.memory_stats()["bytes_cached"] > 600 << 20
        x = native.empty(Aval((350 << 20,), np.uint8))
        assert native.memory_stats()["bytes_cached"] == 0
        try:
            y = native.empty(Aval((700 << 20,), np.uint8))
        except MemoryError as error:
            print("refused")
        """)
    assert done.stdout == "refused\n", done.stderr


def test_blocks_are_freed_before_the_limit_is_passed():
    done = run("""
        import numpy as np
        from gradax import native
        from gradax.core.aval import Aval
        limit = native.memory_stats()["bytes_limit"]
        native.set_cache_limit(limit)
        # Memory that is never touched costs nothing.
        for share in (0.6, 0.3, 0.6, 0.2):
            x = native.empty(Aval((int(limit * share),), np.uint8))
            del x
            stats = native.memory_stats()
            assert stats["pool_bytes"] <= limit, stats
        print("done")
        """)
    assert done.stdout == "done\n", done.stderr


# GRADAX_MEMORY_CALLS=100000 GRADAX_MEMORY_SHAPES=2000 is a run of minutes.
@pytest.mark.skipif("GRADAX_SANITIZED" in os.environ, reason="sanitizers keep freed memory")
def test_memory_does_not_grow():
    done = run("""
        import os, gc
        import numpy as np
        import gradax as jax
        from gradax import native

        def resident():
            gc.collect()
            native.trim_memory()
            return int(open("/proc/self/statm").read().split()[1]) * 4096

        calls = int(os.environ.get("GRADAX_MEMORY_CALLS", 6000))
        shapes = int(os.environ.get("GRADAX_MEMORY_SHAPES", 40))
        step = jax.jit(lambda x, y: (x * y + 1).sum() + x)
        xs = [np.ones(100 + 7 * i, np.float32) for i in range(shapes)]
        def cycle(n):
            for i in range(n):
                x = xs[i % shapes]
                step(x, x)
            step(x, x)
            native.synchronize()
        cycle(max(calls // 3, shapes))
        before = native.memory_stats(), resident()
        cycle(calls)
        after = native.memory_stats(), resident()
        assert after[0]["bytes_in_use"] == before[0]["bytes_in_use"]
        assert after[0]["live_allocs"] == before[0]["live_allocs"]
        print((after[1] - before[1]) / 2**20, after[1] / 2**20)
        """)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout.split()[0]) < 4, done.stdout


def peak_of_steps(n_steps, **options):
    step = jax.jit(lambda x: jnp.sin(x) * 2, **options)
    x = step(jnp.ones(1_000_000)).block_until_ready()
    native.reset_peak_memory()
    start = native.memory_stats()["bytes_in_use"]
    for _ in range(n_steps):
        x = step(x).block_until_ready()
    return native.memory_stats()["peak_bytes_in_use"] - start


def test_donation_does_not_let_memory_grow():
    donated = peak_of_steps(50, donate_argnums=0)
    assert donated == peak_of_steps(5, donate_argnums=0)
    assert donated <= peak_of_steps(50)


def test_donated_memory_is_given_back_without_an_output_for_it():
    consume = jax.jit(lambda x: x[:3] + 1, donate_argnums=0)
    x = jnp.ones(1_000_000).block_until_ready()
    before = native.memory_stats()["bytes_in_use"]
    with pytest.warns(UserWarning, match="donated buffers were not usable"):
        consume(x).block_until_ready()
    assert x.is_deleted()
    assert native.memory_stats()["bytes_in_use"] <= before - 3_900_000
