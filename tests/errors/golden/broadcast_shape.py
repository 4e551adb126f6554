import gradax.numpy as jnp

jnp.broadcast_to(jnp.ones((3, 2)), (3, 4))
