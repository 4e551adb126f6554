import gradax.numpy as jnp
from gradax import lax

lax.add(jnp.ones(3), jnp.arange(3))
