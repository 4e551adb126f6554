import gradax.numpy as jnp
from gradax import lax


def step(carry, x):
    return {"total": carry["total"] + x, "count": 1}, x


lax.scan(step, {"total": 0.0}, jnp.arange(3.0))
