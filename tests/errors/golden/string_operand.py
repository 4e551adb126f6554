import gradax.numpy as jnp

jnp.ones(3) + "one"
