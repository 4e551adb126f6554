import gradax as jax
import gradax.numpy as jnp


def predict(w, x):
    return w @ x


jax.vmap(predict, in_axes=(None, 0))(jnp.ones((2, 4)), jnp.ones((5, 3)))
