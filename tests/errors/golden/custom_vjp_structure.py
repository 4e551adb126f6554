import gradax as jax


@jax.custom_vjp
def product(x, y):
    return x * y


product.defvjp(lambda x, y: (x * y, (x, y)), lambda kept, ct: ct * kept[1])
jax.grad(product)(2.0, 3.0)
