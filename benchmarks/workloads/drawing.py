"""Programs that draw random numbers, each library from its own default stream."""

from .data import normal
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


def draw(jax, sample):
    """Return the jitted `sample` and a key."""
    return jax.jit(sample), (jax.random.key(0),)


@workload("1e6 exponentials", random=True)
def exponential(jax, jnp, np):
    return draw(jax, lambda k: jax.random.exponential(k, (1_000_000,)))


@workload("1e5 of a gamma distribution", random=True)
def gamma(jax, jnp, np):
    return draw(jax, lambda k: jax.random.gamma(k, 2.5, (100_000,)))


@workload("50,000 of a beta distribution", random=True)
def beta(jax, jnp, np):
    return draw(jax, lambda k: jax.random.beta(k, 2.0, 3.0, (50_000,)))


@workload("20,000 of 100 categories", random=True)
def categorical(jax, jnp, np):
    logits = jnp.linspace(-1, 1, 100)
    return draw(jax, lambda k: jax.random.categorical(k, logits, shape=(20_000,)))


@workload("1e6 integers below 1,000", random=True)
def randint(jax, jnp, np):
    return draw(jax, lambda k: jax.random.randint(k, (1_000_000,), 0, 1000))


@workload("1e6 of a Bernoulli distribution", random=True)
def bernoulli(jax, jnp, np):
    return draw(jax, lambda k: jax.random.bernoulli(k, 0.25, (1_000_000,)).astype(jnp.int32))


@workload("1e6 truncated normals", random=True)
def truncated_normal(jax, jnp, np):
    return draw(jax, lambda k: jax.random.truncated_normal(k, -2.0, 2.0, (1_000_000,)))


@workload("permutation of 10,000 rows of 64", random=True)
def permute_rows(jax, jnp, np):
    return jax.jit(jax.random.permutation), (jax.random.key(0), normal(jnp, np, 10_000, 64))


@workload("choose 1e5 of 2e5 without replacement", random=True)
def choice(jax, jnp, np):
    return draw(jax, lambda k: jax.random.choice(k, 200_000, (100_000,), replace=False))
