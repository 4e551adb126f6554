"""Whole small programs of science and statistics."""

from .data import normal, normals
from .registry import workload


# Each library estimates with draws of its own: the tolerance is five standard errors.
@workload("pi from 4e6 uniforms", tolerance=2e-3)
def monte_carlo_pi(jax, jnp, np):
    def f(key):
        x, y = jax.random.uniform(key, (2, 2_000_000))
        return 4 * jnp.mean(x * x + y * y < 1)

    return jax.jit(f), (jax.random.key(0),)


@workload("price of an Asian option, 20,000 paths of 100 days", tolerance=5e-2)
def asian_option(jax, jnp, np):
    def f(key, spot, strike, rate, volatility):
        day = 1 / 252
        steps = jax.random.normal(key, (20_000, 100)) * volatility * jnp.sqrt(day)
        growth = (rate - 0.5 * volatility**2) * day
        paths = spot * jnp.exp(jnp.cumsum(steps + growth, axis=1))
        return jnp.exp(-rate) * jnp.maximum(paths.mean(axis=1) - strike, 0).mean()

    prices = (jnp.float32(x) for x in (100, 95, 0.03, 0.3))
    return jax.jit(f), (jax.random.key(0), *prices)


@workload("game of life, 20 steps of 512²", tolerance=0)
def game_of_life(jax, jnp, np):
    def f(cells):
        def step(_, cells):
            turns = [(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1) if i or j]
            n = sum(jnp.roll(cells, turn, axis=(0, 1)) for turn in turns)
            return ((n == 3) | ((n == 2) & (cells == 1))).astype(jnp.int32)

        return jax.lax.fori_loop(0, 20, step, cells)

    return jax.jit(f), ((normal(jnp, np, 512, 512) > 0.5).astype(jnp.int32),)


@workload("Laplace's equation, 100 Jacobi steps of 256²", tolerance=1e-4)
def laplace(jax, jnp, np):
    def f(x):
        def step(_, x):
            around = x[:-2, 1:-1] + x[2:, 1:-1] + x[1:-1, :-2] + x[1:-1, 2:]
            return x.at[1:-1, 1:-1].set(0.25 * around)

        return jax.lax.fori_loop(0, 100, step, x)

    return jax.jit(f), (normal(jnp, np, 256, 256),)


@workload("k-means step, 20,000 points of 16, 64 centres", tolerance=1e-4)
def k_means(jax, jnp, np):
    def f(points, centres):
        apart = (centres**2).sum(axis=1) - 2 * points @ centres.T
        nearest = apart.argmin(axis=1)
        total = jax.ops.segment_sum(points, nearest, num_segments=64)
        count = jax.ops.segment_sum(jnp.ones(len(points)), nearest, num_segments=64)
        return total / jnp.maximum(count, 1)[:, None]

    return jax.jit(f), normals(jnp, np, (20_000, 16), (64, 16))


@workload("Gaussian kernel of 1,000 points and its product", tolerance=1e-4)
def kernel_matrix(jax, jnp, np):
    def f(x, weights):
        square = (x**2).sum(axis=1)
        apart = square[:, None] + square[None] - 2 * x @ x.T
        return jnp.exp(-0.5 * apart) @ weights

    return jax.jit(f), normals(jnp, np, (1000, 8), 1000)


@workload("power iteration, 50 steps of 512²", tolerance=1e-4)
def power_iteration(jax, jnp, np):
    def f(x, start):
        def step(_, v):
            v = x @ v
            return v / jnp.linalg.norm(v)

        v = jax.lax.fori_loop(0, 50, step, start)
        return v @ x @ v

    x, start = normals(jnp, np, (512, 512), 512)
    return jax.jit(f), (x @ x.T / 512, start)
