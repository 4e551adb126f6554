"""An integer division by zero gives some number; in strict mode it is an error."""

import gradax as jax
import gradax.numpy as jnp
from gradax import errors


@jax.jit
def mean(total, count):
    return total // count


def main():
    print("silently:", mean(jnp.array([6, 5]), jnp.array([2, 0])))
    with jax.strict():
        try:
            mean(jnp.array([6, 5]), jnp.array([2, 0])).block_until_ready()
        except errors.ZeroDivisionCheckError as error:
            print("strict:", error)


if __name__ == "__main__":
    main()
