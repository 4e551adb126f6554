import gradax as jax
import gradax.numpy as jnp


@jax.jit
def scaled(x):
    return float(x.sum()) * 2


scaled(jnp.ones(3))
