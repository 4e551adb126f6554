import gradax as jax

jax.grad(lambda x, y: x * y, argnums=2)(1.0, 2.0)
