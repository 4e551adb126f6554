import gradax as jax
import gradax.numpy as jnp


@jax.jit
def f(x):
    return helper(x)


def helper(x):
    if x.ndim != 2:
        raise ValueError(f"a matrix is needed, got {x.shape}")
    return x


jax.grad(lambda x: f(x).sum())(jnp.ones(3))
