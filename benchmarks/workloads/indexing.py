"""Programs that read and write where their data says."""

from .data import integer, normal, normals, uniform
from .registry import workload


def bag(jnp, table, words):
    """Return the mean embedding of each row of words."""
    return table[words].mean(axis=1)


@workload("mean embedding, 256×64 words of 20,000×64")
def embedding(jax, jnp, np):
    f = jax.jit(lambda table, words: bag(jnp, table, words))
    return f, (normal(jnp, np, 20_000, 64), integer(jnp, np, 0, 20_000, 256, 64))


@workload("embedding gradient, 256×64 words of 20,000×64", tolerance=1e-4)
def embedding_gradient(jax, jnp, np):
    def loss(table, words):
        return (bag(jnp, table, words) ** 2).sum()

    f = jax.jit(jax.grad(loss))
    return f, (normal(jnp, np, 20_000, 64), integer(jnp, np, 0, 20_000, 256, 64))


@workload("scatter the least and the greatest, 1e6 into 1e5", tolerance=0)
def scatter_min_max(jax, jnp, np):
    def f(index, values):
        zeros = jnp.zeros(100_000)
        return zeros.at[index].min(values), zeros.at[index].max(values)

    return jax.jit(f), (integer(jnp, np, 0, 100_000, 1_000_000), normal(jnp, np, 1_000_000))


# A value on the edge of a bin may fall on either side.
@workload("histogram of 1e6 in 100 bins", tolerance=1e-3)
def histogram(jax, jnp, np):
    f = jax.jit(lambda x: jnp.histogram(x, bins=100, range=(-4, 4))[0])
    return f, (normal(jnp, np, 1_000_000),)


@workload("count 1e6 integers below 1,000", tolerance=0)
def bincount(jax, jnp, np):
    f = jax.jit(lambda i: jnp.bincount(i, length=1000))
    return f, (integer(jnp, np, 0, 1000, 1_000_000),)


@workload("one-hot 4096×1000 by 1000×64")
def one_hot_product(jax, jnp, np):
    f = jax.jit(lambda i, w: jax.nn.one_hot(i, 1000) @ w)
    return f, (integer(jnp, np, 0, 1000, 4096), normal(jnp, np, 1000, 64))


@workload("10,000 elements set in a fori_loop")
def set_in_loop(jax, jnp, np):
    def f(x):
        def step(i, x):
            return x.at[i].set(0.5 * x[i - 1] + x[i])

        return jax.lax.fori_loop(1, 10_000, step, x)

    return jax.jit(f), (normal(jnp, np, 10_000),)


@workload("segment-sum gradient, 1e6 into 1,000", tolerance=1e-4)
def segment_sum_gradient(jax, jnp, np):
    def loss(values, segments):
        return (jax.ops.segment_sum(values, segments, num_segments=1000) ** 2).sum()

    segments = jnp.sort(integer(jnp, np, 0, 1000, 1_000_000))
    return jax.jit(jax.grad(loss)), (uniform(jnp, np, 0, 1, 1_000_000), segments)


@workload("take along rows, 1024²", tolerance=0)
def take_along(jax, jnp, np):
    f = jax.jit(lambda x, i: jnp.take_along_axis(x, i, axis=1))
    return f, (normal(jnp, np, 1024, 1024), integer(jnp, np, 0, 1024, 1024, 1024))


@workload("add 1e5 weights at pairs of indices, 512²", tolerance=1e-4)
def scatter_pairs(jax, jnp, np):
    def f(rows, columns, weights):
        return jnp.zeros((512, 512)).at[rows, columns].add(weights)

    rows, columns = integer(jnp, np, 0, 512, 2, 100_000)
    return jax.jit(f), (rows, columns, *normals(jnp, np, 100_000))
