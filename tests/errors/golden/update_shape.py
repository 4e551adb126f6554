import gradax as jax
import gradax.numpy as jnp

jax.jit(lambda x: x.at[:2].set(jnp.ones(3)))(jnp.zeros(4))
