import gradax.numpy as jnp
from gradax import lax


def step(carry, x):
    return carry + x


lax.scan(step, 0.0, jnp.arange(3.0))
