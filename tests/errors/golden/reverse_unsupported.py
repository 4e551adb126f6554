import gradax as jax
import gradax.numpy as jnp
from gradax import lax


def f(x):
    return lax.linalg.schur(x)[0].sum()


jax.grad(f)(jnp.eye(3))
