import gradax as jax
import gradax.numpy as jnp


@jax.custom_jvp
def f(x):
    return jnp.sin(x), x


@f.defjvp
def f_jvp(primals, tangents):
    (x,), (dx,) = primals, tangents
    return f(x), jnp.cos(x) * dx


jax.jvp(f, (1.0,), (1.0,))
