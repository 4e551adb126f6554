"""Matrix products."""

from .data import normals
from .registry import workload


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


@workload("matrix product, 128²")
def matmul_128(jax, jnp, np):
    return jax.jit(jnp.matmul), normals(jnp, np, (128, 128), (128, 128))


@workload("matrix product, 512²")
def matmul_512(jax, jnp, np):
    return jax.jit(jnp.matmul), normals(jnp, np, (512, 512), (512, 512))


@workload("matrix product, 2048²")
def matmul_2048(jax, jnp, np):
    return jax.jit(jnp.matmul), normals(jnp, np, (2048, 2048), (2048, 2048))


@workload("tall product, 50,000×64 by 64×32")
def matmul_tall(jax, jnp, np):
    return jax.jit(jnp.matmul), normals(jnp, np, (50_000, 64), (64, 32))


@workload("Gram matrix, 20,000×64 transposed by itself", tolerance=1e-4)
def gram(jax, jnp, np):
    return jax.jit(lambda x: x.T @ x), normals(jnp, np, (20_000, 64))


@workload("64 products of 64²")
def batched_64(jax, jnp, np):
    return jax.jit(jnp.matmul), normals(jnp, np, (64, 64, 64), (64, 64, 64))


@workload("vector by matrix, 2048²")
def vecmat(jax, jnp, np):
    return jax.jit(jnp.dot), normals(jnp, np, 2048, (2048, 2048))


@workload("einsum of three operands, bij,jk,bk→bi")
def einsum_three(jax, jnp, np):
    f = jax.jit(lambda x, w, y: jnp.einsum("bij,jk,bk->bi", x, w, y))
    return f, normals(jnp, np, (64, 128, 128), (128, 128), (64, 128))


@workload("product, bias and GELU, 512×256 by 256×1024")
def product_gelu(jax, jnp, np):
    f = jax.jit(lambda x, w, b: jax.nn.gelu(x @ w + b))
    return f, normals(jnp, np, (512, 256), (256, 1024), 1024)


@workload("attention, 8 heads of 256×64")
def attention(jax, jnp, np):
    def f(q, k, v):
        scores = jnp.einsum("hqd,hkd->hqk", q, k) / 8
        return jnp.einsum("hqk,hkd->hqd", jax.nn.softmax(scores), v)

    return jax.jit(f), normals(jnp, np, *[(8, 256, 64)] * 3)
