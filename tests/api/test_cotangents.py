"""`linear_call`, and cotangents that are added to references or not wanted."""

import numpy as np
import pytest

import gradax as jax
import gradax.numpy as jnp
from gradax import ad
from gradax.custom_derivatives import linear_call

X = jnp.array([1.0, 2.0, 3.0])


def test_the_transpose_is_the_one_given():
    third = lambda x: x + linear_call(lambda r, x: x / r, lambda r, t: t / r, 3.0, x)
    (found,) = jax.linear_transpose(third, 1.0)(18.0)
    assert found == 24.0
    seven = lambda x: linear_call(lambda _, x: x, lambda _, t: 7.0, (), x)
    once = lambda y: jax.linear_transpose(seven, 1.0)(y)[0]
    assert once(1.0) == 7.0
    assert jax.linear_transpose(once, 1.0)(1.0)[0] == 1.0
    assert jax.jit(jax.grad(seven))(2.0) == 7.0


def test_a_transpose_of_another_type_is_refused():
    with pytest.raises(TypeError, match="must return the tree"):
        linear_call(lambda _, x: x, lambda _, t: (t, t), (), X)
    with pytest.raises(TypeError, match="must return the types of linear_args; leaf 0"):
        linear_call(lambda _, x: x, lambda _, t: t[:2], (), X)


def loss(p, x):
    return (p["w"] * x**2 + p["b"]).sum()


@pytest.mark.parametrize("wrap", [lambda f: f, jax.jit])
def test_cotangents_are_added_to_references(wrap):
    params = {"w": X, "b": jnp.float32(0.5)}

    def run(params, x, total):
        held = jax.new_ref(total)
        _, back = jax.vjp(loss, params, x)
        wanted = {"w": held, "b": ad.GradValue()}
        found, other = back.with_refs(wanted, ad.DontWant())(1.0)
        assert isinstance(found["w"], ad.GradRef) and isinstance(other, ad.DidntWant)
        return jax.freeze(held), found["b"]

    total, b = wrap(run)(params, X, jnp.ones(3))
    np.testing.assert_allclose(total, 1 + X**2)
    assert b == 3.0


def test_references_of_another_type_are_refused():
    _, back = jax.vjp(jnp.sin, X)
    with pytest.raises(TypeError, match="with_refs: the reference must have the type"):
        back.with_refs(jax.new_ref(jnp.ones(2)))(X)
    with pytest.raises(TypeError, match="expected a reference, GradValue"):
        back.with_refs(3)(X)
    with pytest.raises(TypeError, match="expected the tree"):
        back.with_refs(ad.DontWant(), ad.DontWant())(X)


def test_cotangents_are_pytrees_through_jit():
    _, back = jax.jit(lambda x: jax.vjp(jnp.sin, x))(X)
    held = jax.new_ref(jnp.zeros(3))
    back.with_refs(held)(jnp.ones(3))
    np.testing.assert_allclose(held[...], jnp.cos(X))
