"""An update outside its array is dropped; in strict mode it is an error."""

import gradax as jax
import gradax.numpy as jnp
from gradax import errors


@jax.jit
def mark(x, i):
    return x.at[i].set(1.0)


def main():
    print("silently:", mark(jnp.zeros(4), 4))
    with jax.strict():
        try:
            mark(jnp.zeros(4), 4).block_until_ready()
        except errors.OutOfBoundsError as error:
            print("strict:", error)


if __name__ == "__main__":
    main()
