"""The first tutorial, "Basics", as a script: jit, vmap and grad."""

import gradax as jax
import gradax.numpy as jnp
from gradax import random

# JIT


def f(x):
    return jnp.mean(x)


f_jit = jax.jit(f)
print(f_jit(jnp.arange(10)))  # function gets compiled here -- some delay
print(f_jit(jnp.arange(10)))  # uses cached JITted function -- no delay
print(f_jit(jnp.arange(20)))  # function gets compiled here again!

# VMAP. The document leaves the function and the data to the reader, and its annotation stands
# where the parameter's name belongs.


def some_computation(image):
    return jnp.tanh(image).sum(axis=0)


def get_mnist_batch():
    return random.uniform(random.key(0), (64, 28, 28))


data = get_mnist_batch()  # 64 x 28 x 28
output = jax.jit(jax.vmap(some_computation))(data)
print(data.shape, "->", output.shape)

# GRAD


def square(x):
    return x**2


print(square(8))  # 64
f_prime = jax.grad(square)
print(f_prime(8))  # 16

f_prime_prime = jax.grad(f_prime)
print(f_prime_prime(8))  # 2
