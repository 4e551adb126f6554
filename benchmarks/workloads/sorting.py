"""Programs that order their data."""

from .registry import workload


def floats(jnp, np, *shape):
    return jnp.asarray(np.random.default_rng(0).normal(size=shape).astype(np.float32))


@workload("sort 1e6 floats", steady_target=10, first_target=2, tolerance=0)
def sort_1e6(jax, jnp, np):
    return jax.jit(jnp.sort), (floats(jnp, np, 1_000_000),)


@workload("argsort 1e6 floats", tolerance=0)
def argsort_1e6(jax, jnp, np):
    return jax.jit(jnp.argsort), (floats(jnp, np, 1_000_000),)


@workload("sort the rows of 1000×1000", tolerance=0)
def sort_rows(jax, jnp, np):
    return jax.jit(jnp.sort), (floats(jnp, np, 1000, 1000),)


@workload("the 10 largest of each row of 1000×1000", tolerance=0)
def top_k_rows(jax, jnp, np):
    return jax.jit(lambda x: jax.lax.top_k(x, 10)), (floats(jnp, np, 1000, 1000),)
