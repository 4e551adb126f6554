import gradax.numpy as jnp
from gradax import lax


def step(carry, x):
    return carry + x, x


lax.scan(step, jnp.int32(0), jnp.arange(3.0))
