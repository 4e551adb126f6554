import gradax as jax


@jax.custom_vjp
def double(x):
    return 2 * x


double.defvjp(lambda x: 2 * x, lambda kept, ct: (2 * ct,))
jax.grad(double)(1.0)
