"""make_jaxpr, eval_shape, and evaluation without a trace."""

import numpy as np
import pytest

import gradax as jax
import gradax.numpy as jnp
from gradax import lax


def test_a_jaxpr_prints_as_jax_prints_it():
    def f(x):
        return jax.jit(lambda y: jax.jit(lambda z: z * 2)(y) + 1)(jnp.sin(x))

    assert (
        str(jax.make_jaxpr(f)(1.0))
        == """\
{ lambda ; a:f32[]. let
    b:f32[] = sin a
    c:f32[] = jit[
      name=<lambda>
      jaxpr={ lambda ; b:f32[]. let
          d:f32[] = jit[
            name=<lambda>
            jaxpr={ lambda ; b:f32[]. let d:f32[] = mul b 2.0:f32[] in (d,) }
          ] b
          c:f32[] = add d 1.0:f32[]
        in (c,) }
    ] b
  in (c,) }"""
    )


def test_a_gradient_is_a_program_too():
    assert (
        str(jax.make_jaxpr(jax.grad(lambda x: x * x * 3.0))(1.0))
        == """\
{ lambda ; a:f32[]. let
    b:f32[] = mul a a
    _:f32[] = mul b 3.0:f32[]
    c:f32[] = mul 1.0:f32[] 3.0:f32[]
    d:f32[] = mul a c
    e:f32[] = mul c a
    f:f32[] = add_any d e
  in (f,) }"""
    )


def test_make_jaxpr_with_shapes_and_statics():
    f = lambda x, n: (x * n, jnp.zeros(n))
    jaxpr, out = jax.make_jaxpr(f, static_argnums=1, return_shape=True)(jnp.ones(2), 3)
    assert [a.shape for a in jaxpr.out_avals] == [(2,), (3,)]
    assert out[1] == jax.ShapeDtypeStruct((3,), np.float32)
    assert jaxpr.jaxpr.eqns[0].primitive.name == "mul"


def test_captured_arrays_are_consts():
    x = jnp.arange(3.0)
    closed = jax.make_jaxpr(lambda y: x * y)(x)
    assert closed.consts[0] is x
    assert str(closed).startswith("{ lambda a:f32[3]; b:f32[3]. let")


def test_eval_shape_computes_nothing():
    big = jax.ShapeDtypeStruct((100_000, 100_000), jnp.bfloat16)
    out = jax.eval_shape(lambda x: {"t": x.T, "s": x.sum()}, big)
    assert out["t"].shape == big.shape and out["s"].dtype == jnp.bfloat16
    assert repr(out["s"]) == "ShapeDtypeStruct(shape=(), dtype=bfloat16)"


def test_ensure_compile_time_eval():
    @jax.jit
    def f(x):
        with jax.ensure_compile_time_eval():
            n = int(jnp.sum(jnp.arange(4)))
        return x * n

    assert f(2.0) == 12


@pytest.mark.parametrize("n", [16, 100_000])
def test_eager_operations_of_any_size(n):
    x = np.linspace(-2, 2, n, dtype=np.float32)
    np.testing.assert_allclose(lax.exp(x), np.exp(x), rtol=1e-6)
    np.testing.assert_array_equal(lax.add(x, x), x + x)
    values, places = lax.top_k(x, 3)
    np.testing.assert_array_equal(places, [n - 1, n - 2, n - 3])
    np.testing.assert_array_equal(values, x[::-1][:3])


def test_eager_operations_do_not_wait():
    x = jnp.ones((1200, 1200))
    y = jax.jit(lambda x: x @ x @ x @ x)(x)
    z = y[0, 0] + 1
    assert float(z) == pytest.approx(1200.0**3, rel=1e-3)


def test_nans_are_found_where_they_are_made():
    with jax.debug_nans(True):
        with pytest.raises(FloatingPointError, match="log made a value of nan"):
            jnp.log(-1.0)
        with pytest.raises(FloatingPointError, match="log made a value of nan"):
            jax.jit(lambda x: jnp.log(x) * 2)(-1.0)
        assert jnp.log(1.0) == 0
    assert np.isnan(jnp.log(-1.0))
    with jax.debug_infs(True), pytest.raises(FloatingPointError, match="inf"):
        jnp.log(0.0)


def test_devices():
    x = jax.device_put({"a": np.arange(3), "b": 2.0})
    assert isinstance(x["a"], jax.Array) and x["b"].dtype == np.float32
    y = jax.device_put(x, jax.devices()[0])
    np.testing.assert_array_equal(jax.device_get(y)["a"], [0, 1, 2])
    assert isinstance(jax.device_get(y)["a"], np.ndarray)
    assert jax.block_until_ready(y) is y
    assert jax.jit(lambda x: jax.device_put(x) * 2)(3) == 6
