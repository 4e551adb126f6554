import gradax as jax


@jax.jit
def power(x, n):
    y = 1.0
    for _ in range(n):
        y = y * x
    return y


power(2.0, 3)
