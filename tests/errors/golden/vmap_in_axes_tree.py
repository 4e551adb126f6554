import gradax as jax
import gradax.numpy as jnp

jax.vmap(lambda x, y: x + y, in_axes=(0, 0, 0))(jnp.ones(3), jnp.ones(3))
