import gradax.numpy as jnp

jnp.sum([1, 2, 3])
