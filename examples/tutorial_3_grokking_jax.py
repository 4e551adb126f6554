"""The third tutorial, "Grokking JAX", as a script: purity, immutability, jit and vmap."""

import timeit
import warnings

import numpy as np

import gradax as jax
import gradax.numpy as jnp
from gradax import jit, random, vmap

# JAX: not your typical way to program

n_pies = 0


def add_pies(pies_to_add: int):
    return n_pies + pies_to_add


print(jit(add_pies)(10))  # 10

n_pies = 20
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    print(jit(add_pies)(10))  # still 10 ...
for warning in caught:
    print(f"{warning.category.__name__}: {warning.message}")  # ... but not in silence


def pure_add_pies(n_pies: int, pies_to_add: int):
    return n_pies + pies_to_add


print(jit(pure_add_pies)(0, 10))  # 10
print(jit(pure_add_pies)(20, 10))  # 30

# Immutability

base = np.array([1, 2, 3, 4, 5])
base[0] = 100
print(base)

base_jax = jnp.array([1, 2, 3, 4, 5])
try:
    base_jax[0] = 100
except TypeError as error:
    print(f"TypeError: {error}")

# Notice the square brackets
# and the assignment to the variable updated_base (functional programming:))
updated_base = base_jax.at[0].set(100)
print(updated_base)

# Jit: speed it up!


def selu(x, alpha=1.67, lambda_=1.05):
    return lambda_ * jnp.where(x > 0, x, alpha * jnp.exp(x) - alpha)


x = jnp.arange(1000000)
selu_jit = jax.jit(selu)

# Warm up
selu_jit(x).block_until_ready()

# The document measures with a notebook's %timeit.
for name, function in (("selu", selu), ("selu_jit", selu_jit)):
    seconds = min(
        timeit.repeat(lambda run=function: run(x).block_until_ready(), number=20, repeat=5)
    )
    print(f"{name}: {seconds / 20 * 1e6:.0f} µs per loop")

# Vmap

keygen = random.PRNGKey(0)
weights = random.normal(keygen, shape=(20, 2))  # hidden layer with 20 neurons and 2 inputs
features = random.normal(keygen, shape=(5, 2))  # batch of 5 samples with two features


def dotproduct(w, x):
    return jnp.dot(w, x)


# dotproduct works on a single sample, but we want to apply it to all samples in the batch.
print(dotproduct(10, 20))  # works :)

# now we want to apply it to all samples in the batch
dotproduct = jit(dotproduct)
try:
    dotproduct(weights, features)
except TypeError as error:
    print(f"TypeError: {error}")


@jit
def linear_forward(weights, features):
    batch_dim_weights = None
    batch_dim_features = 0
    return vmap(dotproduct, in_axes=(batch_dim_weights, batch_dim_features))(weights, features)


preds = linear_forward(weights, features)
print(preds.shape)  # (5, 20)
