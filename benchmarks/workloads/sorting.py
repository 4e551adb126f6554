"""Programs that order their data."""

from .data import integer, normal, uniform
from .registry import workload


@workload("sort 1e6 floats", steady_target=10, first_target=2, tolerance=0)
def sort_1e6(jax, jnp, np):
    return jax.jit(jnp.sort), (normal(jnp, np, 1_000_000),)


@workload("argsort 1e6 floats", tolerance=0)
def argsort_1e6(jax, jnp, np):
    return jax.jit(jnp.argsort), (normal(jnp, np, 1_000_000),)


@workload("sort the rows of 1000×1000", tolerance=0)
def sort_rows(jax, jnp, np):
    return jax.jit(jnp.sort), (normal(jnp, np, 1000, 1000),)


@workload("the 10 largest of each row of 1000×1000", tolerance=0)
def top_k_rows(jax, jnp, np):
    return jax.jit(lambda x: jax.lax.top_k(x, 10)), (normal(jnp, np, 1000, 1000),)


@workload("the 100 largest of 1e6", tolerance=0)
def top_k_vector(jax, jnp, np):
    return jax.jit(lambda x: jax.lax.top_k(x, 100)), (normal(jnp, np, 1_000_000),)


@workload("argsort the rows of 500×1000", tolerance=0)
def argsort_rows(jax, jnp, np):
    return jax.jit(jnp.argsort), (normal(jnp, np, 500, 1000),)


@workload("search 1e6 in 1e5 sorted", tolerance=0)
def searchsorted(jax, jnp, np):
    steps = jnp.sort(uniform(jnp, np, 0, 1, 100_000))
    return jax.jit(jnp.searchsorted), (steps, uniform(jnp, np, 0, 1, 1_000_000))


@workload("sort 5e5 integers and carry floats along", tolerance=0)
def sort_payload(jax, jnp, np):
    f = jax.jit(lambda keys, values: jax.lax.sort((keys, values), num_keys=1))
    return f, (integer(jnp, np, 0, 1_000_000, 500_000), normal(jnp, np, 500_000))


@workload("the different ones of 2e5 integers", tolerance=0)
def unique(jax, jnp, np):
    f = jax.jit(lambda x: jnp.unique(x, size=1000))
    return f, (integer(jnp, np, 0, 1000, 200_000),)


@workload("median of rows, 500×1000")
def median_rows(jax, jnp, np):
    return jax.jit(lambda x: jnp.median(x, axis=1)), (normal(jnp, np, 500, 1000),)


@workload("three quantiles of columns, 1000×500")
def quantile_columns(jax, jnp, np):
    f = jax.jit(lambda x: jnp.quantile(x, jnp.array([0.1, 0.5, 0.9]), axis=0))
    return f, (normal(jnp, np, 1000, 500),)
