import gradax as jax
import gradax.numpy as jnp


@jax.jit
def f(x, y):
    return x + y


f(jnp.ones((3, 4)), jnp.ones((3,)))
