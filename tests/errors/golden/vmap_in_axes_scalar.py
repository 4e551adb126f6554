import gradax as jax
import gradax.numpy as jnp

jax.vmap(lambda x, y: x * y)(jnp.ones(3), 2.0)
