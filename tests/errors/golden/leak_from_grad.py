import gradax as jax
import gradax.numpy as jnp

seen = []


def loss(w):
    seen.append(jnp.sin(w))
    return w**2


jax.grad(loss)(1.0)
jnp.cos(seen[0])
