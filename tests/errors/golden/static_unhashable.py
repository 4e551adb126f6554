from functools import partial

import gradax as jax
import gradax.numpy as jnp


@partial(jax.jit, static_argnums=1)
def reshaped(x, shape):
    return x.reshape(shape)


reshaped(jnp.arange(6), [2, 3])
