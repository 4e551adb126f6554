"""Programs that draw random numbers, each library from its own default stream."""

from .registry import workload


@workload("1e6 normals", steady_target=2, first_target=2, random=True)
def normal_1e6(jax, jnp, np):
    return jax.jit(lambda k: jax.random.normal(k, (1_000_000,))), (jax.random.key(0),)


@workload("1e6 uniforms", random=True)
def uniform_1e6(jax, jnp, np):
    return jax.jit(lambda k: jax.random.uniform(k, (1_000_000,))), (jax.random.key(0),)


@workload("permutation of 1e5", random=True)
def permutation_1e5(jax, jnp, np):
    return jax.jit(lambda k: jax.random.permutation(k, 100_000)), (jax.random.key(0),)


@workload("split a key in 1,000, 10 normals of each", random=True)
def split_normals(jax, jnp, np):
    def f(key):
        return jax.vmap(lambda k: jax.random.normal(k, (10,)))(jax.random.split(key, 1000))

    return jax.jit(f), (jax.random.key(0),)
