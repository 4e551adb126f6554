import gradax.numpy as jnp

x = jnp.arange(4)
x[[0, 2]]
