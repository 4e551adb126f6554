import gradax as jax
import gradax.numpy as jnp


def loss(w):
    return w if bool(w.sum() > 0) else -w


jax.vmap(jax.grad(loss))(jnp.array([1.0, -1.0]))
