"""`fwd_and_bwd`, and what the stages say of a program's arguments."""

import numpy as np
import pytest

import gradax as jax
import gradax.numpy as jnp


def product(x, y):
    return (x * jnp.sin(y)).sum()


@pytest.mark.parametrize("jitted", [True, False])
@pytest.mark.parametrize("argnums", [0, 1, (1,), (0, 1)])
def test_the_two_halves_are_the_gradient(argnums, jitted):
    forward, backward = jax.fwd_and_bwd(product, argnums, jitted=jitted)
    x, y = jnp.arange(3.0), jnp.ones(3)
    value, residuals = forward(x, y)
    want = jax.tree.map(lambda g: 2 * g, jax.grad(product, argnums)(x, y))
    np.testing.assert_allclose(value, product(x, y))
    jax.tree.map(np.testing.assert_allclose, backward(residuals, 2.0), want)


def test_both_are_compiled_once():
    forward, backward = jax.fwd_and_bwd(product, (0, 1))
    for k in range(3):
        _, residuals = forward(jnp.full(3, float(k)), jnp.ones(3))
        backward(residuals, 1.0)
    assert "traced once" in forward.why_recompiled() and "traced once" in backward.why_recompiled()


def test_aux_comes_last():
    forward, _ = jax.fwd_and_bwd(lambda x: (x.sum(), {"twice": 2 * x}), 0, has_aux=True)
    value, _, aux = forward(jnp.ones(2))
    assert value == 2 and aux["twice"].tolist() == [2, 2]


def test_the_stages_know_the_arguments():
    lowered = jax.jit(lambda a, b: a + b, donate_argnums=1).lower(1.0, jnp.ones(3))
    (a, b), _ = lowered.args_info
    assert (a.shape, b.shape, a.donated, b.donated) == ((), (3,), False, True)
    assert isinstance(jax.jit(jnp.sin), jax.stages.Wrapped)


def test_values_and_zeros_of_symbolic_rules():
    from gradax.custom_derivatives import (
        CustomVJPPrimal,
        SymbolicZero,
        custom_vjp_primal_tree_values,
        zero_from_primal,
    )

    tree = {"a": CustomVJPPrimal(1.0, True), "b": [CustomVJPPrimal(2.0, False)]}
    assert custom_vjp_primal_tree_values(tree) == {"a": 1.0, "b": [2.0]}
    assert zero_from_primal(jnp.ones(2)).tolist() == [0, 0]
    assert isinstance(zero_from_primal(1.0, symbolic_zeros=True), SymbolicZero)
