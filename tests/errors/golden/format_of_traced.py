import gradax as jax


@jax.jit
def f(x):
    print(f"{x:.3f}")
    return x


f(1.0)
