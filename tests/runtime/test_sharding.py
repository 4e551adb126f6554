"""Meshes, specs and arrays in pieces; several devices in a process of their own."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from typing import Any

import numpy as np
import pytest

import gradax
import gradax.numpy as gnp
from gradax.sharding import Mesh, NamedSharding, SingleDeviceSharding
from gradax.sharding import PartitionSpec as P

SEVERAL = """
    import pickle
    import numpy as np
    import gradax
    import gradax.numpy as gnp
    from gradax.sharding import NamedSharding, PartitionSpec as P

    mesh = gradax.make_mesh((2, 2), ("x", "y"))
    whole = np.arange(32.0, dtype=np.float32).reshape(4, 8)
    for spec in (P("x", "y"), P("y"), P(None, "x"), P(("x", "y")), P()):
        sharding = NamedSharding(mesh, spec)
        a = gradax.device_put(whole, sharding)
        assert a.sharding == sharding and len(a.addressable_shards) == 4
        assert a.is_fully_replicated == (spec == P())
        np.testing.assert_array_equal(np.asarray(a), whole)
        for shard in a.addressable_shards:
            np.testing.assert_array_equal(np.asarray(shard.data), whole[shard.index])
            assert shard.data.shape == sharding.shard_shape(whole.shape)
        np.testing.assert_array_equal(gradax.jit(lambda x: x * 2)(a), whole * 2)
        np.testing.assert_array_equal(a + 1, whole + 1)
        np.testing.assert_array_equal(gradax.grad(lambda x: gnp.sum(x * x))(a), 2 * whole)
        np.testing.assert_array_equal(pickle.loads(pickle.dumps(a)), whole)
    try:
        gradax.device_put(np.zeros((3, 8)), NamedSharding(mesh, P("x")))
    except TypeError as error:
        assert "Axis 0 of size 3 cannot be cut in 2 equal pieces" in str(error)
    else:
        raise AssertionError("an uneven cut was accepted")
    b = gradax.device_put(whole, gradax.devices()[3])
    assert b.devices() == {gradax.devices()[3]}
    made = gradax.make_array_from_callback(
        (4, 8), NamedSharding(mesh, P("x")), lambda index: whole[index]
    )
    np.testing.assert_array_equal(made, whole)
    print("all well")
"""


def test_several_devices() -> None:
    environment = {**os.environ, "GRADAX_NUM_CPU_DEVICES": "4"}
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(SEVERAL)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.stdout.strip() == "all well", done.stderr


def test_one_device() -> None:
    x = gnp.arange(4.0)
    (device,) = gradax.devices()
    assert x.devices() == {device}
    assert x.sharding == SingleDeviceSharding(device)
    (shard,) = x.addressable_shards
    assert shard.replica_id == 0 and shard.index == (slice(None),)
    assert device.memory_stats()["bytes_in_use"] > 0


def test_named_sharding_over_one_device() -> None:
    mesh = Mesh(np.array(gradax.devices()), ("data",))
    x = gradax.device_put(np.ones((2, 3)), NamedSharding(mesh, P("data")))
    assert x.sharding == NamedSharding(mesh, P("data", None))
    np.testing.assert_array_equal(gnp.sum(x), 6)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda m: Mesh(np.array(gradax.devices()), ("a", "b")), "a distinct name for each"),
        (lambda m: NamedSharding(m, P("nowhere")), "may be named once"),
        (lambda m: NamedSharding(m, P("data", "data")), "may be named once"),
        (lambda m: gradax.make_mesh((7,), ("x",)), "7 devices are needed"),
    ],
)
def test_refused(make: Any, text: str) -> None:
    mesh = Mesh(np.array(gradax.devices()), ("data",))
    with pytest.raises(ValueError, match=text):
        make(mesh)


def test_what_is_no_device() -> None:
    with pytest.raises(TypeError, match="a device or a sharding"):
        gradax.device_put(1.0, "gpu")
