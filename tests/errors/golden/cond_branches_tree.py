import gradax as jax
from gradax import lax


@jax.jit
def f(p, x):
    return lax.cond(p, lambda x: (x, x), lambda x: x, x)


f(True, 1.0)
