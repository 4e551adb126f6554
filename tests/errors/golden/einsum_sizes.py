import gradax as jax
import gradax.numpy as jnp

jax.jit(lambda a, b: jnp.einsum("ij,jk->ik", a, b))(jnp.ones((2, 3)), jnp.ones((4, 5)))
