import gradax as jax
import gradax.numpy as jnp
from gradax import lax


@jax.jit
def f(p, x):
    return lax.cond(p, lambda x: x, lambda x: x[:2], x)


f(True, jnp.ones(3))
