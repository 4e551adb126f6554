import gradax.numpy as jnp
from gradax import lax

last = []


def step(carry, x):
    last.append(carry)
    return carry + x, x


lax.scan(step, 0.0, jnp.arange(3.0))
print(last[0] + 1)
