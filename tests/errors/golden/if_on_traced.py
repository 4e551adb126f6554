import gradax as jax


@jax.jit
def relu(x):
    if x > 0:
        return x
    return 0.0


relu(3.0)
