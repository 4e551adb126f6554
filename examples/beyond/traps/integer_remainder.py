"""A remainder of a division by zero gives some number; in strict mode it is an error."""

import gradax as jax
import gradax.numpy as jnp
from gradax import errors


def wrapped(i, n):
    return i % n


def main():
    print("silently:", wrapped(jnp.array([6, 5]), jnp.array([4, 0])))
    with jax.strict():
        try:
            wrapped(jnp.array([6, 5]), jnp.array([4, 0]))
        except errors.ZeroDivisionCheckError as error:
            print("strict:", error)


if __name__ == "__main__":
    main()
