"""The gradient of a branch that `where` did not take is NaN, and NaN times 0 is NaN."""

import gradax as jax
import gradax.numpy as jnp
from gradax import errors


def root_sum(x):
    return jnp.where(x > 0, jnp.sqrt(x), 0.0).sum()


def mended(x):
    safe = jnp.where(x > 0, x, 1.0)
    return jnp.where(x > 0, jnp.sqrt(safe), 0.0).sum()


def main():
    print("silently:", jax.grad(root_sum)(jnp.array([0.0, 4.0])))
    print("mended:", jax.grad(mended)(jnp.array([0.0, 4.0])))
    with jax.strict():
        try:
            jax.grad(root_sum)(jnp.array([0.0, 4.0]))
        except errors.UntakenBranchError as error:
            print("strict:", error)


if __name__ == "__main__":
    main()
