import gradax as jax
import gradax.numpy as jnp

jax.jit(lambda x: x[0, 1])(jnp.ones(3))
