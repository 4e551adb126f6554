import gradax.numpy as jnp
from gradax import lax

lax.cond(jnp.array([True, False]), jnp.sin, jnp.cos, 1.0)
