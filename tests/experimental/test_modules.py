"""The small modules of `experimental`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gradax as jax
from gradax import config, experimental
from gradax import numpy as jnp
from gradax.experimental import layout, mesh_utils, multihost_utils
from gradax.experimental.compilation_cache import compilation_cache
from gradax.experimental.custom_partitioning import custom_partitioning
from gradax.experimental.pjit import pjit
from gradax.runtime.device import Device
from gradax.sharding import Mesh, NamedSharding
from gradax.sharding import PartitionSpec as P

DEVICES = [Device(i) for i in range(4)]
X = np.arange(8, dtype=np.float32)


def test_all_names_are_there():
    for name in dir(experimental):
        assert getattr(experimental, name) is not None


def test_grids_of_devices():
    grid = mesh_utils.create_device_mesh((2, 2), DEVICES)
    assert grid.shape == (2, 2) and list(grid.flat) == DEVICES
    assert mesh_utils.create_hybrid_device_mesh((2, 2), (1, 1), DEVICES).shape == (2, 2)
    with pytest.raises(ValueError, match="has 3 places; there are 4 devices"):
        mesh_utils.create_device_mesh((3,), DEVICES)
    with pytest.raises(ValueError, match="2 groups of devices; there is 1"):
        mesh_utils.create_hybrid_device_mesh((2, 1), (1, 2), DEVICES)


def test_one_process():
    multihost_utils.sync_global_devices("here")
    tree = {"a": jnp.asarray(X), "b": 1}
    out = multihost_utils.broadcast_one_to_all(tree)
    np.testing.assert_array_equal(out["a"], X)
    assert isinstance(out["a"], np.ndarray)
    assert multihost_utils.process_allgather(tree)["a"].shape == (1, 8)
    assert multihost_utils.process_allgather(tree, tiled=True)["a"].shape == (8,)
    multihost_utils.assert_equal(tree)
    assert multihost_utils.reached_preemption_sync_point(3) is False
    mesh = Mesh(np.array(DEVICES, dtype=object), ("i",))
    whole = multihost_utils.host_local_array_to_global_array(tree["a"], mesh, P("i"))
    assert whole.sharding == NamedSharding(mesh, P("i"))
    assert multihost_utils.process_allgather(whole).shape == (8,)
    back = multihost_utils.global_array_to_host_local_array(whole, mesh, P("i"))
    np.testing.assert_array_equal(back, X)
    with pytest.raises(ValueError, match="no process is the source"):
        multihost_utils.broadcast_one_to_all(tree, is_source=False)


def test_layouts():
    x = jnp.ones((2, 3))
    assert layout.with_layout_constraint(x, layout.Layout((0, 1))) is x
    with pytest.raises(NotImplementedError, match="arrays lie in memory row by row"):
        layout.with_layout_constraint(x, layout.Layout((1, 0)))
    assert x.format == layout.Format(layout.Layout((0, 1)), x.sharding)
    mesh = Mesh(np.array(DEVICES, dtype=object), ("i",))
    placed = jax.device_put(X, layout.Format(layout.Layout((0,)), NamedSharding(mesh, P("i"))))
    assert placed.sharding == NamedSharding(mesh, P("i"))
    with pytest.raises(NotImplementedError, match="device_put: arrays lie in memory row by row"):
        jax.device_put(x, layout.Format(layout.Layout((1, 0))))


def test_functions_cut_by_rules_of_their_own():
    @custom_partitioning
    def f(x: Any) -> Any:
        return x * 2

    f.def_partition(lambda *args: None, sharding_rule="i -> i")
    np.testing.assert_array_equal(jax.jit(f)(X), X * 2)
    np.testing.assert_array_equal(pjit(f, in_shardings=None, out_shardings=None)(X), X * 2)


def test_contexts_of_types():
    with experimental.enable_x64():
        assert jnp.ones(()).dtype == np.float64
        with experimental.disable_x64():
            assert jnp.ones(()).dtype == np.float32


def test_the_folder_of_compiled_programs(tmp_path: Any):
    before = config.current.compilation_cache_dir
    compilation_cache.set_cache_dir(str(tmp_path))
    assert config.current.compilation_cache_dir == str(tmp_path)
    compilation_cache.reset_cache()
    assert config.current.compilation_cache_dir is None
    config.update("compilation_cache_dir", before)


def test_io_callback():
    seen: list[float] = []
    jax.jit(lambda x: experimental.io_callback(lambda v: seen.append(float(v)), None, x))(1.0)
    jax.effects_barrier()
    assert seen == [1.0]
