import gradax as jax
import gradax.numpy as jnp


def f(x):
    jax.debug.print("{}", x, ordered=True)
    return x


jax.vmap(f)(jnp.ones(3))
