import gradax.numpy as jnp
from gradax import lax


def double(x):
    return jnp.concatenate([x, x])


lax.while_loop(lambda x: x.sum() < 10, double, jnp.ones(2))
