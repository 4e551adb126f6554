import gradax.numpy as jnp

jnp.zeros(3, dtype="flaot32")
