import gradax as jax
import gradax.numpy as jnp

y, pull_back = jax.vjp(lambda x: x[:2], jnp.ones(3))
pull_back(jnp.ones(3))
