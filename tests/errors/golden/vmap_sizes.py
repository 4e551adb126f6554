import gradax as jax
import gradax.numpy as jnp


def predict(w, x):
    return w @ x


jax.vmap(predict)(jnp.ones((5, 3)), jnp.ones((4, 3)))
