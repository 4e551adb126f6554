import gradax.numpy as jnp
from gradax import lax

lax.while_loop(lambda x: x < 10, lambda x: x + 1, jnp.ones(2))
