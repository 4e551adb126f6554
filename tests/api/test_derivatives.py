"""grad, jvp, vjp, linearize and the Jacobians: arguments, results, dtypes."""

import numpy as np
import pytest

import gradax as jax
import gradax.numpy as jnp


def test_python_integers_are_differentiated_as_floats():
    g = jax.grad(lambda x: x**2)(8)
    assert g == 16 and g.dtype == np.float32
    assert jax.value_and_grad(lambda x: x * 3)(True) == (3, 3)
    assert jax.jvp(lambda x: x * x, (3,), (1.0,)) == (9, 6)
    assert jax.vjp(lambda x: x * x, 3)[1](1.0) == (6,)
    assert jax.jacfwd(lambda x: x * x)(3) == 6


def test_argnums():
    f = lambda x, y, z: x * y + z
    assert jax.grad(f)(2.0, 3.0, 4.0) == 3
    assert jax.grad(f, -1)(2.0, 3.0, 4.0) == 1
    assert jax.grad(f, (0, 1))(2.0, 3.0, 4.0) == (3, 2)
    assert jax.grad(f, [2])(2.0, 3.0, 4.0) == (1,)
    assert jax.grad(f, np.int64(1))(2.0, 3.0, 4.0) == 2
    assert jax.value_and_grad(f, argnums=(1,))(2.0, 3.0, 4.0) == (10, (2,))


def test_trees_keep_their_structure():
    params = {"w": jnp.ones(2), "b": [jnp.zeros(()), None]}
    g = jax.grad(lambda p: (p["w"] ** 2).sum() + p["b"][0])(params)
    np.testing.assert_array_equal(g["w"], [2, 2])
    assert g["b"][0] == 1 and g["b"][1] is None


def test_keyword_arguments_pass_through():
    assert jax.grad(lambda x, *, k: x * k)(2.0, k=5.0) == 5


def test_a_function_without_dependence_has_a_zero_gradient():
    g = jax.grad(lambda x: 3.0)(jnp.ones((2, 3)))
    assert g.shape == (2, 3) and not np.any(g)


def test_dtypes_follow_the_argument():
    for dtype in (jnp.float16, jnp.bfloat16, jnp.float32):
        assert jax.grad(lambda x: (x * x).sum())(jnp.ones(3, dtype)).dtype == dtype
    with jax.enable_x64(True):
        assert jax.grad(lambda x: x * x)(2.0).dtype == np.float64
        assert jax.grad(jnp.sin)(np.float32(1)).dtype == np.float32


def test_integers_with_allow_int():
    g = jax.grad(lambda x, i: x * i, (0, 1), allow_int=True)(2.0, jnp.int32(3))
    assert g[0] == 3 and g[1].dtype == jax.dtypes.float0


def test_has_aux_keeps_objects_and_drops_tangents():
    (value, extra), g = jax.value_and_grad(lambda x: (x * x, ("text", x + 1)), has_aux=True)(2.0)
    assert value == 4 and g == 4 and extra[0] == "text" and extra[1] == 3
    assert isinstance(extra[1], jax.Array)


def test_python_control_flow_on_values():
    def f(x):
        while x < 10:
            x = x * 2
        return x if x > 12 else -x

    assert jax.grad(f)(3.0) == -4
    assert jax.grad(f)(4.0) == 4
    assert float(jax.jvp(lambda x: x * float(int(x)), (2.5,), (1.0,))[1]) == 2


def test_names_and_docs():
    def loss(x):
        """The loss."""
        return x

    assert jax.grad(loss).__name__ == "grad(loss)"
    assert "The loss." in jax.grad(loss).__doc__
    assert jax.vmap(loss).__name__ == "loss"


def test_linearize_runs_the_function_once():
    calls = []

    def f(x):
        calls.append(1)
        return jnp.sin(x) * x

    y, linear = jax.linearize(f, 2.0)
    assert y == pytest.approx(2 * np.sin(2), rel=1e-6)
    for t in (1.0, 2.0):
        assert linear(t) == pytest.approx(t * (np.sin(2) + 2 * np.cos(2)), rel=1e-5)
    assert len(calls) == 1


def test_linear_functions_are_trees():
    _, linear = jax.linearize(lambda x: jnp.sin(x) * x, jnp.arange(3.0))
    _, back = jax.vjp(lambda x: jnp.sin(x) * x, jnp.arange(3.0))
    x = jnp.ones(3)
    np.testing.assert_allclose(jax.jit(lambda f, x: f(x))(linear, x), linear(x), rtol=1e-6)
    np.testing.assert_allclose(jax.jit(lambda f, x: f(x))(back, x)[0], back(x)[0], rtol=1e-6)
    made = jax.jit(lambda x: jax.vjp(jnp.sin, x)[1])(0.0)
    assert made(2.0) == (2,)


def test_jacobian_shapes():
    f = lambda x: jnp.outer(x, x)
    for jacobian in (jax.jacfwd, jax.jacrev):
        assert jacobian(f)(jnp.ones(3)).shape == (3, 3, 3)
    assert jax.hessian(lambda x: (x**3).sum())(jnp.ones((2, 2))).shape == (2, 2, 2, 2)
    mixed = jax.hessian(lambda a, b: (a * b).sum(), (0, 1))(jnp.ones(2), jnp.ones(2))
    np.testing.assert_array_equal(mixed[0][1], np.eye(2))
    assert jax.jacobian is jax.jacrev


def test_jvp_of_several_arguments():
    out, dout = jax.jvp(lambda x, y: {"p": x * y}, (2.0, jnp.ones(2)), (1.0, jnp.zeros(2)))
    np.testing.assert_array_equal(out["p"], [2, 2])
    np.testing.assert_array_equal(dout["p"], [1, 1])


def test_integer_results_have_float0_tangents():
    _, dout = jax.jvp(lambda x: (x * 2, jnp.int32(3)), (2.0,), (1.0,))
    assert dout[0] == 2 and dout[1].dtype == jax.dtypes.float0
    _, back = jax.vjp(lambda x: (x * 2, jnp.int32(3)), 2.0)
    assert back((1.0, np.zeros((), jax.dtypes.float0))) == (2,)


@pytest.mark.parametrize("f", [lambda x: 3.0, jax.lax.stop_gradient], ids=["constant", "stopped"])
def test_a_zero_gradient_is_an_array_of_ours(f):
    for g in (
        jax.grad(f)(1.0),
        jax.vjp(f, 1.0)[1](1.0)[0],
        jax.jvp(lambda x: 3.0, (1.0,), (1.0,))[1],
    ):
        assert isinstance(g, jax.Array) and g == 0
    assert jax.grad(lambda x: 3.0)(jnp.ones(2)).at[0].set(1.0).shape == (2,)


def test_gradients_are_as_weakly_typed_as_the_arguments():
    strong = jnp.float32(2)
    f = lambda x: (x * strong * jnp.ones(2)).sum()
    for g in (jax.grad(f), jax.jit(jax.grad(f)), lambda x: jax.vjp(f, x)[1](jnp.float32(1))[0]):
        assert g(1.0).weak_type and g(1.0) == 4
        assert not g(strong).weak_type
    assert jax.jacrev(lambda x: x * jnp.ones(2))(1.0).weak_type
