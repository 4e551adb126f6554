import gradax as jax
import gradax.numpy as jnp

jax.vmap(lambda x: x + 1, out_axes=2)(jnp.ones((3, 4)))
