"""The fourth tutorial, "A first look at JAX", as a script: parts, batches and derivatives."""

import gradax as jax
import gradax.numpy as jnp

# JIT compiling. The document calls the outer function by another name than it defines, and its
# branches return nothing.


@jax.jit
def inner(x: jax.Array, y: float):
    return x.at[0].add(y)


def outer(x):
    if jnp.all(jnp.greater(x, 0)):
        return inner(x, 7.0)
    else:
        return inner(x, -7.0)


print(outer(jnp.array([1.0, 2.0])))  # prints [8. 2.]
print(outer(jnp.array([1.0, -2.0])))  # prints [-6. -2.]

# Vectorization. The document's function reads two globals in the place of its arguments, and
# returns nothing.


def thing(x, y):
    return x.at[0, 0].multiply(y.at[0, 0].get())


# If we had two 2x2 matrices, this is easy:
a = jnp.array([[1, 2], [3, 4]])
b = jnp.array([[5, 6], [7, 8]])
print(repr(thing(a, b)))

# But if we wanted to compute this for a batch:
c = jnp.tile(a, (3, 1, 1))
d = jnp.tile(b, (3, 1, 1))

# We can vectorize our function:
thing_vec = jax.vmap(thing)
print(repr(thing_vec(c, d)))

# Autodiff


def f(x):
    return x**2 + 7**x


fp = jax.grad(f)
fpp = jax.grad(fp)
# and so on.

print(f(2.0), fp(2.0), fpp(2.0))  # 53, 4 + 49 ln 7, 2 + 49 (ln 7)²
