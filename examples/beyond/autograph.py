"""Python's own if, while, for and break on traced values: compiled, mapped, differentiated."""

import gradax as jax
import gradax.numpy as jnp


@jax.autograph
def collatz(n):
    """Count the steps of 3n + 1 until 1 is reached."""
    steps = 0
    while n != 1:
        if n % 2 == 0:
            n = n // 2
        else:
            n = 3 * n + 1
        steps += 1
    return steps


@jax.autograph
def root(a, tolerance=1e-6):
    """Return the square root of a, by Newton's method, and the number of steps."""
    x = a
    for step in range(50):  # noqa: B007  read after the loop
        better = (x + a / x) / 2
        if abs(better - x) <= tolerance * better:
            break
        x = better
    return x, step


@jax.autograph
def tax(income):
    """Return a tax that is a different polynomial in each bracket."""
    if income < 10:
        return 0.0
    if 10 <= income < 50:
        return 0.2 * (income - 10)
    due = 8.0
    for _ in range(3):
        due = due + (0.1 * (income - 50) if income > 50 else 0.0)
    return due


@jax.autograph
def clipped_sum(xs, limit):
    """Add positive elements until the limit is passed."""
    total = 0.0
    for x in xs:
        if x < 0:
            continue
        total += x
        if total > limit:
            return limit
    return total


def main():
    print("collatz(27):", jax.jit(collatz)(27))
    print("collatz(1..10):", jax.vmap(collatz)(jnp.arange(1, 11)))
    value, steps = jax.jit(root)(2.0)
    print(f"root(2): {value:.6f} after {steps} steps")
    roots, steps = jax.vmap(root)(jnp.array([1.0, 2.0, 100.0]))
    print("roots:", roots, "steps:", steps)
    slope = jax.jit(jax.grad(lambda a: root(a)[0]))(4.0)
    print(f"derivative of root at 4: {slope:.6f}")
    incomes = jnp.array([5.0, 30.0, 70.0])
    print("tax:", jax.vmap(tax)(incomes))
    print("marginal rates:", jax.vmap(jax.jit(jax.grad(tax)))(incomes))
    xs = jnp.array([1.0, -2.0, 3.0, 4.0])
    print("clipped sums:", jax.jit(clipped_sum)(xs, 5.0), jax.jit(clipped_sum)(xs, 50.0))
    print("in plain Python:", collatz(27), clipped_sum([1.0, -2.0, 3.0, 4.0], 50.0))


if __name__ == "__main__":
    main()
