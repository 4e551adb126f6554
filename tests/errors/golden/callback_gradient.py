import gradax as jax


def f(x):
    return jax.pure_callback(lambda x: x, x, x)


jax.grad(f)(1.0)
