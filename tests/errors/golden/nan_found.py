import gradax as jax
import gradax.numpy as jnp


@jax.jit
def f(x):
    return jnp.log(x) + 1


with jax.debug_nans(True):
    f(-1.0)
