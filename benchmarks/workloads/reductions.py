"""Programs that reduce, and those built around a reduction of rows."""

from .data import normal, uniform
from .registry import workload


def softmax(jnp, x):
    shifted = jnp.exp(x - x.max(axis=-1, keepdims=True))
    return shifted / shifted.sum(axis=-1, keepdims=True)


def layer_norm(jnp, x, scale, offset):
    centred = x - x.mean(axis=-1, keepdims=True)
    variance = (centred**2).mean(axis=-1, keepdims=True)
    return centred / jnp.sqrt(variance + 1e-5) * scale + offset


@workload("sum of rows, 4096×1024")
def sum_rows(jax, jnp, np):
    return jax.jit(lambda x: x.sum(axis=1)), (normal(jnp, np, 4096, 1024),)


@workload("sum of columns, 4096×1024")
def sum_columns(jax, jnp, np):
    return jax.jit(lambda x: x.sum(axis=0)), (normal(jnp, np, 4096, 1024),)


@workload("sum of all, 1e7")
def sum_all(jax, jnp, np):
    x = np.random.default_rng(0).uniform(size=10_000_000).astype(np.float32)
    return jax.jit(lambda x: x.sum()), (jnp.asarray(x),)


@workload("argmax of rows, 4096×1024", tolerance=0)
def argmax_rows(jax, jnp, np):
    return jax.jit(lambda x: x.argmax(axis=1)), (normal(jnp, np, 4096, 1024),)


@workload("cumulative sum, 1e6", tolerance=1e-4)
def cumsum(jax, jnp, np):
    x = np.random.default_rng(0).uniform(size=1_000_000).astype(np.float32)
    return jax.jit(jnp.cumsum), (jnp.asarray(x),)


@workload("log-sum-exp of rows, 4096×1024")
def logsumexp(jax, jnp, np):
    def f(x):
        top = x.max(axis=1)
        return jnp.log(jnp.exp(x - top[:, None]).sum(axis=1)) + top

    return jax.jit(f), (normal(jnp, np, 4096, 1024),)


@workload("softmax of rows, 4096×1024")
def softmax_rows(jax, jnp, np):
    return jax.jit(lambda x: softmax(jnp, x)), (normal(jnp, np, 4096, 1024),)


@workload("softmax gradient, 2048×1024", tolerance=1e-4)
def softmax_gradient(jax, jnp, np):
    def loss(x):
        return jnp.sum(softmax(jnp, x) ** 2)

    return jax.jit(jax.grad(loss)), (normal(jnp, np, 2048, 1024),)


@workload("layer norm, 4096×1024")
def layer_norm_rows(jax, jnp, np):
    scale, offset = jnp.linspace(0.5, 1.5, 1024), jnp.linspace(-1, 1, 1024)
    return jax.jit(lambda *xs: layer_norm(jnp, *xs)), (normal(jnp, np, 4096, 1024), scale, offset)


@workload("layer-norm gradient, 2048×1024", tolerance=1e-3)
def layer_norm_gradient(jax, jnp, np):
    def loss(x, scale, offset):
        return jnp.sum(layer_norm(jnp, x, scale, offset) ** 3)

    scale, offset = jnp.linspace(0.5, 1.5, 1024), jnp.linspace(-1, 1, 1024)
    args = (normal(jnp, np, 2048, 1024), scale, offset)
    return jax.jit(jax.grad(loss, argnums=(0, 1, 2))), args


@workload("variance of rows, 4096×1024")
def variance_rows(jax, jnp, np):
    return jax.jit(lambda x: x.var(axis=1)), (normal(jnp, np, 4096, 1024),)


@workload("mean and standard deviation of columns, 4096×1024")
def mean_std_columns(jax, jnp, np):
    return jax.jit(lambda x: (x.mean(axis=0), x.std(axis=0))), (normal(jnp, np, 4096, 1024),)


@workload("standard deviation of all, 1e7", tolerance=1e-4)
def std_all(jax, jnp, np):
    return jax.jit(lambda x: x.std()), (uniform(jnp, np, 0, 1, 10_000_000),)


@workload("least and greatest over the middle axis, 128×256×128", tolerance=0)
def min_max_middle(jax, jnp, np):
    return jax.jit(lambda x: (x.min(axis=1), x.max(axis=1))), (normal(jnp, np, 128, 256, 128),)


@workload("log-sum-exp gradient, 2048×1024", tolerance=1e-4)
def logsumexp_gradient(jax, jnp, np):
    def total(x):
        return (jax.scipy.special.logsumexp(x, axis=1) ** 2).sum()

    return jax.jit(jax.grad(total)), (normal(jnp, np, 2048, 1024),)


@workload("any of rows and all of columns, 4096×1024", tolerance=0)
def any_all(jax, jnp, np):
    def f(x):
        return (x > 3.5).any(axis=1), (x > -4).all(axis=0)

    return jax.jit(f), (normal(jnp, np, 4096, 1024),)


@workload("cumulative product of rows, 1024²", tolerance=1e-4)
def cumprod_rows(jax, jnp, np):
    return jax.jit(lambda x: jnp.cumprod(x, axis=1)), (uniform(jnp, np, 0.95, 1.05, 1024, 1024),)


@workload("cumulative maximum of columns, 1024²", tolerance=0)
def cummax_columns(jax, jnp, np):
    return jax.jit(lambda x: jax.lax.cummax(x, axis=0)), (normal(jnp, np, 1024, 1024),)
