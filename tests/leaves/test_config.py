"""Settings: reading, changing, overriding in a thread, trace keys, environment variables."""

import os
import subprocess
import sys
import threading

import pytest

from gradax import config
from gradax.config.state import Values


@pytest.fixture(autouse=True)
def restore():
    before = dict(config.values)
    yield
    for name, value in before.items():
        if getattr(config, name) != value:
            config.update(name, value)


def run_with(**environment: str) -> subprocess.CompletedProcess[str]:
    code = "from gradax import config; print(config.jax_enable_x64, config.jax_platforms)"
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_update_accepts_all_spellings():
    for name in ("jax_enable_x64", "gradax_enable_x64", "enable_x64"):
        config.update(name, True)
        assert config.jax_enable_x64 is config.current.enable_x64 is True
        config.update(name, False)
        assert config.read(name) is False


def test_values_class_declares_every_setting():
    declared = set(Values.__annotations__) - {"trace_key", "mesh_context"}
    assert declared == {setting.name for setting in config.registry.REGISTRY.values()}


def test_with_overrides_and_nests():
    with config.enable_x64(True):
        with config.enable_x64(False), config.debug_nans():
            assert not config.jax_enable_x64
            assert config.jax_debug_nans
        assert config.jax_enable_x64
    assert not config.jax_enable_x64
    assert not config.jax_debug_nans


def test_with_restores_after_an_error():
    with pytest.raises(KeyError), config.disable_jit(True):
        raise KeyError
    assert not config.jax_disable_jit


def test_decorator():
    @config.enable_x64(True)
    def recurse(n: int) -> bool:
        return config.jax_enable_x64 and (n == 0 or recurse(n - 1))

    assert recurse(3)
    assert not config.jax_enable_x64


def test_override_of_several():
    with config.override(enable_x64=True, numpy_rank_promotion="raise"):
        assert config.jax_enable_x64
        assert config.jax_numpy_rank_promotion == "raise"
    assert config.jax_numpy_rank_promotion == "allow"


def test_overrides_stay_in_their_thread():
    seen: list[object] = []
    with config.enable_x64(True):
        thread = threading.Thread(target=lambda: seen.append(config.jax_enable_x64))
        thread.start()
        thread.join()
    assert seen == [False]


def test_trace_key_is_interned():
    base = config.trace_key()
    with config.enable_x64(True):
        inner = config.trace_key()
        assert inner is not base
    assert config.trace_key() is base
    config.update("enable_x64", True)
    assert config.trace_key() is inner
    with config.log_compiles(True):
        assert config.trace_key() is inner


def test_update_reaches_the_key_of_a_thread_inside_an_override():
    keys = []
    ready, go = threading.Event(), threading.Event()

    def work():
        with config.debug_nans(True):
            ready.set()
            go.wait(10)
            keys.append(config.trace_key())
            with config.enable_x64(True):
                keys.append(config.trace_key())

    thread = threading.Thread(target=work)
    thread.start()
    ready.wait(10)
    config.update("enable_x64", True)
    go.set()
    thread.join()
    assert keys[0] is keys[1]
    assert ("enable_x64", True) in keys[0].values
    assert ("debug_nans", True) in keys[0].values


def test_callbacks():
    calls = []

    def callback(key, everywhere):
        calls.append((key, everywhere))

    config.on_trace_key_change(callback)
    try:
        base = config.trace_key()
        with config.enable_x64(True):
            inner = config.trace_key()
        with config.log_compiles(True), config.enable_x64(False):
            pass
        config.update("enable_x64", True)
    finally:
        config.remove_trace_key_callback(callback)
    assert calls == [(inner, False), (base, False), (inner, True)]


def test_unknown_name_lists_near_matches():
    with pytest.raises(AttributeError, match=r"no setting 'jax_enable_x46'; near.*jax_enable_x64"):
        config.update("jax_enable_x46", True)
    with pytest.raises(AttributeError, match="jax_debug_nans"):
        _ = config.jax_debug_nan
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = config.nothing


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("enable_x64", "yes", TypeError),
        ("enable_x64", None, TypeError),
        ("enable_x64", 2, TypeError),
        ("numpy_rank_promotion", "never", ValueError),
        ("numpy_rank_promotion", 3, TypeError),
        ("random_seed_offset", 1.5, TypeError),
        ("random_seed_offset", True, TypeError),
        ("default_device", [], TypeError),
        ("default_matmul_precision", "exact", ValueError),
    ],
)
def test_wrong_values(name, value, error):
    with pytest.raises(error, match=f"setting {name}: expected"):
        config.update(name, value)
    with pytest.raises(error, match=f"setting {name}: expected"):
        getattr(config, name)(value)


def test_optional_and_converted_values(tmp_path):
    config.update("jax_default_matmul_precision", "float32")
    config.update("jax_default_matmul_precision", None)
    config.update("jax_enable_checks", 1)
    assert config.jax_enable_checks is True
    config.update("jax_compilation_cache_dir", tmp_path)
    assert config.jax_compilation_cache_dir == str(tmp_path)
    config.update("jax_platform_name", "cpu")
    assert config.jax_platforms == "cpu"


def test_transfer_guard_sets_three_directions():
    with config.transfer_guard("disallow"), config.transfer_guard_device_to_host("allow"):
        assert config.jax_transfer_guard_host_to_device == "disallow"
        assert config.jax_transfer_guard_device_to_host == "allow"
    assert config.jax_transfer_guard_host_to_device is None


def test_settings_without_effect_are_recorded():
    base = config.trace_key()
    config.update("jax_xla_backend", "whatever")
    assert config.jax_xla_backend == "whatever"
    assert config.trace_key() is base
    assert "no effect" in config.describe("jax_xla_backend")


def test_mistakes_are_named():
    with pytest.raises(AttributeError, match=r"use config\.update"):
        config.jax_enable_x64 = True
    with pytest.raises(TypeError, match="truth value"):
        bool(config.enable_x64)
    with pytest.raises(TypeError, match="a value is needed"):
        config.default_device()


def test_describe_names_the_environment_variable():
    assert config.describe("jax_num_threads").endswith("GRADAX_NUM_THREADS.")


def test_environment():
    assert run_with(JAX_ENABLE_X64="1", JAX_PLATFORMS="cpu").stdout == "True cpu\n"
    assert run_with(JAX_ENABLE_X64="1", GRADAX_ENABLE_X64="off").stdout == "False None\n"
    bad = run_with(JAX_ENABLE_X64="perhaps")
    assert "environment variable JAX_ENABLE_X64: expected 1" in bad.stderr
