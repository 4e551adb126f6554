"""Matrix products."""

from .registry import workload


def normals(jnp, np, *shapes):
    rng = np.random.default_rng(0)
    return tuple(jnp.asarray(rng.normal(size=s).astype(np.float32)) for s in shapes)


@workload("matrix product, 64²")
def matmul_64(jax, jnp, np):
    return jax.jit(jnp.matmul), normals(jnp, np, (64, 64), (64, 64))


@workload("matrix product, 256²")
def matmul_256(jax, jnp, np):
    return jax.jit(jnp.matmul), normals(jnp, np, (256, 256), (256, 256))


@workload("matrix product, 1024²")
def matmul_1024(jax, jnp, np):
    return jax.jit(jnp.matmul), normals(jnp, np, (1024, 1024), (1024, 1024))


@workload("matrix by vector, 2048²")
def matvec(jax, jnp, np):
    return jax.jit(jnp.dot), normals(jnp, np, (2048, 2048), (2048,))


@workload("20,000 products of 4×4")
def batched_4x4(jax, jnp, np):
    return jax.jit(jnp.matmul), normals(jnp, np, (20_000, 4, 4), (20_000, 4, 4))


@workload("pairwise squared distances by vmap, 500 × 500 × 16", tolerance=1e-4)
def distances(jax, jnp, np):
    def apart(x, y):
        return jnp.sum((x - y) ** 2)

    f = jax.vmap(jax.vmap(apart, (None, 0)), (0, None))
    return jax.jit(f), normals(jnp, np, (500, 16), (500, 16))
