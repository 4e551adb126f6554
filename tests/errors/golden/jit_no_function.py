import gradax as jax
import gradax.numpy as jnp

jax.jit(jnp.ones(3))
