import gradax as jax
import gradax.numpy as jnp

jax.vmap(lambda x: x.reshape(2, 4))(jnp.ones((5, 6)))
