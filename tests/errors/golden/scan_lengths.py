import gradax.numpy as jnp
from gradax import lax


def step(carry, xy):
    x, y = xy
    return carry + x * y, None


lax.scan(step, 0.0, (jnp.arange(3.0), jnp.arange(4.0)))
