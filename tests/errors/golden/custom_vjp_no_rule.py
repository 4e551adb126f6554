import gradax as jax
import gradax.numpy as jnp


@jax.custom_vjp
def f(x):
    return jnp.sin(x)


jax.grad(f)(1.0)
