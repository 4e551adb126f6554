import gradax as jax
import gradax.numpy as jnp

mesh = jax.make_mesh((1,), ("data",))
jax.device_put(jnp.ones(4), jax.NamedSharding(mesh, jax.P(None, "data")))
