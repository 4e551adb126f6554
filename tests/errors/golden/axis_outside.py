import gradax as jax
import gradax.numpy as jnp

jax.jit(lambda x: jnp.sum(x, axis=2))(jnp.ones((2, 3)))
