"""An index that only the running program knows, outside its array: checked there."""

import gradax as jax
import gradax.numpy as jnp
from gradax import errors


@jax.jit
def pick(x, i):
    return x[i] + 1


def main():
    print("silently:", pick(jnp.arange(5.0), 7))
    with jax.strict():
        try:
            pick(jnp.arange(5.0), 7).block_until_ready()
        except errors.OutOfBoundsError as error:
            print("strict:", error)


if __name__ == "__main__":
    main()
