import gradax as jax
import gradax.numpy as jnp


@jax.jit
def zeros(n):
    return jnp.zeros((n, 2))


zeros(3)
