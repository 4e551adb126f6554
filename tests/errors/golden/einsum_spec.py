import gradax.numpy as jnp

jnp.einsum("ij,jk->il", jnp.ones((2, 3)), jnp.ones((3, 5)))
