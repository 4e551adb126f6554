"""Mapped branches and loops do what each lane needs: a branch that is not taken does not run."""

import time

import gradax as jax
import gradax.numpy as jnp
from gradax import lax

MATRIX = jnp.cos(jnp.arange(256.0)).reshape(16, 16) / 5


def heavy(x):
    return lax.fori_loop(0, 1000, lambda _, v: jnp.tanh(MATRIX @ v), x)


def refine(is_hard, x):
    """Refine x where it is hard, else leave it nearly as it is."""
    return lax.cond(is_hard, heavy, lambda x: 2 * x, x)


def milliseconds(f, *args):
    jax.block_until_ready(f(*args))
    least = float("inf")
    for _ in range(5):
        start = time.perf_counter()
        jax.block_until_ready(f(*args))
        least = min(least, time.perf_counter() - start)
    return 1000 * least


def noted(x):
    """Say which lanes take the branch."""

    def large(x):
        jax.debug.print("large: {}", x)
        return x

    return lax.cond(x > 2, large, lambda x: -x, x)


def main():
    refine_all, x = jax.jit(jax.vmap(refine)), jnp.ones((200, 16))
    few = milliseconds(refine_all, jnp.arange(200) < 2, x)
    many = milliseconds(refine_all, jnp.ones(200, bool), x)
    print(f"2 hard rows of 200: {few:.2f} ms; 200 of 200: {many:.2f} ms")
    print("a hundredth of the work costs less than a tenth:", few < many / 10)
    print(jax.vmap(noted)(jnp.arange(5)))
    jax.effects_barrier()


if __name__ == "__main__":
    main()
