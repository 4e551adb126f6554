"""Gradients through loops whose number of steps is not known, in bounded memory."""

import gradax as jax
import gradax.numpy as jnp
from gradax import lax


def settle(w, x, tolerance=1e-6):
    """Iterate x ← tanh(w x + 1/2) until it changes no more; return it and the number of steps."""

    def goes_on(state):
        _, change, _ = state
        return change > tolerance

    def step(state):
        x, _, n = state
        new = jnp.tanh(w * x + 0.5)
        return new, jnp.abs(new - x), n + 1

    x, _, n = lax.while_loop(goes_on, step, (x, jnp.float32(1), 0))
    return x, n


def decay(x, n):
    """Apply a step n times; n is known only when the program runs."""
    return lax.fori_loop(0, n, lambda _, x: x - 0.1 * jnp.sin(x), x)


def long_walk(x, checkpoint):
    """Take ten thousand steps with a state of a thousand numbers."""

    def step(state, _):
        return state + 1e-5 * jnp.sin(3 * state), None

    return lax.scan(step, x, None, length=10_000, checkpoint=checkpoint)[0].sum()


def temporary_bytes(checkpoint):
    """Return what the compiled gradient keeps between its forward and its backward run."""
    gradient = jax.jit(jax.grad(lambda x: long_walk(x, checkpoint)))
    compiled = gradient.lower(jax.ShapeDtypeStruct((1000,), jnp.float32)).compile()
    return compiled.memory_analysis().temp_size_in_bytes


def main():
    x, n = jax.jit(settle)(0.7, 0.0)
    gradient = jax.jit(jax.grad(settle, has_aux=True))(0.7, 0.0)[0]
    slope = 1 - x**2  # of tanh, at the fixed point
    print(f"fixed point {x:.5f} after {n} steps")
    print(f"derivative {gradient:.5f}, where theory says {slope * x / (1 - slope * 0.7):.5f}")
    print("for each start:", jax.vmap(jax.grad(decay), (0, None))(jnp.array([0.1, 1.0, 3.0]), 20))
    print("second derivative:", jax.grad(jax.grad(decay))(1.0, 20))
    whole, thinned = temporary_bytes(None) / 1e6, temporary_bytes("auto") / 1e6
    print(f"10,000 steps: {whole:.1f} MB kept; with checkpoint='auto' {thinned:.1f} MB")
    ones = jnp.ones(1000)
    a, b = (jax.grad(lambda x, c=c: long_walk(x, c))(ones)[0] for c in (None, "auto"))
    print(f"the gradients: {a:.6f} and {b:.6f}")


if __name__ == "__main__":
    main()
