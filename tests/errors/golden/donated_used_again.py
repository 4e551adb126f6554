import gradax as jax
import gradax.numpy as jnp

x = jnp.ones(3)
y = jax.jit(lambda x: x + 1, donate_argnums=0)(x)
print(x + y)
