import gradax.numpy as jnp
from gradax import lax

lax.fori_loop(0, 10, lambda i, total: total + i / 2, jnp.int32(0))
