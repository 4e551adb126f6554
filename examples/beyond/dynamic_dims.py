"""One compilation for many shapes: axes whose sizes are not fixed, and sizes that data decides."""

import time
from functools import partial

import gradax as jax
import gradax.numpy as jnp

traces = 0


def fit(t, y):
    """Fit a parabola; return the remaining error and its gradient in the data."""
    global traces
    traces += 1

    def error(y):
        powers = jnp.stack([jnp.ones_like(t), t, t**2], axis=1)
        weights = jnp.linalg.solve(powers.T @ powers, powers.T @ y)
        return jnp.mean((y - powers @ weights) ** 2)

    return jax.value_and_grad(error)(y)


def series(n):
    t = jnp.linspace(-1, 1, n)
    return t, jnp.sin(3 * t)


@partial(jax.jit, dynamic_dims=0)
def middle(x):
    """Average what lies within two standard deviations, and say how much that is."""
    kept = x[jnp.abs(x - x.mean()) < 2 * x.std()]
    return kept.mean(), kept.shape[0] / x.shape[0]


@partial(jax.jit, dynamic_dims=0)
def refused(x):
    total = 0.0
    for i in range(x.shape[0]):
        total += x[i]
    return total


def main():
    data = [series(n) for n in range(10, 210)]
    start = time.perf_counter()
    run = jax.jit(fit, dynamic_dims=0)
    errors = [run(t, y)[0] for t, y in data]
    seconds = time.perf_counter() - start
    print(f"200 lengths in {seconds:.2f} s, traced {traces} time(s); last error {errors[-1]:.6f}")

    run = jax.jit(fit, dynamic_dims="auto")
    for t, y in data[:10]:
        run(t, y)
    print(f"by itself from the third length on: traced {traces - 1} times for 10")

    x = jnp.array([1.0, 2.0, 3.0, 2.0, 1.0, 2.0, 40.0])
    for data in (x, x[:5]):
        mean, share = middle(data)
        print(f"the middle: {mean:.4f}, share {share:.4f}")
    try:
        refused(x)
    except jax.errors.StaticSizeError as error:
        print(error)


if __name__ == "__main__":
    main()
