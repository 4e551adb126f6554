"""Training steps."""

import itertools

from .data import integer, normals
from .registry import workload


def dense_parameters(np, sizes):
    rng = np.random.default_rng(0)
    return [
        {
            "w": (rng.normal(size=(m, n)) / np.sqrt(m)).astype(np.float32),
            "b": np.zeros(n, np.float32),
        }
        for m, n in itertools.pairwise(sizes)
    ]


def cross_entropy(jnp, logits, labels):
    """Return the mean loss without the names that only one neural-network module has."""
    shifted = logits - logits.max(axis=-1, keepdims=True)
    log_total = jnp.log(jnp.exp(shifted).sum(axis=-1))
    picked = jnp.where(labels[:, None] == jnp.arange(logits.shape[-1]), shifted, 0).sum(axis=-1)
    return jnp.mean(log_total - picked)


def descend(jax, loss):
    def step(params, x, y):
        value, grads = jax.value_and_grad(loss)(params, x, y)
        return jax.tree.map(lambda p, g: p - 0.1 * g, params, grads), value

    return jax.jit(step)


@workload(
    "dense 784-512-512-10 training step, 128 images",
    steady_target=1.0,
    first_target=2,
    tolerance=1e-4,
)
def dense_step(jax, jnp, np):
    def loss(params, x, y):
        for layer in params[:-1]:
            x = jnp.maximum(x @ layer["w"] + layer["b"], 0)
        return cross_entropy(jnp, x @ params[-1]["w"] + params[-1]["b"], y)

    rng = np.random.default_rng(1)
    params = jax.tree.map(jnp.asarray, dense_parameters(np, [784, 512, 512, 10]))
    x = jnp.asarray(rng.uniform(size=(128, 784)).astype(np.float32))
    y = jnp.asarray(rng.integers(0, 10, 128).astype(np.int32))
    return descend(jax, loss), (params, x, y)


@workload("convolutional training step, 32 images 28×28", tolerance=1e-4)
def conv_step(jax, jnp, np):
    def convolve(x, layer, stride):
        numbers = ("NHWC", "HWIO", "NHWC")
        y = jax.lax.conv_general_dilated(
            x, layer["w"], (stride, stride), "SAME", dimension_numbers=numbers
        )
        return jnp.maximum(y + layer["b"], 0)

    def loss(params, x, y):
        x = convolve(x, params["conv1"], 1)
        x = convolve(x, params["conv2"], 2)
        x = convolve(x, params["conv3"], 2)
        x = x.reshape(x.shape[0], -1)
        return cross_entropy(jnp, x @ params["dense"]["w"] + params["dense"]["b"], y)

    rng = np.random.default_rng(0)

    def layer(*shape):
        w = rng.normal(size=shape) / np.sqrt(np.prod(shape[:-1]))
        return {"w": jnp.asarray(w.astype(np.float32)), "b": jnp.zeros(shape[-1])}

    params = {
        "conv1": layer(3, 3, 1, 16),
        "conv2": layer(3, 3, 16, 32),
        "conv3": layer(3, 3, 32, 32),
        "dense": layer(7 * 7 * 32, 10),
    }
    x = jnp.asarray(rng.uniform(size=(32, 28, 28, 1)).astype(np.float32))
    y = jnp.asarray(rng.integers(0, 10, 32).astype(np.int32))
    return descend(jax, loss), (params, x, y)


