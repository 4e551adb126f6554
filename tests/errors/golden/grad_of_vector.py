import gradax as jax
import gradax.numpy as jnp


def residual(w):
    return w * 2


jax.grad(residual)(jnp.ones(3))
