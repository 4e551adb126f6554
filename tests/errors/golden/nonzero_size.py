import gradax as jax
import gradax.numpy as jnp


@jax.jit
def places(x):
    return jnp.nonzero(x)


places(jnp.array([1.0, 0.0]))
