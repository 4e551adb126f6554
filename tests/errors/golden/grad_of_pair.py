import gradax as jax
import gradax.numpy as jnp


def loss(w):
    return w.sum(), w


jax.grad(loss)(jnp.ones(3))
