import gradax.numpy as jnp
from gradax import lax

lax.switch(1.5, [jnp.sin, jnp.cos], 1.0)
