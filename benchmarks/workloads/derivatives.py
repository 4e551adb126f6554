"""Derivatives of derivatives, and of many examples."""

from .registry import workload


@workload("Hessian of Rosenbrock's function, 32 variables", tolerance=1e-4)
def hessian(jax, jnp, np):
    def f(x):
        return jnp.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)

    def hessian(x):
        def row(v):
            return jax.jvp(jax.grad(f), (x,), (v,))[1]

        return jax.vmap(row)(jnp.eye(32))

    return jax.jit(hessian), (jnp.linspace(-1, 1, 32),)


@workload("gradients of each of 256 examples, 64-128-10", tolerance=1e-4)
def per_example_gradients(jax, jnp, np):
    def loss(params, x, y):
        logits = jnp.tanh(x @ params["w1"]) @ params["w2"]
        shifted = logits - logits.max()
        return jnp.log(jnp.exp(shifted).sum()) - (shifted * y).sum()

    rng = np.random.default_rng(0)
    shapes = {"w1": (64, 128), "w2": (128, 10)}
    params = {k: rng.normal(size=s).astype(np.float32) * 0.1 for k, s in shapes.items()}
    x = rng.normal(size=(256, 64)).astype(np.float32)
    y = np.eye(10, dtype=np.float32)[rng.integers(0, 10, 256)]
    f = jax.jit(jax.vmap(jax.grad(loss), (None, 0, 0)))
    return f, (jax.tree.map(jnp.asarray, params), jnp.asarray(x), jnp.asarray(y))


@workload("fourth derivative of a scalar function at 10,000 points", tolerance=1e-3)
def fourth_derivative(jax, jnp, np):
    def f(x):
        return jnp.sin(x) * jnp.exp(-x * x)

    for _ in range(4):
        f = jax.grad(f)
    return jax.jit(jax.vmap(f)), (jnp.linspace(-2, 2, 10_000),)
