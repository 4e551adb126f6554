import gradax as jax

jax.vmap(lambda x: x, in_axes=None)(1.0)
