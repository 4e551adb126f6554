"""Meshes with and without devices, the current one, and wishes of layout."""

import numpy as np
import pytest

import gradax as jax
import gradax.numpy as jnp
from gradax import lax
from gradax.sharding import (
    AbstractMesh,
    AxisType,
    NamedSharding,
    get_abstract_mesh,
    get_mesh,
    use_abstract_mesh,
)
from gradax.sharding import PartitionSpec as P

MESH = jax.make_mesh((1,), ("x",))


def test_abstract_meshes():
    mesh = AbstractMesh((2, 4), ("x", "y"), (AxisType.Explicit, AxisType.Auto))
    assert mesh.shape == {"x": 2, "y": 4} and mesh.size == 8 and not mesh.empty
    assert mesh.explicit_axes == ("x",) and mesh.auto_axes == ("y",)
    manual = mesh.update_axis_types({"x": AxisType.Manual})
    assert manual.manual_axes == ("x",) and manual != mesh
    assert str(mesh) == "AbstractMesh('x': 2, 'y': 4, axis_types=(Explicit, Auto))"
    assert NamedSharding(mesh, P("y", None)).shard_shape((8, 3)) == (2, 3)
    with pytest.raises(ValueError, match="has no devices"):
        _ = mesh.devices
    assert MESH.abstract_mesh.axis_names == ("x",)


def test_current_mesh():
    assert get_mesh().empty and get_abstract_mesh().empty
    with jax.set_mesh(MESH):
        assert get_mesh() is MESH and get_abstract_mesh() == MESH.abstract_mesh
        assert jax.device_put({"a": np.ones(2)}, {"a": P("x")})["a"].sharding.spec == P("x")
        with use_abstract_mesh(AbstractMesh((2,), ("z",))):
            assert get_abstract_mesh().axis_names == ("z",) and get_mesh() is MESH
    assert get_mesh().empty
    with MESH:
        assert get_mesh().empty and lax.with_sharding_constraint(jnp.ones(2), P("x")).shape == (2,)
    with pytest.raises(RuntimeError, match="needs a mesh"):
        lax.with_sharding_constraint(jnp.ones(2), P("x"))
    with pytest.raises(TypeError, match="expected a Mesh"):
        jax.set_mesh("x")  # pyright: ignore[reportArgumentType]


def test_programs_follow_the_current_mesh():
    seen = []
    f = jax.jit(lambda x: (seen.append(get_mesh().axis_names), x)[1])
    f(1.0)
    with jax.set_mesh(MESH):
        f(1.0)
        f(1.0)
    assert seen == [(), ("x",)]


def test_with_sharding_constraint():
    sharding = NamedSharding(MESH, P("x"))
    x = jnp.arange(4.0)
    placed = lax.with_sharding_constraint({"a": x, "b": x}, sharding)
    assert placed["b"].sharding == sharding
    with jax.set_mesh(MESH):
        placed = lax.with_sharding_constraint({"a": x, "b": x}, {"a": P("x"), "b": P()})
    assert placed["a"].sharding == sharding != placed["b"].sharding
    jaxpr = jax.make_jaxpr(jax.vmap(lambda v: lax.with_sharding_constraint(v, sharding)))(
        jnp.ones((2, 4))
    )
    (eqn,) = jaxpr.eqns
    assert eqn.primitive is lax.sharding_constraint_p
    assert eqn.params["sharding"].spec == P(None, "x")
    grad = jax.grad(lambda v: (jax.reshard(v, sharding) ** 2).sum())(x)
    np.testing.assert_array_equal(grad, 2 * x)
    with pytest.raises(ValueError, match="None is no sharding"):
        lax.with_sharding_constraint(x, None)
    with pytest.raises(TypeError, match="more axes"):
        lax.with_sharding_constraint(x, NamedSharding(MESH, P(None, "x")))


def test_modes_of_axes():
    f = jax.sharding.auto_axes(lambda x: x + 1, out_sharding=NamedSharding(MESH, P("x")))
    assert f(jnp.ones(2)).sharding.spec == P("x")
    g = jax.sharding.explicit_axes(lambda x: x, in_sharding=NamedSharding(MESH, P("x")))
    assert g(jnp.ones(2)).sharding.spec == P("x")


def test_data_of_the_only_process():
    sharding = NamedSharding(MESH, P("x"))
    x = jax.make_array_from_process_local_data(sharding, np.arange(3.0))
    assert x.sharding == sharding and x.shape == (3,)
    with pytest.raises(ValueError, match="global shape"):
        jax.make_array_from_process_local_data(sharding, np.arange(3.0), (6,))
