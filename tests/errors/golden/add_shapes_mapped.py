import gradax as jax
import gradax.numpy as jnp

jax.vmap(lambda x, y: x - y)(jnp.ones((8, 3)), jnp.ones((8, 4)))
