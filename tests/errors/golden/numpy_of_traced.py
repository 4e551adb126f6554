import numpy as np

import gradax as jax
import gradax.numpy as jnp


@jax.jit
def norm(x):
    return np.linalg.norm(x)


norm(jnp.ones(3))
