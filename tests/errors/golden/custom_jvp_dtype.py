import gradax as jax
import gradax.numpy as jnp


@jax.custom_jvp
def f(x):
    return jnp.sin(x)


@f.defjvp
def f_jvp(primals, tangents):
    (x,), (dx,) = primals, tangents
    return f(x), (jnp.cos(x) * dx).astype("float16")


jax.grad(f)(1.0)
