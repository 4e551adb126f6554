import gradax as jax
import gradax.numpy as jnp


@jax.jit
def f(x):
    return x.sum().item()


f(jnp.ones(3))
