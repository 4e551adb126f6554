"""Programs that run once a device, against what they compute on whole arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gradax as jax
from gradax import lax
from gradax import numpy as jnp
from gradax.experimental.shard_map import shard_map as older_shard_map
from gradax.runtime.device import Device
from gradax.sharding import AbstractMesh, Mesh, NamedSharding
from gradax.sharding import PartitionSpec as P

DEVICES = [Device(i) for i in range(8)]
GRID = Mesh(np.array(DEVICES, dtype=object).reshape(2, 4), ("x", "y"))
LINE = Mesh(np.array(DEVICES[:4], dtype=object), ("i",))
X = np.arange(8, dtype=np.float32)
W = np.float32(3)


def on_line(f: Any, in_specs: Any, out_specs: Any, **options: Any) -> Any:
    return jax.shard_map(f, mesh=LINE, in_specs=in_specs, out_specs=out_specs, **options)


def wrapped(f: Any, jit: bool) -> Any:
    return jax.jit(f) if jit else f


@pytest.mark.parametrize("jit", [False, True])
def test_parts_are_cut_and_joined(jit: bool):
    seen: list[Any] = []

    def f(a: Any) -> Any:
        seen.append(a.shape)
        return a + 10 * lax.axis_index("x") + lax.axis_index("y")

    x = np.zeros((4, 8), np.float32)
    run = wrapped(jax.shard_map(f, mesh=GRID, in_specs=P("x", "y"), out_specs=P("x", "y")), jit)
    out = run(x)
    assert seen == [(2, 2)]
    want = 10 * np.repeat([0, 1], 2)[:, None] + np.repeat(np.arange(4), 2)
    np.testing.assert_array_equal(out, want)
    if not jit:
        assert out.sharding == NamedSharding(GRID, P("x", "y"))
        assert out.addressable_shards[0].data.shape == (2, 2)


@pytest.mark.parametrize("spec", [P(("x", "y")), P(("y", "x")), P(None, ("y", "x")), P("y", "x")])
def test_specs_say_where_parts_lie(spec: Any):
    x = np.arange(64, dtype=np.float32).reshape(8, 8)
    same = jax.shard_map(lambda a: a, mesh=GRID, in_specs=spec, out_specs=spec)
    np.testing.assert_array_equal(same(x), x)
    own = NamedSharding(GRID, spec).devices_indices_map(x.shape)
    at = jax.shard_map(lambda a: a[:1, :1], mesh=GRID, in_specs=spec, out_specs=P("x", "y"))(x)
    firsts = [x[index][0, 0] for index in own.values()]
    np.testing.assert_array_equal(np.asarray(at).ravel(), firsts)


def test_collectives():
    def f(a: Any) -> Any:
        return {
            "sum": lax.psum(a, "i"),
            "gathered": lax.all_gather(a, "i", tiled=True),
            "next": lax.ppermute(a, "i", [(k, (k + 1) % 4) for k in range(4)]),
            "scattered": lax.psum_scatter(jnp.tile(a, 4), "i", tiled=True),
            "exchanged": lax.all_to_all(jnp.tile(a, 2), "i", 0, 0, tiled=True),
        }

    specs = {"sum": P(), "gathered": P(), "next": P("i"), "scattered": P("i"), "exchanged": P("i")}
    out = on_line(f, P("i"), specs)(X)
    rows = X.reshape(4, 2)
    np.testing.assert_array_equal(out["sum"], rows.sum(0))
    np.testing.assert_array_equal(out["gathered"], X)
    np.testing.assert_array_equal(out["next"], np.roll(rows, 1, 0).ravel())
    np.testing.assert_array_equal(out["scattered"], np.tile(rows.sum(0), 4))
    np.testing.assert_array_equal(out["exchanged"], np.tile(rows, 2).reshape(4, 4).T.ravel())


def test_a_sum_over_two_axes():
    f = jax.shard_map(
        lambda a: lax.psum(a.sum(), ("x", "y")), mesh=GRID, in_specs=P("x", "y"), out_specs=P()
    )
    assert float(f(np.ones((4, 4), np.float32))) == 16


def test_matrix_product_by_parts():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(4, 8)).astype("f4"), rng.normal(size=(8, 6)).astype("f4")

    def f(a: Any, b: Any) -> Any:
        return lax.psum(a @ b, "y")

    run = jax.shard_map(f, mesh=GRID, in_specs=(P("x", "y"), P("y")), out_specs=P("x"))
    np.testing.assert_allclose(run(a, b), a @ b, rtol=1e-4, atol=1e-5)
    got = jax.grad(lambda a, b: (jax.jit(run)(a, b) ** 2).sum(), (0, 1))(a, b)
    want = jax.grad(lambda a, b: ((a @ b) ** 2).sum(), (0, 1))(a, b)
    for g, w in zip(got, want, strict=True):
        np.testing.assert_allclose(g, w, rtol=1e-3, atol=1e-4)
    many = np.stack([a, 2 * a])
    np.testing.assert_allclose(jax.vmap(run, (0, None))(many, b), many @ b, rtol=1e-4, atol=1e-5)


def loss(w: Any, x: Any) -> Any:
    return jnp.tanh(w * x).sum() + w**2


LOSSES = {
    "own part": (lambda w, x: loss(w, x), lambda w: loss(w, X) + 3 * w**2),
    "sum": (lambda w, x: lax.psum(loss(w, x), "i"), lambda w: loss(w, X) + 3 * w**2),
    "sum and own": (lambda w, x: lax.psum((w + x).sum(), "i") + w**2, lambda w: 8 * w + w**2),
    "mean": (lambda w, x: lax.pmean(loss(w, x), "i"), lambda w: (loss(w, X) + 3 * w**2) / 4),
    "sum of what is one": (lambda w, x: lax.psum(w**2, "i") + 0 * x[0], lambda w: 16 * w**2),
    "gathered": (
        lambda w, x: lax.psum(lax.all_gather(w * x, "i").sum(), "i"),
        lambda w: 4 * (w * X).sum(),
    ),
}


@pytest.mark.parametrize("jit", [False, True])
@pytest.mark.parametrize("name", LOSSES)
def test_gradients_inside_are_those_of_the_whole(name: str, jit: bool):
    inside, whole = LOSSES[name]
    run = on_line(wrapped(lambda w, x: jax.grad(inside)(w, x), jit), (P(), P("i")), P())
    np.testing.assert_allclose(run(W, X), jax.grad(whole)(W), rtol=1e-5)


def test_gradients_inside_of_what_varies():
    f = on_line(jax.grad(lambda x: lax.psum((x**2).sum(), "i")), P("i"), P("i"))
    np.testing.assert_allclose(f(X), 2 * X)
    each = on_line(jax.grad(lambda x: lax.psum((x**2).sum(), "i")), P("i"), P("i"), check_vma=False)
    np.testing.assert_allclose(each(X), 8 * X)


def test_vjp_second_derivatives_and_aux_inside():
    def f(w: Any, x: Any) -> Any:
        out, back = jax.vjp(lambda w: w * x, w)
        (value, aux), g = jax.value_and_grad(
            lambda w: (lax.psum((w**3 * x).sum(), "i"), {"n": w, "s": "text"}), has_aux=True
        )(w)
        assert aux["s"] == "text"
        second = jax.grad(jax.grad(lambda w: lax.psum((w**3 * x).sum(), "i")))(w)
        along = jax.jvp(jax.grad(lambda w: lax.psum((w**3 * x).sum(), "i")), (w,), (1.0,))[1]
        return back(x)[0], value, aux["n"], g, second, along, out

    specs = (*(P(),) * 6, P("i"))
    ct, value, n, g, second, along, out = on_line(f, (P(), P("i")), specs)(W, X)
    total = X.sum()
    assert float(ct) == (X * X).sum()
    assert float(value) == 27 * total and float(n) == 3 and float(g) == 27 * total
    assert float(second) == 18 * total and float(along) == 18 * total
    np.testing.assert_array_equal(out, 3 * X)


def test_gradients_of_each_example_inside():
    f = on_line(jax.vmap(jax.grad(lambda w, x: (w * x) ** 2), (None, 0)), (P(), P("i")), P("i"))
    # The weight is one for all devices, so that each example's gradient is their sum.
    want = (2 * W * X * X).reshape(4, 2).sum(0)
    np.testing.assert_allclose(f(W, X), np.tile(want, 4))


def test_jacobians_inside():
    w = np.array([3, 1], np.float32)

    def total(w: Any, x: Any) -> Any:
        return lax.psum((jnp.outer(w, x) ** 2).sum(1), "i")

    want = np.diag(2 * w * (X**2).sum())
    for jacobian in (jax.jacrev, jax.jacfwd):
        np.testing.assert_allclose(on_line(jacobian(total), (P(), P("i")), P())(w, X), want)
    second = on_line(jax.hessian(lambda w, x: total(w, x).sum()), (P(), P("i")), P())
    np.testing.assert_allclose(second(w, X), np.eye(2) * 2 * (X**2).sum())


def test_one_jitted_function_with_and_without_checks():
    f = jax.jit(jax.grad(lambda w, x: lax.psum(w * x[0], "i")))
    np.testing.assert_allclose(on_line(f, (P(), P("i")), P())(W, X), X[::2].sum())
    each = on_line(lambda w, x: f(w, x)[None], (P(), P("i")), P("i"), check_vma=False)
    np.testing.assert_allclose(each(W, X), 4 * X[::2])


def test_a_training_loop_inside():
    def f(w: Any, x: Any) -> Any:
        def step(w: Any, _: Any) -> Any:
            value, g = jax.value_and_grad(lambda w: lax.pmean(((w - x) ** 2).mean(), "i"))(w)
            return w - 0.1 * g, value

        return lax.scan(step, w, None, length=20)

    got, values = jax.jit(on_line(f, (P(), P("i")), P()))(W, X)
    want = W
    for k in range(20):
        np.testing.assert_allclose(values[k], ((want - X) ** 2).mean(), rtol=1e-4)
        want = want - 0.1 * 2 * (want - X).mean()
    np.testing.assert_allclose(got, want, rtol=1e-4)


def test_results_that_vary():
    with pytest.raises(ValueError, match=r"result <lambda>\(…\) varies along the mesh axes"):
        on_line(lambda x: x, P("i"), P())(X)
    np.testing.assert_array_equal(on_line(lambda x: x, P("i"), P(), check_vma=False)(X), X[:2])


@pytest.mark.parametrize(
    ("f", "in_specs", "out_specs", "args", "message"),
    [
        (
            lambda x: x,
            P(None, "i"),
            P(),
            (X,),
            r"x has 2 entries, but its shape is \(8,\)",
        ),
        (lambda x: x.sum(), P("i"), P("i"), (X,), "has 1 entries, but the result has 0 axes"),
        (lambda x: x, P("i"), P("i"), (X[:6],), "axis 0 of size 6 cannot be cut in 4 equal parts"),
        (lambda x: x, (P("i"),), P("i"), (X, X), "in_specs has 1 entries"),
        (lambda x: (x, x), P("i"), (P("i"),), (X,), "out_specs must be a prefix of the tree"),
        (lambda x: x, P("z"), P("i"), (X,), "in_specs names the axis 'z'"),
    ],
)
def test_errors(f: Any, in_specs: Any, out_specs: Any, args: Any, message: str):
    with pytest.raises(ValueError, match=message):
        on_line(f, in_specs, out_specs)(*args)


def test_specs_must_be_specs():
    with pytest.raises(TypeError, match="expected in_specs of PartitionSpecs; got None"):
        on_line(lambda x: x, (None,), P("i"))(X)
    with pytest.raises(RuntimeError, match="needs a mesh, and none is current"):
        jax.shard_map(lambda x: x, in_specs=P("i"), out_specs=P("i"))(X)


def test_the_current_mesh_some_axes_and_other_spellings():
    def f(x: Any) -> Any:
        return x + lax.axis_index("y")

    want = X + np.repeat(np.arange(4), 2)
    with GRID:
        inferred = jax.shard_map(f, out_specs=P("y"))
        placed = jax.device_put(X, NamedSharding(GRID, P("y")))
        np.testing.assert_array_equal(inferred(placed), want)
        np.testing.assert_array_equal(jax.smap(f, in_axes=0, out_axes=0, axis_name="y")(X), want)
        decorated = jax.shard_map(in_specs=P("y"), out_specs=P("y"), axis_names={"y"})(f)
        np.testing.assert_array_equal(decorated(X), want)
    np.testing.assert_array_equal(older_shard_map(f, GRID, P("y"), P("y"))(X), want)

    def outer(x: Any) -> Any:
        return jax.smap(f, in_axes=0, out_axes=0, axis_name="y")(x)

    nested = jax.shard_map(outer, mesh=GRID, in_specs=P("x"), out_specs=P("x"), axis_names={"x"})
    np.testing.assert_array_equal(nested(X), X + np.tile(np.arange(4), 2))


def test_meshes_without_devices():
    mesh = AbstractMesh((4,), ("i",))
    f = jax.shard_map(lambda x: lax.psum(x, "i"), mesh=mesh, in_specs=P("i"), out_specs=P())
    np.testing.assert_array_equal(f(X), X.reshape(4, 2).sum(0))


def test_pmap():
    out = jax.pmap(lambda x: x * 2, devices=DEVICES)(X)
    np.testing.assert_array_equal(out, X * 2)
    assert len(out.addressable_shards) == 8 and out.addressable_shards[1].data.shape == (1,)
    total = jax.pmap(lambda x: lax.psum(x, "i"), axis_name="i", out_axes=None, devices=DEVICES)
    assert float(total(X)) == 28 and total(X).is_fully_replicated
    wide = jax.pmap(lambda x: x, out_axes=1, devices=DEVICES)(np.ones((8, 2), np.float32))
    assert wide.shape == (2, 8) and wide.sharding.spec == P(None, "pmap")
    power = jax.pmap(lambda x, n: x**n, static_broadcasted_argnums=1, devices=DEVICES)
    np.testing.assert_array_equal(power(X, 3), X**3)
    both = jax.pmap(lambda p, x: p["w"] * x, in_axes=(None, 0), devices=DEVICES)
    np.testing.assert_array_equal(both({"w": W}, X), W * X)
    grad = jax.pmap(jax.grad(lambda x: lax.psum(x**2, "i")), axis_name="i", devices=DEVICES)
    np.testing.assert_array_equal(grad(X), 16 * X)
    outer = jax.jit(lambda x: jax.pmap(jnp.sin, devices=DEVICES)(x) + 1)
    np.testing.assert_allclose(outer(X), np.sin(X) + 1, rtol=1e-6)
    many = np.ones((3, 8), np.float32)
    inner = jax.pmap(lambda x: x + 1, devices=DEVICES)
    np.testing.assert_array_equal(jax.vmap(inner)(many), many + 1)


def test_pmap_without_enough_devices():
    n = jax.device_count()
    with pytest.raises(ValueError, match=rf"size {n + 1}; this process has {n} device"):
        jax.pmap(lambda x: x)(np.zeros(n + 1))
    with pytest.raises(ValueError, match="size 3; `devices` has 8 devices"):
        jax.pmap(lambda x: x, devices=DEVICES)(np.zeros(3))
