import gradax as jax
import gradax.numpy as jnp


@jax.jit
def f(x):
    x[0] += 1
    return x


f(jnp.zeros(3))
