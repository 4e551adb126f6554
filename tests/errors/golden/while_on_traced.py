import gradax as jax


@jax.jit
def halvings(x):
    n = 0
    while x > 1:
        x, n = x / 2, n + 1
    return n


halvings(9.0)
