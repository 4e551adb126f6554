import gradax as jax
import gradax.numpy as jnp

jax.grad(lambda n: (n**2).sum())(jnp.arange(3))
