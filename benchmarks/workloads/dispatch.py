"""Programs that compute next to nothing: what a call costs."""

from .registry import workload


@workload("jitted scalar call", steady_target=4, first_target=2)
def scalar_call(jax, jnp, np):
    return jax.jit(lambda x: x + 1), (jnp.float32(1),)


@workload("jitted call with a Python scalar")
def python_scalar_call(jax, jnp, np):
    return jax.jit(lambda x: x + 1), (1.0,)


@workload("jitted call, 50 leaves in and out")
def fifty_leaf_call(jax, jnp, np):
    tree = {f"layer{i}": {"w": jnp.ones(4), "b": jnp.ones(4)} for i in range(25)}
    return jax.jit(lambda t: jax.tree.map(lambda x: x + 1, t)), (tree,)


@workload("100 eager operations, 16 elements", steady_target=4, first_target=2)
def eager_100(jax, jnp, np):
    def f(x):
        for _ in range(25):
            x = jnp.sin(x)
            x = x * 0.5
            x = x + 1.0
            x = jnp.maximum(x, 0.1)
        return x

    return f, (jnp.linspace(0, 1, 16),)


@workload("eager gradient of a small loss")
def eager_grad(jax, jnp, np):
    def loss(w, x, y):
        return jnp.mean((jnp.tanh(x @ w) - y) ** 2)

    rng = np.random.default_rng(0)
    shapes = [(8,), (16, 8), (16,)]
    args = tuple(jnp.asarray(rng.normal(size=s).astype(np.float32)) for s in shapes)
    return jax.grad(loss), args


@workload("20 jitted calls in a chain, each on the last one's result")
def call_chain(jax, jnp, np):
    step = jax.jit(lambda x: jnp.sin(x) + 1)

    def f(x):
        for _ in range(20):
            x = step(x)
        return x

    return f, (jnp.linspace(0, 1, 16),)