@workload("attention block gradient, 8×64×128, 4 heads", tolerance=1e-4)
def attention_gradient(jax, jnp, np):
    n_heads, width = 4, 128

    def split_heads(x):
        return x.reshape(x.shape[0], x.shape[1], n_heads, -1).transpose(0, 2, 1, 3)

    def loss(params, x):
        q, k, v = (split_heads(x @ params[name]) for name in ("q", "k", "v"))
        scores = q @ k.transpose(0, 1, 3, 2) / np.float32(np.sqrt(width // n_heads))
        weights = jnp.exp(scores - scores.max(axis=-1, keepdims=True))
        mixed = (weights / weights.sum(axis=-1, keepdims=True)) @ v
        x = x + mixed.transpose(0, 2, 1, 3).reshape(x.shape) @ params["o"]
        return jnp.mean((x + jnp.tanh(x @ params["up"]) @ params["down"]) ** 2)

    rng = np.random.default_rng(0)
    shapes = dict.fromkeys("qkvo", (width, width))
    shapes |= {"up": (width, 4 * width), "down": (4 * width, width)}
    params = {k: rng.normal(size=s).astype(np.float32) * 0.05 for k, s in shapes.items()}
    x = rng.normal(size=(8, 64, width)).astype(np.float32)
    return jax.jit(jax.grad(loss)), (jax.tree.map(jnp.asarray, params), jnp.asarray(x))


@workload("Adam over a tree of 50 leaves, 64×64 each", tolerance=1e-4)
def adam_tree(jax, jnp, np):
    @jax.jit
    def step(params, grads, mean, square, count):
        mean = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, mean, grads)
        square = jax.tree.map(lambda s, g: 0.999 * s + 0.001 * g * g, square, grads)
        rate = 1e-3 * jnp.sqrt(1 - 0.999**count) / (1 - 0.9**count)
        params = jax.tree.map(
            lambda p, m, s: p - rate * m / (jnp.sqrt(s) + 1e-8), params, mean, square
        )
        return params, mean, square

    rng = np.random.default_rng(0)

    def tree():
        draws = (np.abs(rng.normal(size=(64, 64))).astype(np.float32) for _ in range(50))
        return {f"leaf{i}": jnp.asarray(x) for i, x in enumerate(draws)}

    return step, (tree(), tree(), tree(), tree(), jnp.float32(3))


@workload("language-model training step, 8×64 words, 4 heads of 32", tolerance=1e-4)
def transformer_step(jax, jnp, np):
    n_heads, width, n_words = 4, 128, 64

    def normalize(x):
        x = x - x.mean(axis=-1, keepdims=True)
        return x / jnp.sqrt((x**2).mean(axis=-1, keepdims=True) + 1e-5)

    def attend(params, x):
        heads = (x @ params["qkv"]).reshape(*x.shape[:2], 3, n_heads, -1)
        q, k, v = jnp.moveaxis(heads, 2, 0)
        scores = jnp.einsum("bqhd,bkhd->bhqk", q, k) / (width // n_heads) ** 0.5
        seen = jnp.tril(jnp.ones((x.shape[1], x.shape[1]), bool))
        weights = jax.nn.softmax(jnp.where(seen, scores, -jnp.inf))
        return jnp.einsum("bhqk,bkhd->bqhd", weights, v).reshape(x.shape) @ params["out"]

    def loss(params, words, labels):
        x = params["words"][words]
        x = x + attend(params, normalize(x))
        x = x + jax.nn.gelu(normalize(x) @ params["up"]) @ params["down"]
        logits = normalize(x) @ params["words"].T
        return cross_entropy(jnp, logits.reshape(-1, n_words), labels)

    shapes = {"words": (n_words, width), "qkv": (width, 3 * width), "out": (width, width)}
    shapes |= {"up": (width, 4 * width), "down": (4 * width, width)}
    draws = normals(jnp, np, *shapes.values())
    params = {name: 0.1 * x for name, x in zip(shapes, draws, strict=True)}
    words = integer(jnp, np, 0, n_words, 8, 64)
    return descend(jax, loss), (params, words, words.ravel()[::-1])


@workload("batch-norm gradient, 64×16×16×32", tolerance=1e-4)
def batch_norm_gradient(jax, jnp, np):
    def loss(params, x):
        scale, offset = params
        mean, variance = x.mean(axis=(0, 1, 2)), x.var(axis=(0, 1, 2))
        y = (x - mean) * jax.lax.rsqrt(variance + 1e-5) * scale + offset
        return (jnp.maximum(y, 0) ** 2).mean()

    scale, offset, x = normals(jnp, np, 32, 32, (64, 16, 16, 32))
    return jax.jit(jax.grad(loss, argnums=(0, 1))), ((scale, offset), x)
