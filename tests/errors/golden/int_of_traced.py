import gradax as jax
import gradax.numpy as jnp


@jax.jit
def first(x, n):
    return x[: int(n)]


first(jnp.arange(5), 3)
