"""Programs that reduce, and those built around a reduction of rows."""

from .registry import workload


def normals(jnp, np, *shape):
    return jnp.asarray(np.random.default_rng(0).normal(size=shape).astype(np.float32))


def softmax(jnp, x):
    shifted = jnp.exp(x - x.max(axis=-1, keepdims=True))
    return shifted / shifted.sum(axis=-1, keepdims=True)


def layer_norm(jnp, x, scale, offset):
    centred = x - x.mean(axis=-1, keepdims=True)
    variance = (centred**2).mean(axis=-1, keepdims=True)
    return centred / jnp.sqrt(variance + 1e-5) * scale + offset


@workload("sum of rows, 4096×1024")
def sum_rows(jax, jnp, np):
    return jax.jit(lambda x: x.sum(axis=1)), (normals(jnp, np, 4096, 1024),)


@workload("sum of columns, 4096×1024")
def sum_columns(jax, jnp, np):
    return jax.jit(lambda x: x.sum(axis=0)), (normals(jnp, np, 4096, 1024),)


@workload("sum of all, 1e7")
def sum_all(jax, jnp, np):
    x = np.random.default_rng(0).uniform(size=10_000_000).astype(np.float32)
    return jax.jit(lambda x: x.sum()), (jnp.asarray(x),)


@workload("argmax of rows, 4096×1024", tolerance=0)
def argmax_rows(jax, jnp, np):
    return jax.jit(lambda x: x.argmax(axis=1)), (normals(jnp, np, 4096, 1024),)


@workload("cumulative sum, 1e6", tolerance=1e-4)
def cumsum(jax, jnp, np):
    x = np.random.default_rng(0).uniform(size=1_000_000).astype(np.float32)
    return jax.jit(jnp.cumsum), (jnp.asarray(x),)


@workload("log-sum-exp of rows, 4096×1024")
def logsumexp(jax, jnp, np):
    def f(x):
        top = x.max(axis=1)
        return jnp.log(jnp.exp(x - top[:, None]).sum(axis=1)) + top

    return jax.jit(f), (normals(jnp, np, 4096, 1024),)


@workload("softmax of rows, 4096×1024")
def softmax_rows(jax, jnp, np):
    return jax.jit(lambda x: softmax(jnp, x)), (normals(jnp, np, 4096, 1024),)


@workload("softmax gradient, 2048×1024", tolerance=1e-4)
def softmax_gradient(jax, jnp, np):
    def loss(x):
        return jnp.sum(softmax(jnp, x) ** 2)

    return jax.jit(jax.grad(loss)), (normals(jnp, np, 2048, 1024),)


@workload("layer norm, 4096×1024")
def layer_norm_rows(jax, jnp, np):
    scale, offset = jnp.linspace(0.5, 1.5, 1024), jnp.linspace(-1, 1, 1024)
    return jax.jit(lambda *xs: layer_norm(jnp, *xs)), (normals(jnp, np, 4096, 1024), scale, offset)


@workload("layer-norm gradient, 2048×1024", tolerance=1e-3)
def layer_norm_gradient(jax, jnp, np):
    def loss(x, scale, offset):
        return jnp.sum(layer_norm(jnp, x, scale, offset) ** 3)

    scale, offset = jnp.linspace(0.5, 1.5, 1024), jnp.linspace(-1, 1, 1024)
    args = (normals(jnp, np, 2048, 1024), scale, offset)
    return jax.jit(jax.grad(loss, argnums=(0, 1, 2))), args
