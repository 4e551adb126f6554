import gradax.numpy as jnp

x = jnp.arange(4)
x[jnp.array(1.0)]
