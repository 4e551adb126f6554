import gradax as jax
import gradax.numpy as jnp


@jax.jit
def positives(x):
    return x[x > 0]


positives(jnp.array([1.0, -1.0]))
