"""Programs whose first call is what matters."""

from .registry import workload


def unrolled(jax, jnp, n_rounds):
    def f(x, y):
        for i in range(n_rounds):
            x = jnp.sin(x) + y
            y = y * (0.99 + 1e-5 * i)
        return x, y

    return jax.jit(f), (jnp.linspace(0, 1, 16), jnp.linspace(1, 2, 16))


@workload("100 unrolled equations", tolerance=1e-4)
def unrolled_100(jax, jnp, np):
    return unrolled(jax, jnp, 33)


@workload("1,000 unrolled equations", tolerance=1e-3)
def unrolled_1000(jax, jnp, np):
    return unrolled(jax, jnp, 333)


@workload("30 dense layers unrolled, their gradient", tolerance=1e-3)
def deep_gradient(jax, jnp, np):
    def loss(params, x):
        for w in params:
            x = jnp.tanh(x @ w) + x
        return jnp.mean(x**2)

    rng = np.random.default_rng(0)
    draws = [rng.normal(size=(32, 32)).astype(np.float32) * 0.1 for _ in range(30)]
    x = jnp.asarray(rng.normal(size=(16, 32)).astype(np.float32))
    return jax.jit(jax.grad(loss)), ([jnp.asarray(w) for w in draws], x)


@workload("20 inner jitted functions, called 100 times")
def inner_calls(jax, jnp, np):
    def make_block(i):
        return jax.jit(lambda x: jnp.tanh(x * (1 + 0.01 * i)) + 0.1)

    blocks = [make_block(i) for i in range(20)]

    def f(x):
        for _ in range(5):
            for block in blocks:
                x = block(x)
        return x

    return jax.jit(f), (jnp.linspace(0, 1, 256),)


@workload("10 unrolled equations", tolerance=1e-4)
def unrolled_10(jax, jnp, np):
    return unrolled(jax, jnp, 3)


@workload("3,000 unrolled equations", tolerance=1e-3)
def unrolled_3000(jax, jnp, np):
    return unrolled(jax, jnp, 1000)


@workload("one inner jitted function, called 50 times")
def repeated_call(jax, jnp, np):
    @jax.jit
    def layer(x, w):
        return jnp.tanh(x @ w) + x

    @jax.jit
    def f(x, w):
        for _ in range(50):
            x = layer(x, w)
        return x

    return f, (jnp.ones((16, 32)), jnp.eye(32) * 0.1)


@workload("a closed-over constant of 1e7", tolerance=1e-6)
def captured_constant(jax, jnp, np):
    table = jnp.asarray(np.random.default_rng(0).uniform(size=10_000_000).astype(np.float32))
    return jax.jit(lambda x: table * x), (jnp.float32(2),)


def traced(jax, jnp, n):
    """Return the function that traces `n` equations, without compiling, and counts them."""

    def f(x):
        for _ in range(n // 4):
            x = jnp.sin(x) * 0.5 + x * 0.25
        return x

    # A new function each time: JAX remembers the jaxprs of functions that it has seen.
    return lambda x: len(jax.make_jaxpr(lambda y: f(y))(x).jaxpr.eqns), (jnp.float32(1),)


@workload("tracing 10,000 equations")
def traced_10000(jax, jnp, np):
    return traced(jax, jnp, 10_000)


@workload("tracing 100,000 equations")
def traced_100000(jax, jnp, np):
    return traced(jax, jnp, 100_000)
