import gradax as jax
import gradax.numpy as jnp

params = {"w": jnp.ones(3), "b": jnp.ones(1)}
grads = {"w": jnp.ones(3)}
jax.tree.map(lambda p, g: p - 0.1 * g, params, grads)
