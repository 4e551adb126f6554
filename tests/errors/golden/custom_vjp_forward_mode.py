import gradax as jax


@jax.custom_vjp
def double(x):
    return 2 * x


double.defvjp(lambda x: (2 * x, None), lambda kept, ct: (2 * ct,))
jax.jvp(double, (1.0,), (1.0,))
