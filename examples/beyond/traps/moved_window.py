"""A window that is not inside its array is moved inside; in strict mode it is an error."""

import gradax as jax
import gradax.numpy as jnp
from gradax import errors, lax


def tail(x, start):
    return lax.dynamic_slice(x, (start,), (3,))


def main():
    print("silently:", tail(jnp.arange(5.0), 3))
    with jax.strict():
        try:
            tail(jnp.arange(5.0), 3)
        except errors.OutOfBoundsError as error:
            print("strict:", error)


if __name__ == "__main__":
    main()
