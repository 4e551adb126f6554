import gradax.numpy as jnp
from gradax import lax

lax.dynamic_slice(jnp.ones((5, 5)), (0,), (2, 2))
