import gradax as jax
import gradax.numpy as jnp


@jax.jit
def predict(w, x):
    return jnp.dot(x, w)


predict(jnp.ones((4, 2)), jnp.ones((5, 3)))
