"""Programs that move data: transposes, gathers, scatters."""

from .data import normal, normals
from .registry import workload


@workload("x.T + x, 2048²", tolerance=0)
def transpose_add(jax, jnp, np):
    x = np.random.default_rng(0).normal(size=(2048, 2048)).astype(np.float32)
    return jax.jit(lambda x: x.T + x), (jnp.asarray(x),)


@workload("gather 1e6 of 1e6", tolerance=0)
def gather(jax, jnp, np):
    rng = np.random.default_rng(0)
    x = rng.normal(size=1_000_000).astype(np.float32)
    index = rng.integers(0, x.size, x.size).astype(np.int32)
    return jax.jit(lambda x, i: x[i]), (jnp.asarray(x), jnp.asarray(index))


@workload("gather 4096 rows of a 10,000×256 table", tolerance=0)
def gather_rows(jax, jnp, np):
    rng = np.random.default_rng(0)
    table = rng.normal(size=(10_000, 256)).astype(np.float32)
    index = rng.integers(0, 10_000, 4096).astype(np.int32)
    return jax.jit(lambda x, i: x[i]), (jnp.asarray(table), jnp.asarray(index))


@workload("scatter-add 1e6 into 1e5", tolerance=1e-4)
def scatter_add(jax, jnp, np):
    rng = np.random.default_rng(0)
    values = rng.uniform(size=1_000_000).astype(np.float32)
    index = rng.integers(0, 100_000, values.size).astype(np.int32)
    f = jax.jit(lambda i, v: jnp.zeros(100_000).at[i].add(v))
    return f, (jnp.asarray(index), jnp.asarray(values))


@workload("segment sum, 1e6 sorted into 1,000", tolerance=1e-4)
def segment_sum(jax, jnp, np):
    rng = np.random.default_rng(0)
    values = rng.uniform(size=1_000_000).astype(np.float32)
    segments = np.sort(rng.integers(0, 1000, values.size)).astype(np.int32)
    f = jax.jit(lambda v, s: jax.ops.segment_sum(v, s, num_segments=1000))
    return f, (jnp.asarray(values), jnp.asarray(segments))


@workload("pad, roll and concatenate, 1024²", tolerance=0)
def shuffle(jax, jnp, np):
    x = np.random.default_rng(0).normal(size=(1024, 1024)).astype(np.float32)
    f = jax.jit(lambda x: jnp.concatenate([jnp.pad(x, 8), jnp.roll(jnp.pad(x, 8), 5, 1)]))
    return f, (jnp.asarray(x),)


@workload("transpose 128×128×256 to 256×128×128", tolerance=0)
def transpose_3d(jax, jnp, np):
    return jax.jit(lambda x: x.transpose(2, 0, 1)), (normal(jnp, np, 128, 128, 256),)


@workload("channels last to first, 32×56×56×64", tolerance=0)
def transpose_4d(jax, jnp, np):
    return jax.jit(lambda x: x.transpose(0, 3, 1, 2)), (normal(jnp, np, 32, 56, 56, 64),)


@workload("sum of four layouts, 1024²", tolerance=1e-6)
def mixed_layouts(jax, jnp, np):
    def f(x):
        blocks = x.reshape(32, 32, 1024).transpose(1, 2, 0).reshape(1024, 1024)
        swapped = x.reshape(1024, 32, 32).transpose(0, 2, 1).reshape(1024, 1024)
        return x + x.T + blocks + swapped

    return jax.jit(f), (normal(jnp, np, 1024, 1024),)


@workload("flip rows, flip columns, 2048²", tolerance=0)
def flips(jax, jnp, np):
    return jax.jit(lambda x: (x[::-1], x[:, ::-1])), (normal(jnp, np, 2048, 2048),)


@workload("tile 4×4, repeat 16 times, 256²", tolerance=0)
def tile_repeat(jax, jnp, np):
    f = jax.jit(lambda x: (jnp.tile(x, (4, 4)), jnp.repeat(x, 16, axis=1)))
    return f, (normal(jnp, np, 256, 256),)


@workload("stack 8 arrays of 1e5, first and last axis", tolerance=0)
def stack_8(jax, jnp, np):
    f = jax.jit(lambda *xs: (jnp.stack(xs), jnp.stack(xs, axis=-1)))
    return f, normals(jnp, np, *[100_000] * 8)
