import gradax as jax
import gradax.numpy as jnp


@jax.jit
def joined(x, y):
    return jnp.concatenate([x, y])


joined(jnp.ones((2, 3)), jnp.ones((2, 4)))
