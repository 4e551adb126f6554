"""Linear algebra beyond products, of one matrix and of many small ones."""

from .data import normal, normals
from .registry import workload


def positive(jnp, np, *shape):
    """Return symmetric matrices whose eigenvalues lie well above zero."""
    x = normal(jnp, np, *shape)
    return x @ jnp.swapaxes(x, -1, -2) / shape[-1] + jnp.eye(shape[-1])


def regular(jnp, np, *shape):
    """Return matrices that are far from singular."""
    return normal(jnp, np, *shape) / shape[-1] ** 0.5 + 2 * jnp.eye(shape[-1])


def spread(jnp, np, n, symmetric):
    """Return a matrix whose singular values lie evenly from 1 to 10: its vectors are defined."""
    rng = np.random.default_rng(0)
    left, right = (np.linalg.qr(rng.normal(size=(n, n)))[0] for _ in range(2))
    x = left * np.linspace(1, 10, n) @ (left if symmetric else right).T
    return jnp.asarray(x.astype(np.float32))


def symmetric_eigen(jnp, x):
    """Return eigenvalues and eigenvectors, these without their arbitrary signs."""
    values, vectors = jnp.linalg.eigh(x)
    return values, jnp.abs(vectors)


@workload("Cholesky, 512²", tolerance=1e-4)
def cholesky_512(jax, jnp, np):
    return jax.jit(jnp.linalg.cholesky), (positive(jnp, np, 512, 512),)


@workload("Cholesky, 1,000 of 8×8", tolerance=1e-4)
def cholesky_batch(jax, jnp, np):
    return jax.jit(jnp.linalg.cholesky), (positive(jnp, np, 1000, 8, 8),)


@workload("solve a triangle, 512² for 64 right sides", tolerance=1e-4)
def solve_triangle(jax, jnp, np):
    def f(lower, b):
        return jax.scipy.linalg.solve_triangular(lower, b, lower=True)

    lower = jnp.linalg.cholesky(positive(jnp, np, 512, 512))
    return jax.jit(f), (lower, normal(jnp, np, 512, 64))


@workload("solve, 512² for 16 right sides", tolerance=1e-4)
def solve_512(jax, jnp, np):
    return jax.jit(jnp.linalg.solve), (regular(jnp, np, 512, 512), normal(jnp, np, 512, 16))


@workload("solve, 1,000 of 4×4", tolerance=1e-3)
def solve_batch(jax, jnp, np):
    return jax.jit(jnp.linalg.solve), (positive(jnp, np, 1000, 4, 4), normal(jnp, np, 1000, 4, 1))


@workload("inverse, 512²", tolerance=1e-4)
def inverse_512(jax, jnp, np):
    return jax.jit(jnp.linalg.inv), (positive(jnp, np, 512, 512),)


@workload("inverse, 1,000 of 4×4", tolerance=1e-3)
def inverse_batch(jax, jnp, np):
    return jax.jit(jnp.linalg.inv), (positive(jnp, np, 1000, 4, 4),)


@workload("QR, 512×256", tolerance=1e-4)
def qr_512(jax, jnp, np):
    return jax.jit(lambda x: tuple(jnp.linalg.qr(x))), (normal(jnp, np, 512, 256),)


# Vectors of neighbouring values mix, by the roundings over the values' distance.
@workload("symmetric eigenvectors, 256²", tolerance=1e-3)
def eigh_256(jax, jnp, np):
    return jax.jit(lambda x: symmetric_eigen(jnp, x)), (spread(jnp, np, 256, True),)


@workload("symmetric eigenvectors, 1,000 of 4×4", tolerance=1e-3)
def eigh_batch(jax, jnp, np):
    return jax.jit(lambda x: symmetric_eigen(jnp, x)), (positive(jnp, np, 1000, 4, 4),)


@workload("singular values and vectors, 256²", tolerance=1e-3)
def svd_256(jax, jnp, np):
    def f(x):
        u, s, vt = jnp.linalg.svd(x)
        return jnp.abs(u), s, jnp.abs(vt)

    return jax.jit(f), (spread(jnp, np, 256, False),)


@workload("determinant's logarithm, 512²", tolerance=1e-4)
def slogdet_512(jax, jnp, np):
    return jax.jit(lambda x: tuple(jnp.linalg.slogdet(x))), (regular(jnp, np, 512, 512),)


@workload("determinants, 1,000 of 4×4", tolerance=1e-4)
def det_batch(jax, jnp, np):
    return jax.jit(jnp.linalg.det), (regular(jnp, np, 1000, 4, 4),)


@workload("gradient of a determinant's logarithm, 256²", tolerance=1e-4)
def slogdet_gradient(jax, jnp, np):
    def f(x):
        return jnp.linalg.slogdet(x)[1]

    return jax.jit(jax.grad(f)), (regular(jnp, np, 256, 256),)


@workload("gradient of a Gaussian process's likelihood, 512 points", tolerance=1e-3)
def gaussian_process(jax, jnp, np):
    def loss(params, x, y):
        scale, noise = jnp.exp(params["scale"]), jnp.exp(params["noise"])
        apart = ((x[:, None] - x[None]) / scale) ** 2
        cov = jnp.exp(-0.5 * apart.sum(axis=-1)) + noise * jnp.eye(len(x))
        lower = jnp.linalg.cholesky(cov)
        half = jax.scipy.linalg.solve_triangular(lower, y, lower=True)
        return 0.5 * half @ half + jnp.log(jnp.diagonal(lower)).sum()

    x, y = normals(jnp, np, (512, 3), 512)
    return jax.jit(jax.grad(loss)), ({"scale": jnp.zeros(3), "noise": jnp.float32(-1)}, x, y)
