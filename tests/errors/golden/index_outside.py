import gradax as jax
import gradax.numpy as jnp


@jax.jit
def pick(x, i):
    return x[i]


with jax.strict():
    pick(jnp.arange(5.0), 7).block_until_ready()
