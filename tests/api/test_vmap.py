"""vmap: axes of arguments and results."""

import numpy as np

import gradax as jax
import gradax.numpy as jnp


def test_axes_of_trees():
    f = lambda p, x: p["w"] * x + p["b"]
    p = {"w": jnp.ones((2, 3)), "b": jnp.float32(1)}
    out = jax.vmap(f, in_axes=({"w": 0, "b": None}, 1))(p, jnp.ones((3, 2)))
    assert out.shape == (2, 3)
    assert jax.vmap(f, in_axes=(None, -1), out_axes=-1)(p, jnp.ones((2, 3, 4))).shape == (2, 3, 4)


def test_lists_of_axes():
    assert jax.vmap(lambda x, y: x + y, in_axes=[0, None])(jnp.arange(3), 1)[2] == 3


def test_results_that_are_not_mapped():
    _, const = jax.vmap(lambda x: (x, 5.0), out_axes=(0, None))(jnp.arange(3))
    assert const == 5 and const.shape == ()
    assert jax.vmap(lambda x: 5.0)(jnp.arange(3)).shape == (3,)


def test_out_axes_of_trees():
    out = jax.vmap(lambda x: {"a": x, "b": [x, x]}, out_axes={"a": 1, "b": 0})(jnp.ones((2, 3)))
    assert out["a"].shape == (3, 2) and out["b"][0].shape == (2, 3)


def test_axis_size_alone():
    assert jax.vmap(lambda: jnp.ones(2), axis_size=3)().shape == (3, 2)


def test_keywords_are_mapped_over_their_first_axis():
    np.testing.assert_array_equal(jax.vmap(lambda x, *, y: x * y)(jnp.arange(3), y=jnp.arange(3)),
                                  [0, 1, 4])  # fmt: skip


def test_none_in_the_arguments():
    f = lambda x, y: x if y is None else x + y
    np.testing.assert_array_equal(jax.vmap(f)(jnp.arange(3), None), [0, 1, 2])


def test_numpy_arguments():
    assert jax.vmap(jnp.sum)(np.ones((2, 3))).shape == (2,)


def test_a_loop_gives_the_same():
    f = lambda a, b: jnp.dot(jnp.sin(a), b) / (1 + jnp.sum(a * a))
    a = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)
    b = np.random.default_rng(1).normal(size=(3, 5)).astype(np.float32)
    wanted = np.stack([f(x, b) for x in a])
    np.testing.assert_allclose(jax.vmap(f, (0, None))(a, b), wanted, rtol=1e-5, atol=1e-6)
