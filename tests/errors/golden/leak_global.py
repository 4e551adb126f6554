import gradax as jax

kept = None


@jax.jit
def f(x):
    global kept
    kept = x * 2
    return x


f(1.0)
kept + 1
